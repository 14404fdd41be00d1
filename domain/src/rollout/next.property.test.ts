/**
 * Random fleets, strategies and lives: failures, offline spells, joiners, leavers, new revisions, people's verbs, doubled
 * steps and steps lost before they were saved. Whatever happens, the invariants of rollouts hold after every step.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { concurrencyOf, failuresOf } from './amount.ts';
import { changesOf } from './changes.ts';
import { failuresIn, membersOf, openWave } from './gates.ts';
import { next } from './next.ts';
import { isFinished, isInFlight } from './outcome.ts';
import { parseStrategy } from './parseStrategy.ts';
import {
  addCluster,
  clusterOf,
  connect,
  freshId,
  isQuiet,
  observations,
  report,
  simulatedFleet,
  tick,
  work,
  type Fate,
  type SimulatedFleet,
} from './testing/simulatedFleet.ts';
import type { FleetState, Rollout } from './state.ts';
import type { RolloutEvent, Step } from './step.ts';
import type { Strategy } from './strategy.ts';
import { judgeWindows, type Window } from '../window/window.ts';
import * as verbs from './verbs.ts';

const amount = fc.oneof(fc.integer({ min: 1, max: 4 }), fc.constantFrom('10%', '34%', '100%'));
const failures = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.constantFrom('0%', '34%'));
const clusters = fc.oneof(
  fc.record({ percent: fc.integer({ min: 1, max: 100 }) }),
  fc.record({ names: fc.constantFrom(['c000'], ['c00?'], ['*1', '*2'], ['nobody']) }),
  fc.record({ selector: fc.record({ matchLabels: fc.record({ env: fc.constantFrom('dev', 'prod') }) }) }),
);
const settings = {
  maxConcurrent: amount,
  maxFailures: failures,
  soak: fc.constantFrom('0s', '1m', '10m'),
  deadline: fc.constantFrom('2m', '30m'),
  approval: fc.boolean(),
  gates: fc.array(
    fc.record({
      name: fc.constant(''),
      http: fc.constant({ url: 'https://checks.example.com/' }),
      interval: fc.constantFrom('10s', '2m'),
      count: fc.integer({ min: 1, max: 3 }),
      failureLimit: fc.integer({ min: 0, max: 2 }),
    }),
    { maxLength: 2 },
  ),
  window: fc.constantFrom([], [{ schedule: '*/10 * * * *', duration: '5m' }]),
};
const named = <T extends { gates?: object[] }>(spec: T) => ({
  ...spec,
  gates: (spec.gates ?? []).map((gate, at) => ({ ...gate, name: `g${at}` })),
});
const strategies = fc
  .record(
    {
      waves: fc.array(fc.record({ clusters, ...settings }, { requiredKeys: ['clusters'] }), { maxLength: 3 }),
      onFailure: fc.constantFrom('pause', 'rollback', 'continue'),
      offline: fc.constantFrom('defer', 'wait', 'fail'),
      onNewRevision: fc.constantFrom('supersede', 'queue'),
      plan: fc.constantFrom('none', 'required'),
      ...settings,
      approval: fc.constant(false),
    },
    { requiredKeys: [] },
  )
  .map((spec) => {
    const waves = (spec.waves ?? []).map((wave, at) => ({ ...named(wave), name: `w${at}` }));
    const parsed = parseStrategy({ ...named(spec), waves });
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
    return parsed.strategy;
  });

const freeze: Window = {
  kind: 'deny',
  schedule: '*/7 * * * *',
  durationMs: 180_000,
  timeZone: 'UTC',
  manualSync: false,
};

type Deed =
  | { type: 'pass'; seconds: number }
  | {
      type:
        | 'propose'
        | 'crash'
        | 'checkTwice'
        | 'join'
        | 'freeze'
        | 'resume'
        | 'abort'
        | 'rollback'
        | 'promote'
        | 'approve'
        | 'pause';
    }
  | {
      type: 'connect' | 'disconnect' | 'leave' | 'retry' | 'skip' | 'pin' | 'unpin' | 'pauseCluster';
      who: number;
    };

const deeds: fc.Arbitrary<Deed> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({ type: fc.constant('pass' as const), seconds: fc.integer({ min: 1, max: 200 }) }),
  },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('propose' as const) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constantFrom(
        'crash' as const,
        'checkTwice' as const,
        'join' as const,
        'freeze' as const,
        'resume' as const,
        'abort' as const,
        'rollback' as const,
        'promote' as const,
        'approve' as const,
        'pause' as const,
      ),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      type: fc.constantFrom(
        'connect' as const,
        'disconnect' as const,
        'leave' as const,
        'retry' as const,
        'skip' as const,
        'pin' as const,
        'unpin' as const,
        'pauseCluster' as const,
      ),
      who: fc.nat(20),
    }),
  },
);

