import { expect, test } from 'vitest';

import { joinSync, type PendingSync } from './joinSync.ts';

function asked(by: string, clusters: string[] | null, force = false): PendingSync {
  return { id: `of ${by}`, by, force, clusters };
}

test('the first request is as it was asked', () => {
  expect(joinSync(null, asked('ann', ['a']))).toEqual(asked('ann', ['a']));
});

test('what two people asked for is done for both, once where both asked for it', () => {
  const both = joinSync(asked('ann', ['a', 'b'], true), asked('bob', ['b', 'c']));
  expect(both).toEqual({ id: 'of bob', by: 'ann, bob', force: true, clusters: ['a', 'b', 'c'] });
  expect(joinSync(both, asked('ann', ['a'])).by).toBe('ann, bob');
});

test('all of them is all of them, whoever asked for some', () => {
  expect(joinSync(asked('ann', null), asked('bob', ['a'])).clusters).toBeNull();
  expect(joinSync(asked('ann', ['a']), asked('bob', null)).clusters).toBeNull();
});
