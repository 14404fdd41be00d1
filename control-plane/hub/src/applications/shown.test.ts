import { expect, it } from 'vitest';
import { countsOf, currencyOfRollout, worstOf } from './shown.ts';

it('shows the worst target of an application', () => {
  const counts = countsOf({ 'Synced/Healthy': 98, 'Synced/Progressing': 1, 'OutOfSync/Degraded': 1 });
  expect(counts).toEqual({
    total: 100,
    sync: { Synced: 99, OutOfSync: 1 },
    health: { Healthy: 98, Progressing: 1, Degraded: 1 },
  });
  expect(worstOf(counts)).toEqual({ sync: 'OutOfSync', health: 'Degraded' });
});

it('knows nothing of an application without targets', () => {
  expect(worstOf(countsOf({}))).toEqual({ sync: 'Unknown', health: 'Unknown' });
});

it('says what holds an application back', () => {
  const rollout = { phase: 'AwaitingSync', kind: 'forward' };
  expect(currencyOfRollout(rollout, 2)).toEqual({ state: 'Held', behind: 2, reason: 'manual sync' });
  expect(currencyOfRollout({ ...rollout, phase: 'Running' }, 1).state).toBe('Behind');
  expect(currencyOfRollout(null, 0).state).toBe('Current');
  expect(currencyOfRollout(null, 0, 7)).toEqual({
    state: 'Held',
    behind: 1,
    reason: 'revision 7 does not render',
  });
});
