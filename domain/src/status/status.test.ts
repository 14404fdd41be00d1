import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { counterDeltas, mergeDeltas, type Counted } from './counters.ts';
import { currencyOf, currencyText } from './currency.ts';
import type { ObservedState } from './observed.ts';
import { summarize, type SummaryInput } from './summary.ts';
import { settle, transitions, type HealthTrail, type Transition } from './transitions.ts';
import type { HealthStatus, SyncStatus } from './words.ts';

const healths: HealthStatus[] = ['Healthy', 'Suspended', 'Progressing', 'Missing', 'Degraded', 'Unknown'];
const syncs: SyncStatus[] = ['Synced', 'OutOfSync', 'Unknown'];

describe('currency', () => {
  test.each([
    [{ assigned: 3, newest: 3, heldBy: 'pinned' }, 'Current'],
    [{ assigned: 1, newest: 3, heldBy: '' }, 'Behind(2)'],
    [{ assigned: null, newest: 3, heldBy: '' }, 'Behind(3)'],
    [{ assigned: 1, newest: 3, heldBy: 'pinned' }, 'Held(pinned)'],
    [{ assigned: null, newest: null, heldBy: '' }, 'Current'],
    [{ assigned: 4, newest: 3, heldBy: '' }, 'Behind(1)'],
  ])('%j is %s', (input, expected) => {
    expect(currencyText(currencyOf(input))).toBe(expected);
  });
});

describe('summary', () => {
  const well: SummaryInput = {
    assigned: { assignment: 2, revision: 5 },
    observed: {
      assignment: 2,
      sync: 'Synced',
      health: { status: 'Healthy', message: '' },
      operation: null,
      conditions: [],
    },
    live: true,
    lastSeen: '2026-01-01T00:00:00.000Z',
    newestRevision: 5,
    heldBy: '',
  };

  test('what the live session reported of the present assignment is shown', () => {
    expect(summarize(well)).toMatchObject({
      sync: 'Synced',
      shownSync: 'Synced',
      health: { status: 'Healthy' },
      stale: false,
      lastSeen: null,
    });
  });

  test('Argo CD: dead clusters stay green: here stale shows as Unknown, with when it was last seen', () => {
    expect(summarize({ ...well, live: false })).toMatchObject({
      sync: 'Unknown',
      shownSync: 'Unknown',
      health: { status: 'Unknown', message: 'the cluster is not connected; last reported Healthy' },
      stale: true,
      lastSeen: well.lastSeen,
    });
  });

  test('a report of an older assignment is OutOfSync and never well, but stays bad', () => {
    const assigned = { assignment: 3, revision: 5 };
    expect(summarize({ ...well, assigned })).toMatchObject({
      sync: 'OutOfSync',
      health: { status: 'Progressing' },
    });
    const degraded = {
      ...well,
      assigned,
      observed: well.observed && { ...well.observed, health: { status: 'Degraded' as const, message: 'x' } },
    };
    expect(summarize(degraded)).toMatchObject({ sync: 'OutOfSync', health: { status: 'Degraded' } });
  });

  test('a target behind the newest revision is shown OutOfSync, and why', () => {
    const summary = summarize({ ...well, newestRevision: 6 });
    expect(summary).toMatchObject({
      sync: 'Synced',
      shownSync: 'OutOfSync',
      currency: { type: 'Behind', by: 1 },
    });
    expect(summary.shownWhy).toBe('what is assigned is not the newest revision');
  });

  test('invariant T: Synced or Healthy only for the present assignment and a live session', () => {
    const input: fc.Arbitrary<SummaryInput> = fc.record({
      assigned: fc.option(fc.record({ assignment: fc.nat(2), revision: fc.nat(3) })),
      observed: fc.option(
        fc.record({
          assignment: fc.nat(2),
          sync: fc.constantFrom(...syncs),
          health: fc.record({ status: fc.constantFrom(...healths), message: fc.constant('') }),
          operation: fc.constant(null),
          conditions: fc.constant([]),
        }),
      ),
      live: fc.boolean(),
      lastSeen: fc.constant(null),
      newestRevision: fc.option(fc.nat(3)),
      heldBy: fc.constantFrom('', 'pinned'),
    });
    fc.assert(
      fc.property(input, (given) => {
        const { sync, shownSync, health } = summarize(given);
        const isVouched =
          given.live && given.assigned !== null && given.observed?.assignment === given.assigned.assignment;
        if (!isVouched) expect([sync, shownSync, health.status]).not.toContain('Synced');
        if (!isVouched) expect(health.status).not.toBe('Healthy');
      }),
    );
  });
});

