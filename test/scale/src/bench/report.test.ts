/** What a row comes to, and when it is over its budget. */
import { expect, test } from 'vitest';
import type { Measured } from './row.ts';
import { isOver, lineOf, numberText } from './report.ts';

const measured: Measured = {
  id: 'a1',
  what: 'fan-out',
  n: 1000,
  floors: [10, 20, 40],
  ours: [20, 30, 40],
  unit: 'ms',
  budget: 1.5,
};

test('each round is held against the floor of its own round, and the median counts', () => {
  expect(lineOf(measured)).toMatchObject({ floor: 20, ours: 30, ratio: 1.5, rounds: 3 });
  expect(isOver(lineOf(measured))).toBe(false);
  expect(isOver(lineOf({ ...measured, ours: [20, 31, 40] }))).toBe(true);
});

test('one floor for several rounds is held against all of them', () => {
  expect(lineOf({ ...measured, floors: [10], ours: [10, 20, 60] }).ratio).toBe(2);
});

test('where the floor is nothing, ours itself must be within the budget', () => {
  const noCall: Measured = { ...measured, floors: [0, 0, 0], ours: [0, 0, 1], budget: 0 };
  expect(isOver(lineOf(noCall))).toBe(false);
  expect(isOver(lineOf({ ...noCall, ours: [0, 1, 1] }))).toBe(true);
});

test('a row without a floor is shown; one whose measurement is no number is over', () => {
  expect(isOver(lineOf({ ...measured, floors: null, budget: null }))).toBe(false);
  expect(isOver(lineOf({ ...measured, floors: null }))).toBe(true);
  expect(isOver(lineOf({ ...measured, ours: [] }))).toBe(true);
});

test('a size below the one that is judged is only shown', () => {
  expect(isOver(lineOf({ ...measured, ours: [900] }, 1001))).toBe(false);
  expect(isOver(lineOf({ ...measured, ours: [900] }, 1000))).toBe(true);
});

test.each([
  [null, '–'],
  [Number.NaN, '–'],
  [0, '0'],
  [0.044, '0.04'],
  [12.34, '12.3'],
  [1234.5, '1235'],
])('%s is written %s', (value, text) => {
  expect(numberText(value)).toBe(text);
});
