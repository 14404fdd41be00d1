import { expect, test } from 'vitest';
import { parseStartOptions } from './options.ts';

test('without arguments it is three local clusters that stay', () => {
  expect(parseStartOptions([])).toEqual({
    once: false,
    json: undefined,
    timeoutMs: 180_000,
    clusters: 3,
    engine: { kind: 'kubelab' },
    fresh: false,
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
  ];
  expect(parseStartOptions(args)).toEqual({
    once: true,
    json: 'f',
    timeoutMs: 180_000,
    clusters: 2,
    engine: { kind: 'kubeconfig', contexts: ['a', 'b'] },
    fresh: true,
  });
});

test.each([
  [['--timeout', 'soon'], /soon is no time/],
  [['--clusters', '0'], /no number from 1 to 20/],
  [['--engine', 'other'], /other is not known/],
  [['--nonsense'], /usage: npm start/],
])('%j is refused by a sentence', (args, message) => {
  expect(() => parseStartOptions(args)).toThrow(message);
});
