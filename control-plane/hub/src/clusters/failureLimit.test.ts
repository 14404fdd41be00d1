import { expect, test } from 'vitest';
import { FailureLimit } from './failureLimit.ts';

test('an address may fail 60 times at once and then once a second; successes cost nothing', () => {
  const limit = new FailureLimit();
  for (let at = 0; at < 1000; at++) {
    expect(limit.take('a', 0)).toBe(true);
    limit.giveBack('a');
  }
  const taken = Array.from({ length: 200 }, () => limit.take('a', 0)).filter(Boolean);
  expect(taken).toHaveLength(60);
  expect(limit.take('b', 0)).toBe(true);
  expect([limit.take('a', 1000), limit.take('a', 1000)]).toEqual([true, false]);
});
