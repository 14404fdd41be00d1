/** Percentiles by nearest rank, medians between the two in the middle. */
import { expect, test } from 'vitest';
import { median, medianRatio, percentile } from './statistics.ts';

test.each([
  [[3, 1, 2], 0.99, 3],
  [[3, 1, 2], 0, 1],
  [[4, 1, 2, 3], 0.5, 2],
  [Array.from({ length: 100 }, (_, index) => index + 1), 0.99, 99],
])('of %j the share %d is %d', (values, share, expected) => {
  expect(percentile(values, share)).toBe(expected);
});

test('of nothing there is no percentile and no median', () => {
  expect(percentile([], 0.5)).toBeNaN();
  expect(median([])).toBeNaN();
});

test('the median of an even number lies between the two in the middle', () => {
  expect(median([4, 1, 3, 2])).toBe(2.5);
});

test('a noisy round changes both sides of its ratio', () => {
  expect(medianRatio([10, 100, 10], [5, 50, 5])).toBe(2);
});
