/** The arguments of the bench: bad ones are named. */
import { expect, test } from 'vitest';
import { parseBenchOptions, rowNames } from './options.ts';

test('without any, every row is run at its usual size', () => {
  expect(parseBenchOptions([])).toMatchObject({
    only: rowNames,
    agents: [1000],
    objects: null,
    check: false,
  });
});

test('rows keep the order of the table, and sizes are a list', () => {
  const options = parseBenchOptions(['--only', 'j,a', '--agents', '1_000,10_000', '--objects', '100,1000']);
  expect(options).toMatchObject({ only: ['a', 'j'], agents: [1000, 10_000], objects: [100, 1000] });
});

test.each([
  [['--only', 'z'], /there is no row z/],
  [['--agents', '0'], /agents/],
  [['--clusters', 'many'], /clusters/],
  [['--rouns', '3'], /--rouns/],
])('%j is refused by name', (args, message) => {
  expect(() => parseBenchOptions(args)).toThrow(message);
});
