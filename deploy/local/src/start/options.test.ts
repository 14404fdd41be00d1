import { expect, test } from 'vitest';
import { parseStartOptions } from './options.ts';

test('without arguments it is three simulated clusters that stay', () => {
  expect(parseStartOptions([])).toEqual({
    once: false,
    json: undefined,
    timeoutMs: 180_000,
    clusters: 3,
    engine: { kind: 'sim' },
    fresh: false,
    stateDir: undefined,
    build: true,
  });
});

test('every option is understood', () => {
  const args = [
    '--once',
    '--json',
    'f',
    '--timeout',
    '3m',
    '--engine',
    'kubeconfig:a,b',
    '--clusters=2',
    '--fresh',
    '--state=elsewhere',
    '--no-build',
  ];
  expect(parseStartOptions(args)).toEqual({
    once: true,
    json: 'f',
    timeoutMs: 180_000,
    clusters: 2,
    engine: { kind: 'kubeconfig', contexts: ['a', 'b'] },
    fresh: true,
    stateDir: 'elsewhere',
    build: false,
  });
});

test.each(['sim', 'simkube'])('%s is the simulated engine', (name) => {
  expect(parseStartOptions(['--engine', name, '--clusters', '200'])).toMatchObject({
    engine: { kind: 'sim' },
    clusters: 200,
  });
});

test.each([
  [['--timeout', 'soon'], /soon is no time/],
  [['--clusters', '0'], /no number from 1 to 500/],
  [['--clusters', '501'], /no number from 1 to 500/],
  [['--clusters', '21', '--engine', 'kubelab'], /no number from 1 to 20, .* kubelab/],
  [['--engine', 'other'], /other is not known/],
  [['--nonsense'], /usage: npm start/],
])('%j is refused by a sentence', (args, message) => {
  expect(() => parseStartOptions(args)).toThrow(message);
});
