import type { Application, Target } from '@flotilla/client/types';
import { describe, expect, test } from 'vitest';
import { hasArrived, outcomeOf } from './progress.ts';

const target = (over: Partial<Target> = {}): Target =>
  ({
    application: 'shop',
    applicationId: 'a',
    cluster: 'dev',
    assignment: 2,
    observedAssignment: 2,
    revisionNumber: 1,
    observedRevision: 1,
    sync: 'Synced',
    health: 'Healthy',
    healthMessage: '',
    live: true,
    lastSeenAt: '2026-01-01T00:00:00Z',
    ...over,
  }) as Target;
const application = { id: 'a', name: 'shop', revisionNumber: 1, revision: { commit: 'c1' } } as Application;
const snapshot = (...targets: Target[]) => ({ applications: [application], targets });

const arrival = { commit: 'c1', targets: 2, sinceMs: Date.parse('2026-01-01T00:00:00Z') };

describe('a commit has arrived', () => {
  test('when each target is Synced and Healthy at it by word of a live agent', () => {
    expect(hasArrived(snapshot(target(), target({ cluster: 'staging' })), arrival)).toBe(true);
  });

  test.each([
    ['another commit is the newest', snapshot(target()), 'c2', 1],
    ['a target is missing', snapshot(target()), 'c1', 2],
    ['a target has an older revision', snapshot(target({ revisionNumber: 0 })), 'c1', 1],
    ['the newest assignment was not observed', snapshot(target({ observedAssignment: 1 })), 'c1', 1],
    ['a target differs', snapshot(target({ sync: 'OutOfSync' })), 'c1', 1],
    ['a target is not healthy', snapshot(target({ health: 'Progressing' })), 'c1', 1],
    ['the agent is away', snapshot(target({ live: false })), 'c1', 1],
    ['it was last heard before', snapshot(target({ lastSeenAt: '2025-12-31T23:59:59Z' })), 'c1', 1],
    ['it was never heard', snapshot(target({ lastSeenAt: null })), 'c1', 1],
  ])('and not when %s', (_, seen, commit, expected) => {
    expect(hasArrived(seen, { ...arrival, commit, targets: expected })).toBe(false);
  });
});

test('a cluster is as good as the worst of its targets', () => {
  const other = target({ application: 'shop-dev', health: 'Degraded' });
  expect(outcomeOf(snapshot(target(), other), 'dev')).toEqual({
    sync: 'Synced',
    health: 'Degraded',
    revision: 1,
  });
  expect(outcomeOf(snapshot(), 'dev')).toEqual({ sync: 'Unknown', health: 'Unknown', revision: null });
});
