import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { drainMs, estimateEnd, type Drain } from './estimate.ts';
import type { Rollout } from './state.ts';
import { tallyOf, type RolloutTally, type WaveTally } from './tally.ts';
import { minuteMs, propose, settled, strategyOf } from './testing/scenario.ts';
import { apply, run, tick, type SimulatedFleet } from './testing/simulatedFleet.ts';
import * as verbs from './verbs.ts';

const nowMs = 100 * minuteMs;

/** A Running rollout whose first wave is open. */
function rolloutOf(waves: readonly object[], change: Partial<Rollout> = {}): Rollout {
  const strategy = strategyOf({
    waves: waves.map((wave, at) => ({ name: `w${at}`, clusters: { names: ['*'] }, ...wave })),
  });
  return {
    id: 'r',
    kind: 'forward',
    of: null,
    revision: 2,
    strategy,
    phase: 'Running',
    phaseReason: '',
    pausedBy: null,
    createdBy: 'automation',
    createdAtMs: 0,
    startedAtMs: 0,
    closedAtMs: null,
    waves: strategy.waves.map(({ name }, at) => ({
      name,
      openedAtMs: at === 0 ? 0 : null,
      approval: null,
      forgiven: 0,
      announced: '',
    })),
    outcomes: new Map(),
    carried: [],
    heldDrops: [],
    ...change,
  };
}

function tally(counts: WaveTally['counts'], change: Partial<WaveTally> = {}): WaveTally {
  return { counts, failures: 0, assignedFirstMs: null, assignedLastMs: null, soakFromMs: null, ...change };
}

/** From now on, in minutes; targets take one minute. */
function minutesTo(rollout: Rollout, waves: readonly WaveTally[], healthyAfterMs: number | null = minuteMs) {
  const seen: RolloutTally = { waves, healthyAfterMs };
  const endMs = estimateEnd(rollout, seen, nowMs);
  return endMs === null ? null : (endMs - nowMs) / minuteMs;
}

const flying = { assignedFirstMs: nowMs - minuteMs / 2, assignedLastMs: nowMs - minuteMs / 2 };

test.each([
  ['nothing is left', [{}], [tally({ Succeeded: 5 })], 0],
  ['all at once', [{}], [tally({ Succeeded: 1, Pending: 9 })], 1],
  ['two at a time', [{ maxConcurrent: 2 }], [tally({ Succeeded: 1, Pending: 9 })], 5],
  ['a share at a time', [{ maxConcurrent: '10%' }], [tally({ Succeeded: 10, Pending: 10 })], 5],
  [
    'one in flight for half a minute',
    [{ maxConcurrent: 1 }],
    [tally({ Assigned: 1, Pending: 1 }, flying)],
    1.5,
  ],
  ['the last one soaks', [{ soak: '10m' }], [tally({ Pending: 3 })], 11],
  [
    'only soaks are left',
    [{ soak: '10m' }],
    [tally({ Soaking: 2 }, { soakFromMs: nowMs - 3 * minuteMs })],
    7,
  ],
  ['waves follow each other', [{}, { soak: '5m' }], [tally({ Pending: 1 }), tally({ Pending: 1 })], 7],
  ['an empty wave takes no time', [{ soak: '5m' }, {}], [tally({}), tally({ Pending: 1 })], 1],
  [
    'one that is overdue goes on to its deadline',
    [{ deadline: '30m' }],
    [
      tally(
        { Progressing: 1 },
        { assignedFirstMs: nowMs - 10 * minuteMs, assignedLastMs: nowMs - 10 * minuteMs },
      ),
    ],
    20,
  ],
  [
    'a window opens at the full hour',
    [{}, { window: { schedule: '0 * * * *', duration: '10m' } }],
    [tally({ Pending: 1 }), tally({ Pending: 1 })],
    21,
  ],
] as const)('%s', (_name, waves, tallies, minutes) => {
  expect(minutesTo(rolloutOf(waves), tallies)).toBe(minutes);
});

describe('it cannot be said', () => {
  const open = [tally({ Pending: 1 })];

  test.each([
    ['while it is paused', { phase: 'Paused' }],
    ['while it waits', { phase: 'Queued' }],
    ['once it is closed', { phase: 'Completed' }],
    ['while a person is asked', { heldDrops: [{ revision: 2, dropped: 9, total: 10, sinceMs: 0 }] }],
  ] as const)('%s', (_name, change) => {
    expect(minutesTo(rolloutOf([{}]), open)).toBe(1);
    expect(minutesTo(rolloutOf([{}], change), open)).toBe(null);
  });

  test('before anything was healthy, but where only soaks are left', () => {
    expect(minutesTo(rolloutOf([{}]), open, null)).toBe(null);
    expect(minutesTo(rolloutOf([{ soak: '5m' }]), [tally({ Soaking: 1 }, { soakFromMs: nowMs })], null)).toBe(
      5,
    );
  });

  test('while a wave ahead waits for approval, and again once it was given', () => {
    const waves = [{}, { approval: true }];
    const tallies = [tally({ Pending: 1 }), tally({ Pending: 1 })];
    const unapproved = rolloutOf(waves);
    expect(minutesTo(unapproved, tallies)).toBe(null);
    const approved = unapproved.waves.map((wave) => ({ ...wave, approval: { by: 'ann', atMs: 0 } }));
    expect(minutesTo({ ...unapproved, waves: approved }, tallies)).toBe(2);
  });

  test('while the only soaking target is not heard', () => {
    expect(minutesTo(rolloutOf([{ soak: '5m' }]), [tally({ Soaking: 1 })])).toBe(null);
  });
});