describe('counters', () => {
  const counted = (sync: SyncStatus, health: HealthStatus): Counted => ({
    applicationId: 'a',
    clusterId: 'c',
    sync,
    health,
  });

  test('a change moves one target in both its application and its cluster', () => {
    expect(counterDeltas(counted('Synced', 'Healthy'), counted('OutOfSync', 'Degraded'))).toEqual([
      { scope: 'application', id: 'a', key: 'OutOfSync/Degraded', by: 1 },
      { scope: 'application', id: 'a', key: 'Synced/Healthy', by: -1 },
      { scope: 'cluster', id: 'c', key: 'OutOfSync/Degraded', by: 1 },
      { scope: 'cluster', id: 'c', key: 'Synced/Healthy', by: -1 },
    ]);
  });

  test('no change moves nothing', () => {
    expect(counterDeltas(counted('Synced', 'Healthy'), counted('Synced', 'Healthy'))).toEqual([]);
  });

  test('the sum of all deltas is what counting the rows would give', () => {
    const state = fc.record({ sync: fc.constantFrom(...syncs), health: fc.constantFrom(...healths) });
    const change = fc.record({ target: fc.nat(5), to: fc.option(state) });
    fc.assert(
      fc.property(fc.array(change), (changes) => {
        const rows = new Map<number, Counted>();
        const deltas = changes.flatMap(({ target, to }) => {
          const before = rows.get(target) ?? null;
          const after =
            to === null ? null : { applicationId: `a${target % 2}`, clusterId: `c${target}`, ...to };
          if (after === null) rows.delete(target);
          else rows.set(target, after);
          return counterDeltas(before, after);
        });
        expect(mergeDeltas(deltas)).toEqual(
          mergeDeltas([...rows.values()].flatMap((row) => counterDeltas(null, row))),
        );
      }),
    );
  });
});

describe('transitions', () => {
  const base: ObservedState = {
    target: 't',
    assignment: 1,
    revision: 1,
    bundle: 'b',
    sync: 'Synced',
    health: { status: 'Healthy', message: '' },
    operation: null,
    counts: { objects: 1, outOfSync: 0, pruneHeld: 0 },
    conditions: [],
    resources: [],
    removal: 'None',
  };

  /** Plays a series of (time, health) reports, a sweep at the end, and returns the rows of health. */
  function play(
    reports: [number, HealthStatus][],
    endMs: number,
    inRollout = false,
  ): { rows: string[]; flaps: number } {
    let previous: { state: ObservedState; trail: HealthTrail } | null = null;
    const rows: Transition[] = [];
    for (const [nowMs, status] of reports) {
      const state: ObservedState = { ...base, health: { status, message: '' } };
      const step = transitions(previous, state, { nowMs, inRollout });
      rows.push(...step.rows);
      previous = { state, trail: step.trail };
    }
    if (previous === null) return { rows: [], flaps: 0 };
    const swept = settle((previous as { trail: HealthTrail }).trail, endMs);
    const all = [...rows, ...swept.rows].filter(({ kind }) => kind === 'Health');
    return { rows: all.map(({ from, to, atMs }) => `${from} ${to} ${atMs}`), flaps: swept.trail.flaps };
  }

  test('a health that lasts is recorded with the time at which it began', () => {
    expect(
      play(
        [
          [0, 'Healthy'],
          [100_000, 'Degraded'],
          [200_000, 'Healthy'],
        ],
        300_000,
      ),
    ).toEqual({
      rows: ['null Healthy 0', 'Healthy Degraded 100000', 'Degraded Healthy 200000'],
      flaps: 0,
    });
  });

  test('a flap only raises a counter, and the history does not end on it', () => {
    expect(
      play(
        [
          [0, 'Healthy'],
          [100_000, 'Degraded'],
          [105_000, 'Healthy'],
        ],
        300_000,
      ),
    ).toEqual({
      rows: ['null Healthy 0'],
      flaps: 1,
    });
  });

  test('a flap on the way to another health does not hide where it went', () => {
    expect(
      play(
        [
          [0, 'Healthy'],
          [100_000, 'Degraded'],
          [105_000, 'Progressing'],
        ],
        300_000,
      ),
    ).toEqual({
      rows: ['null Healthy 0', 'Healthy Progressing 105000'],
      flaps: 1,
    });
  });

  test('during a rollout every change is recorded at once', () => {
    expect(
      play(
        [
          [0, 'Healthy'],
          [100, 'Degraded'],
          [200, 'Healthy'],
        ],
        300,
        true,
      ),
    ).toEqual({
      rows: ['null Healthy 0', 'Healthy Degraded 100', 'Degraded Healthy 200'],
      flaps: 0,
    });
  });

  test('an unchanged state makes no row, a changed sync and operation one each', () => {
    const trail: HealthTrail = { health: 'Healthy', sinceMs: 0, recorded: 'Healthy', flaps: 0 };
    const options = { nowMs: 1_000_000, inRollout: false };
    expect(transitions({ state: base, trail }, base, options).rows).toEqual([]);
    const operation = {
      assignment: 2,
      phase: 'Running' as const,
      message: '',
      startedAt: '',
      finishedAt: null,
      attempt: 1,
    };
    const next: ObservedState = { ...base, sync: 'OutOfSync', operation };
    expect(
      transitions({ state: base, trail }, next, options).rows.map(({ kind, from, to }) => [kind, from, to]),
    ).toEqual([
      ['Sync', 'Synced', 'OutOfSync'],
      ['Operation', null, 'Running'],
    ]);
  });
});
