import { expect, it } from 'vitest';
import { countsOf, currencyOfRollout, currencyOfStages, worstOf } from './shown.ts';

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

it('is current with stages where the last one has what the first one has', () => {
  const current = currencyOfRollout(null, 0);
  const stage = (name: string, number: number, state?: 'AwaitingApproval' | 'Soaking') => {
    const revision = { number, state: 'Ready', commit: '', message: '', author: '' };
    const since = '2026-12-01T00:00:00Z';
    return { name, revision, candidate: state ? { revision, state, since, until: null, message: '' } : null };
  };
  expect(currencyOfStages(current, [stage('dev', 3), stage('production', 3)])).toBe(current);
  expect(currencyOfStages(current, [stage('dev', 3), stage('production', 1, 'Soaking')])).toMatchObject({
    state: 'Behind',
    behind: 2,
  });
  expect(
    currencyOfStages(current, [stage('dev', 3), stage('production', 1, 'AwaitingApproval')]),
  ).toMatchObject({
    state: 'Held',
    reason: 'production waits for approval',
  });
});
