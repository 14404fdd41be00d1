import { expect, test } from 'vitest';
import { parseOptions } from './options.ts';

test('no tier named means all of them, and the checks', () => {
  expect(parseOptions([])).toEqual({
    tiers: ['unit', 'db', 'cluster', 'fault'],
    check: true,
    json: null,
    grep: null,
  });
});

test('named tiers run alone', () => {
  expect(parseOptions(['cluster', '--json', 'f'])).toEqual({
    tiers: ['cluster'],
    check: false,
    json: 'f',
    grep: null,
  });
});

test('an unknown tier is a usage error that names it', () => {
  expect(() => parseOptions(['clusters'])).toThrow(/unknown tier clusters/);
});
