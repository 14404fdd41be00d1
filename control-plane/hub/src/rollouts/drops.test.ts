import type { Drop, Observation } from '@flotilla/domain/rollout/step';
import { expect, test } from 'vitest';
import { foreseenDrops } from './drops.ts';

function seenOf(held: readonly (string | null | undefined)[], counted: readonly string[] = []) {
  const reportedOf = (bundle: string | null | undefined) => (bundle === undefined ? null : { bundle });
  const targets = held.map(
    (bundle, at) => [`t${at}`, { reported: reportedOf(bundle) } as Observation] as const,
  );
  const drop = (from: string): Drop | null => (counted.includes(from) ? { dropped: 0, total: 1 } : null);
  return { targets: new Map(targets), drop };
}

test('what a rollout will ask for is each bundle in force that differs from its own, once', () => {
  expect(foreseenDrops(seenOf(['a', 'b', 'a', 'c', null, undefined]), 'c')).toEqual([
    { from: 'a', to: 'c' },
    { from: 'b', to: 'c' },
  ]);
});

test('what was counted is not counted again', () => {
  expect(foreseenDrops(seenOf(['a', 'b'], ['a']), 'c')).toEqual([{ from: 'b', to: 'c' }]);
});

test('nothing is foreseen where no rollout opens, or where nearly every cluster holds another bundle', () => {
  expect(foreseenDrops(seenOf(['a', 'b']), null)).toEqual([]);
  expect(foreseenDrops(seenOf('abcdefghi'.split('')), 'z')).toEqual([]);
});
