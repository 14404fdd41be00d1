import { expect, test } from 'vitest';

import { historyBetween } from './history.ts';

/** `child: parents`; what is not named is not in the cache. */
function cache(commits: Record<string, string[]>) {
  return (commit: string) => Promise.resolve(commits[commit] ?? null);
}

test('what is built on the last commit continues it, also over a merge', async () => {
  const commits = cache({ d: ['c', 'x'], c: ['b'], b: ['a'], x: ['a'], a: [] });
  expect(await historyBetween('b', 'd', commits)).toBe('continued');
  expect(await historyBetween('x', 'd', commits)).toBe('continued');
  expect(await historyBetween('d', 'd', commits)).toBe('same');
  expect(await historyBetween(null, 'd', commits)).toBe('first');
});

test('another history, an amended commit and a step back are rewrites', async () => {
  const commits = cache({ c: ['b'], b: ['a'], a: [], other: [], amended: ['a'] });
  expect(await historyBetween('b', 'other', commits)).toBe('rewritten');
  expect(await historyBetween('b', 'amended', commits)).toBe('rewritten');
  expect(await historyBetween('c', 'a', commits)).toBe('rewritten');
});

test('an amended commit is told also where history ends before it', async () => {
  expect(await historyBetween('c', 'amended', cache({ c: ['b'], amended: ['b'] }))).toBe('rewritten');
});

test('what was not fetched so far back is not called a rewrite', async () => {
  expect(await historyBetween('a', 'd', cache({ d: ['c'], c: ['b'] }))).toBe('unknown');
});