const fates = fc.array(
  fc.constantFrom<Fate>('ok', 'ok', 'ok', 'operationFails', 'degrades', 'hangs', 'goesOffline'),
  {
    minLength: 7,
    maxLength: 7,
  },
);

interface Life {
  strategy: Strategy;
  size: number;
  fates: Fate[];
  deeds: Deed[];
}

const lives: fc.Arbitrary<Life> = fc.record({
  strategy: strategies,
  size: fc.integer({ min: 0, max: 8 }),
  fates,
  deeds: fc.array(deeds, { maxLength: 40 }),
});

test('the invariants hold after every step of any life', () => {
  fc.assert(
    fc.property(lives, (life) => {
      const fleet = born(life);
      for (const deed of life.deeds) {
        doDeed(fleet, deed);
        stepChecked(fleet);
      }
    }),
    { numRuns: 500 },
  );
});

test('left alone, every rollout ends, or waits for a person, or for a cluster that the strategy waits for', () => {
  fc.assert(
    fc.property(lives, (life) => {
      const fleet = born(life);
      for (const deed of life.deeds) {
        doDeed(fleet, deed);
        stepChecked(fleet);
      }
      for (let round = 0; round < 300 && !isAtRest(fleet); round++) {
        fleet.nowMs += 60_000;
        work(fleet);
        stepChecked(fleet);
      }
      expect(isAtRest(fleet), JSON.stringify(fleet.state.open?.phase)).toBe(true);
    }),
    { numRuns: 200 },
  );
});

function born(life: Life): SimulatedFleet {
  const fleet = simulatedFleet(life.strategy, life.size);
  let at = 0;
  for (const cluster of fleet.clusters.values()) cluster.labels = { env: at++ % 2 === 0 ? 'dev' : 'prod' };
  fleet.gate = ({ gate, check, wave, rollout }) => {
    const isSuccess = (hashOf(rollout + wave + gate) + check) % 3 !== 0;
    return { isSuccess, message: isSuccess ? 'good' : 'bad' };
  };
  fleet.fate = (name, revision) => life.fates[(hashOf(name) + revision * 3) % life.fates.length] ?? 'ok';
  return fleet;
}

/** Waves that only a person, a connection or a resumed cluster can move on. */
function isAtRest(fleet: SimulatedFleet): boolean {
  const { open } = fleet.state;
  if (open === null || open.phase === 'Paused') return true;
  const at = openWave(open);
  const isWaiting = [...open.outcomes.values()].some(
    ({ outcome, target, wave }) => outcome === 'Pending' && wave <= at && !clusterOf(fleet, target).connected,
  );
  if (isWaiting && open.strategy.offline === 'wait') return true;
  const following = open.strategy.waves[at + 1];
  const isDone = [...open.outcomes.values()].every(({ wave, outcome }) => wave > at || isFinished(outcome));
  return isDone && following?.approval === true && open.waves[at + 1]?.approval === null;
}

/** One step with everything that must be true of it. */
function stepChecked(fleet: SimulatedFleet): void {
  const before = fleet.state;
  const seen = observations(fleet);
  const again = next(fleet.strategy, before, seen, fleet.nowMs);
  const step = tick(fleet);
  expect(step).toEqual(again);
  checkAssignments(before, step);
  checkWindows(fleet, step);
  checkEvents(step.events);
  if (step.state.open !== null) checkOpen(before, step.state.open, step);
  const second = next(fleet.strategy, fleet.state, seen, fleet.nowMs);
  expect(
    isQuiet(fleet.state, second),
    JSON.stringify(
      [second.events, second.assignments, changesOf(fleet.state, second.state)],
      (_, v: unknown) => (v instanceof Map ? [...v.values()] : v),
    ),
  ).toBe(true);
  if (step.wakeAtMs !== null) expect(step.wakeAtMs).toBeGreaterThanOrEqual(fleet.nowMs);
}

function checkAssignments(before: FleetState, step: Step): void {
  const made = step.assignments.map(({ target }) => target);
  expect(new Set(made).size).toBe(made.length);
  for (const { target, assignment, revision, bundle } of step.assignments) {
    expect(assignment).toBe((before.targets.get(target)?.assignment ?? 0) + 1);
    expect(step.state.targets.get(target)).toMatchObject({ assignment, revision, bundle, leaving: false });
  }
  for (const target of step.state.targets.values()) {
    if (!made.includes(target.id)) expect(target.assignment).toBe(before.targets.get(target.id)?.assignment);
  }
}

