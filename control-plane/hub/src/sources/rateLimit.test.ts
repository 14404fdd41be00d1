import { expect, test } from 'vitest';

import { RateLimit } from './rateLimit.ts';

test('a burst passes, then so many a second, each key by itself', () => {
  const limit = new RateLimit({ burst: 3, perSecond: 2, keysMax: 10 });
  const at = (key: string, ...times: number[]) => times.map((nowMs) => limit.allows(key, nowMs));
  expect(at('a', 0, 0, 0, 0)).toEqual([true, true, true, false]);
  expect(at('b', 0)).toEqual([true]);
  expect(at('a', 499, 500, 501, 1000)).toEqual([false, true, false, true]);
  expect(at('a', 60_000, 60_000, 60_000, 60_000)).toEqual([true, true, true, false]);
});

test('memory has a limit', () => {
  const limit = new RateLimit({ burst: 1, perSecond: 0, keysMax: 2 });
  expect(['a', 'b', 'c', 'a'].map((key) => limit.allows(key, 0))).toEqual([true, true, true, true]);
  expect(limit.allows('c', 0)).toBe(false);
});
