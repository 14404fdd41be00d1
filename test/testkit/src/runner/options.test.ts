import { expect, test } from 'vitest';
import { parseOptions } from './options.ts';

test('no tier named means all of them, and the checks', () => {
  expect(parseOptions([])).toEqual({
    tiers: ['unit', 'db', 'cluster', 'fault'],
    check: true,
    json: null,
    grep: null,
    engines: ['sim', 'real'],
  });
});

test('named tiers run alone', () => {
  expect(parseOptions(['cluster', '--json', 'f'])).toEqual({
    tiers: ['cluster'],
    check: false,
    json: 'f',
    grep: null,
    engines: ['sim', 'real'],
  });
});

test('an unknown tier is a usage error that names it', () => {
  expect(() => parseOptions(['clusters'])).toThrow(/unknown tier clusters/);
});

test('the engine is that of the argument, else of the environment, else both', () => {
  expect(parseOptions([], 'sim').engines).toEqual(['sim']);
  expect(parseOptions(['--kube', 'real'], 'sim').engines).toEqual(['real']);
  expect(parseOptions([], '').engines).toEqual(['sim', 'real']);
  expect(() => parseOptions(['--kube', 'fake'])).toThrow(/unknown engine fake/);
});