/** Nothing goes out through a closed window, nor through one that a person may not pass either. */
function checkWindows(fleet: SimulatedFleet, step: Step): void {
  const isOpen = (windows: readonly Window[]) => judgeWindows(windows, fleet.nowMs).isOpen;
  if (!isOpen(fleet.windows)) expect(step.assignments).toEqual([]);
  if (!isOpen(fleet.strategy.windows)) expect(step.assignments.filter(({ wave }) => wave === '')).toEqual([]);
  const { open } = step.state;
  for (const { wave, rollout } of step.assignments) {
    const found = open?.id === rollout ? open?.strategy.waves.find(({ name }) => name === wave) : undefined;
    if (found !== undefined) expect(isOpen(found.windows)).toBe(true);
  }
}

/** S: each (rollout, wave, target) transition once; a wave opens once. */
function checkEvents(events: readonly RolloutEvent[]): void {
  const keys = events
    .filter(
      ({ kind }) => kind === 'Outcome' || kind === 'WaveOpened' || kind === 'Closed' || kind === 'Started',
    )
    .map(({ rollout, kind, target, detail, message }) =>
      [rollout, kind, target, detail['outcome'] ?? message].join(' '),
    );
  expect(new Set(keys).size).toBe(keys.length);
}

function checkOpen(before: FleetState, open: Rollout, step: Step): void {
  const last = openWave(open);
  const outcomes = [...open.outcomes.values()];
  for (const outcome of outcomes) {
    if (outcome.wave > last) expect(['Pending', 'Skipped', 'Failed']).toContain(outcome.outcome);
    if (outcome.wave > last) expect(outcome.assignment).toBeNull();
  }
  expect(open.waves.slice(0, last + 1).every(({ openedAtMs }) => openedAtMs !== null)).toBe(true);
  open.strategy.waves.forEach((wave, at) => {
    const members = membersOf(open, at);
    const wasOpen = before.open?.id === open.id && before.open.waves[at]?.openedAtMs !== null;
    const isOpen = open.waves[at]?.openedAtMs !== null;
    if (isOpen && !wasOpen) {
      const earlier = outcomes.filter((outcome) => outcome.wave < at);
      expect(earlier.every(({ outcome }) => isFinished(outcome))).toBe(true);
    }
    if (at <= last && wave.approval && members.some(({ assignment }) => assignment !== null)) {
      expect(open.waves[at]?.approval).not.toBeNull();
    }
    if (isOpen && members.length > 0) checkGates(open, at, step);
    if (before.open?.id === open.id && open.phase === 'Running' && open.strategy.onFailure !== 'continue') {
      const unforgiven = failuresIn(members).length - (open.waves[at]?.forgiven ?? 0);
      expect(unforgiven).toBeLessThanOrEqual(Math.max(0, failuresOf(wave.maxFailures, members.length)));
    }
  });
  checkConcurrency(before, open, step);
}

/** No wave before its gates: each has passed in this rollout, failing no more often than it may, or somebody let it by. */
function checkGates(open: Rollout, at: number, step: Step): void {
  const wave = open.strategy.waves[at];
  const progress = open.waves[at];
  if (wave === undefined || progress === undefined) return;
  // A joiner may have come into a wave that was empty when it opened, and so passed.
  const wasEmpty = membersOf(open, at).every(({ assignment }) => assignment === null);
  for (const gate of wasEmpty ? [] : wave.gates) {
    const found = progress.gates?.find(({ name }) => name === gate.name);
    const hasPassed = found !== undefined && found.passed === gate.count && found.failed <= gate.failureLimit;
    expect(hasPassed || (found?.waivedBy ?? null) !== null, JSON.stringify([gate, progress])).toBe(true);
  }
  expect(step.wanted.checks.filter((check) => check.wave === wave.name)).toEqual([]);
}

/** Nothing is added in flight beyond the limit; what was already in flight may be more, after supersession. */
function checkConcurrency(before: FleetState, open: Rollout, step: Step): void {
  const inFlight = [...open.outcomes.values()].filter(({ outcome }) => isInFlight(outcome));
  const limit = Math.max(
    1,
    ...open.strategy.waves.map((wave, at) => concurrencyOf(wave.maxConcurrent, membersOf(open, at).length)),
  );
  const total = inFlight.length + open.carried.length;
  const before_ = before.open?.id === open.id ? countBefore(before.open) : Number.POSITIVE_INFINITY;
  const added = step.assignments.filter(({ rollout }) => rollout === open.id).length;
  if (added > 0 && total > limit) expect(total).toBeLessThanOrEqual(before_);
}

function countBefore(open: Rollout): number {
  return (
    [...open.outcomes.values()].filter(({ outcome }) => isInFlight(outcome)).length + open.carried.length
  );
}