test('a window that was announced until a time starts the wave then', () => {
  const rollout = rolloutOf([{}, {}]);
  const held = rollout.waves.map((wave, at) =>
    at === 1 ? { ...wave, announced: 'a window', announcedUntilMs: nowMs + 30 * minuteMs } : wave,
  );
  expect(minutesTo({ ...rollout, waves: held }, [tally({ Succeeded: 1 }), tally({ Pending: 1 })])).toBe(31);
});

/** Each target takes the slot that is free first. */
function drained({ pending, inFlight, leftMs, slots, takesMs }: Drain): number {
  const free = Array.from({ length: slots }, (_, slot) => (slot < inFlight ? leftMs : 0));
  for (let target = 0; target < pending; target++) {
    const slot = free.indexOf(Math.min(...free));
    free[slot] = (free[slot] ?? 0) + takesMs;
  }
  return Math.max(...free);
}

test('the drain of a wave is as if each target took the next free slot', () => {
  const drain = fc
    .record({
      pending: fc.nat(40),
      slots: fc.integer({ min: 1, max: 12 }),
      takesMs: fc.integer({ min: 1, max: 1000 }),
    })
    .chain((some) =>
      fc.record({
        pending: fc.constant(some.pending),
        slots: fc.constant(some.slots),
        takesMs: fc.constant(some.takesMs),
        inFlight: fc.nat(some.slots),
        leftMs: fc.nat(some.takesMs),
      }),
    );
  fc.assert(
    fc.property(drain, (given) => {
      expect(drainMs(given)).toBe(drained(given));
    }),
  );
});

test('an estimate is never in the past, and never earlier with more to do', () => {
  const counts = fc.record({ Succeeded: fc.nat(50), Pending: fc.nat(50), Soaking: fc.nat(5) });
  const wave = fc.record({
    maxConcurrent: fc.integer({ min: 1, max: 20 }),
    soak: fc.constantFrom('0s', '3m'),
  });
  fc.assert(
    fc.property(
      fc.array(fc.tuple(wave, counts), { minLength: 1, maxLength: 4 }),
      fc.nat(3),
      (drawn, grown) => {
        const rollout = rolloutOf(drawn.map(([settings]) => settings));
        const tallies = drawn.map(([, some]) => tally(some, { soakFromMs: nowMs - minuteMs }));
        const more = drawn.map(([, some], at) =>
          tally(
            { ...some, Pending: some.Pending + (at === grown ? 7 : 0) },
            { soakFromMs: nowMs - minuteMs },
          ),
        );
        const minutes = minutesTo(rollout, tallies);
        expect(minutes).toBeGreaterThanOrEqual(0);
        expect(minutesTo(rollout, more)).toBeGreaterThanOrEqual(minutes ?? Infinity);
      },
    ),
  );
});

function openOf({ state: { open } }: SimulatedFleet): Rollout {
  if (open === null) throw new Error('nothing is open');
  return open;
}

test('of a fleet in which every target takes the same time it comes true', () => {
  const strategy = strategyOf({
    waves: [
      { name: 'canary', clusters: { names: ['c00?'] }, soak: '2m' },
      { name: 'prod', clusters: { names: ['*'] }, maxConcurrent: 7, soak: '1m' },
    ],
  });
  const fleet = settled(strategy, 60);
  propose(fleet, 2);
  tick(fleet);
  run(fleet, minuteMs);
  const guesses = [estimateEnd(openOf(fleet), tallyOf(openOf(fleet)), fleet.nowMs)];
  run(fleet, 2 * minuteMs);
  guesses.push(estimateEnd(openOf(fleet), tallyOf(openOf(fleet)), fleet.nowMs));
  while (fleet.state.open !== null) run(fleet, 5_000);
  for (const guess of guesses) expect(Math.abs((guess ?? 0) - fleet.nowMs)).toBeLessThan(minuteMs);
});

test('a person who pauses takes the estimate away', () => {
  const fleet = settled(strategyOf({ waves: [{ name: 'all', clusters: { names: ['*'] }, soak: '5m' }] }), 2);
  propose(fleet, 2);
  tick(fleet);
  run(fleet, minuteMs);
  expect(estimateEnd(openOf(fleet), tallyOf(openOf(fleet)), fleet.nowMs)).not.toBe(null);
  apply(fleet, verbs.pause(fleet.state, 'ann', 'lunch', fleet.nowMs));
  expect(estimateEnd(openOf(fleet), tallyOf(openOf(fleet)), fleet.nowMs)).toBe(null);
});