function doDeed(fleet: SimulatedFleet, deed: Deed): void {
  switch (deed.type) {
    case 'pass':
      fleet.nowMs += deed.seconds * 1_000;
      return work(fleet);
    case 'propose':
      return proposeNewest(fleet);
    case 'crash':
      // A step whose save failed: its result is gone, and nothing of it reached anybody.
      next(fleet.strategy, fleet.state, observations(fleet), fleet.nowMs);
      return;
    case 'checkTwice':
      return checkTwice(fleet);
    case 'join':
      return addCluster(fleet, `j${fleet.clusters.size}`, { env: 'prod' });
    case 'freeze':
      fleet.windows = fleet.windows.length === 0 ? [freeze] : [];
      return;
    case 'resume':
    case 'abort':
    case 'rollback':
    case 'promote':
    case 'approve':
    case 'pause':
      return ask(fleet, deed.type);
    default:
      return doTo(fleet, deed.type, [...fleet.clusters.keys()][deed.who % Math.max(1, fleet.clusters.size)]);
  }
}

/** Two workers made the same checks, and one of them was slow: each check counts once, the late one never. */
function checkTwice(fleet: SimulatedFleet): void {
  const late = fleet.checks;
  for (const check of fleet.checks) {
    report(fleet, check);
    expect(report(fleet, check)).toBe(false);
  }
  stepChecked(fleet);
  for (const check of late) expect(report(fleet, check)).toBe(false);
}

function proposeNewest(fleet: SimulatedFleet): void {
  const id = freshId(fleet);
  const proposal = {
    id,
    revision: fleet.ids,
    strategy: fleet.strategy,
    automated: fleet.ids % 5 !== 0,
    by: 'bot',
  };
  keep(fleet, verbs.propose(fleet.state, proposal, observations(fleet), fleet.nowMs));
}

function ask(
  fleet: SimulatedFleet,
  verb: 'resume' | 'abort' | 'rollback' | 'promote' | 'approve' | 'pause',
): void {
  const { state, nowMs } = fleet;
  const { open } = state;
  if (verb === 'resume') return keep(fleet, verbs.resume(state, 'ann', nowMs));
  if (verb === 'pause') return keep(fleet, verbs.pause(state, 'ann', 'why not', nowMs));
  if (verb === 'abort') return keep(fleet, verbs.abort(state, 'ann', '', nowMs));
  if (verb === 'promote') return keep(fleet, verbs.promote(state, 'ann', nowMs));
  if (open === null) return;
  if (verb === 'approve') {
    const wave = open.waves.find(({ openedAtMs, approval }) => openedAtMs === null && approval === null);
    return keep(fleet, verbs.approve(state, wave?.name ?? '', 'ann', nowMs));
  }
  const options = { id: freshId(fleet), of: open, by: 'ann', reason: 'bad' };
  keep(fleet, verbs.rollback(state, options, observations(fleet), nowMs));
}

function doTo(
  fleet: SimulatedFleet,
  type: 'connect' | 'disconnect' | 'leave' | 'retry' | 'skip' | 'pin' | 'unpin' | 'pauseCluster',
  name: string | undefined,
): void {
  const target = name === undefined ? undefined : fleet.state.targets.get(name);
  if (name === undefined || target === undefined) return;
  const { state, nowMs } = fleet;
  switch (type) {
    case 'connect':
      return connect(fleet, name, true);
    case 'disconnect':
      return connect(fleet, name, false);
    case 'leave':
      fleet.state = {
        ...state,
        targets: new Map([...state.targets, [name, { ...target, leaving: !target.leaving }]]),
      };
      return;
    case 'retry':
      return keep(fleet, verbs.retry(state, name, 'ann', nowMs));
    case 'skip':
      return keep(fleet, verbs.skip(state, name, 'ann', 'no', nowMs));
    case 'pin':
      return keep(
        fleet,
        verbs.pin(state, name, { revision: 1, reason: 'x', expiresAtMs: nowMs + 90_000 }, 'ann', nowMs),
      );
    case 'unpin':
      return keep(fleet, verbs.unpin(state, name, 'ann', nowMs));
    case 'pauseCluster': {
      const cluster = clusterOf(fleet, name);
      cluster.paused = !cluster.paused;
    }
  }
}

/** A refused verb changes nothing. */
function keep(fleet: SimulatedFleet, result: ReturnType<typeof verbs.pause>): void {
  if (!result.ok) return;
  fleet.closed.push(...result.state.closed);
  fleet.state = { ...result.state, closed: [] };
}

function hashOf(name: string): number {
  return [...name].reduce((sum, char) => sum + char.charCodeAt(0), 0);
}
