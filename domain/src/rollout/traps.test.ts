/**
 * What other fleet tools get wrong in a rollout, each trap by its name; `docs/traps.md` is the whole list. A trap that lies
 * elsewhere than in the state machine has its test where it lies.
 */
import { describe, expect, test } from 'vitest';
import { concurrencyOf, failuresOf } from './amount.ts';
import { parseStrategy } from './parseStrategy.ts';
import { defaultStrategy } from './strategy.ts';
import {
  count,
  minuteMs,
  outcomes,
  phase,
  propose,
  revisions,
  settled,
  strategyOf,
} from './testing/scenario.ts';
import {
  addCluster,
  apply,
  connect,
  freshId,
  observations,
  run,
  simulatedFleet,
  tick,
} from './testing/simulatedFleet.ts';
import * as verbs from './verbs.ts';
import { previewWaves } from './waves.ts';

function problemsOf(input: unknown): string[] {
  const parsed = parseStrategy(input);
  return parsed.ok ? [] : parsed.problems.map(({ path, type }) => `${path} ${type}`);
}

describe('Fleet', () => {
  test('maxUnavailable 0 never updates a healthy cluster: a concurrency of 0 is refused, and a share of few is one', () => {
    expect(problemsOf({ maxConcurrent: 0 })).toEqual(['maxConcurrent invalid']);
    expect(problemsOf({ maxConcurrent: '0%' })).toEqual(['maxConcurrent invalid']);
    expect(problemsOf({ maxFailures: 0 })).toEqual([]);
    expect(concurrencyOf('1%', 5)).toBe(1);
  });

  test('its default budget of 100 % gates nothing: ours halts at the first failure, whoever sets no budget', () => {
    const fleet = settled(strategyOf({ maxConcurrent: 1 }), 4);
    fleet.fate = (_name, revision) => (revision === 2 ? 'operationFails' : 'ok');
    propose(fleet, 2);
    run(fleet, 10 * minuteMs);
    expect(phase(fleet)).toBe('Paused');
    expect(revisions(fleet)).toEqual([2, 1, 1, 1]);
    expect(defaultStrategy.waves.map(({ maxFailures }) => maxFailures)).toEqual([0]);
  });

  test('clusters that match no partition are silently left out: they go last, and are counted before it begins', () => {
    const strategy = strategyOf({ waves: [{ name: 'a', clusters: { names: ['c000', 'c001'] } }] });
    const fleet = settled(strategy, 4);
    propose(fleet, 2);
    run(fleet, 3 * minuteMs);
    expect(phase(fleet)).toBe('Completed');
    expect(revisions(fleet)).toEqual([2, 2, 2, 2]);
    expect([...(fleet.closed.at(-1)?.outcomes.values() ?? [])].map(({ wave }) => wave)).toEqual([0, 0, 1, 1]);
    const members = [...fleet.clusters.keys()].map((name) => ({ id: name, clusterName: name, labels: {} }));
    expect(previewWaves(strategy, members)).toEqual({
      waves: [
        { name: 'a', targets: 2 },
        { name: 'rest', targets: 2 },
      ],
      unmatched: 2,
    });
  });

  test('overlapping partitions are not deduplicated: a target that several waves match goes once, with the first', () => {
    const waves = [
      { name: 'a', clusters: { names: ['c000', 'c001'] } },
      { name: 'b', clusters: { names: ['c001', 'c002'] } },
    ];
    const fleet = settled(strategyOf({ waves }), 3);
    const before = fleet.assignments.length;
    propose(fleet, 2);
    run(fleet, 3 * minuteMs);
    expect([...(fleet.closed.at(-1)?.outcomes.values() ?? [])].map(({ wave }) => wave)).toEqual([0, 0, 1]);
    expect(fleet.assignments.slice(before).map(({ target }) => target)).toEqual(['c000', 'c001', 'c002']);
  });

  test('no offline state: a cluster that is away is Deferred, counts in no budget, and is caught up when it is back', () => {
    const fleet = settled(strategyOf({ maxFailures: 0 }), 3);
    connect(fleet, 'c001', false);
    propose(fleet, 2);
    run(fleet, minuteMs);
    expect(phase(fleet)).toBe('Completed');
    expect(outcomes(fleet)).toEqual({ c000: 'Succeeded', c001: 'Deferred(offline)', c002: 'Succeeded' });
    connect(fleet, 'c001', true);
    run(fleet, minuteMs);
    expect(revisions(fleet)).toEqual([2, 2, 2]);
  });
});

describe('OCM', () => {
  test('a timed-out cluster masks one still in flight and the next group starts: the wave waits for who is in flight', () => {
    const waves = [{ name: 'w', clusters: { names: ['c000', 'late'] } }];
    const fleet = settled(strategyOf({ waves, maxFailures: 5, deadline: '5m' }), 2);
    fleet.fate = (name) => (name === 'c001' ? 'ok' : 'hangs');
    propose(fleet, 2);
    run(fleet, 3 * minuteMs);
    addCluster(fleet, 'late', {});
    run(fleet, 3 * minuteMs);
    expect(outcomes(fleet)).toEqual({ c000: 'Failed(deadline)', late: 'Progressing', c001: 'Pending' });
    run(fleet, 3 * minuteMs);
    expect(outcomes(fleet)).toEqual({
      c000: 'Failed(deadline)',
      late: 'Failed(deadline)',
      c001: 'Succeeded',
    });
  });

  test('maxFailures 10 over 5 clusters means 0: it means all 5', () => {
    expect(failuresOf(10, 5)).toBe(5);
    const fleet = settled(strategyOf({ maxFailures: 10, maxConcurrent: 1 }), 5);
    fleet.fate = (name, revision) => (revision === 2 && name !== 'c004' ? 'operationFails' : 'ok');
    propose(fleet, 2);
    run(fleet, 10 * minuteMs);
    expect(phase(fleet)).toBe('Completed');
    expect(count(fleet, 'Failed(operation)')).toBe(4);
  });

  test('an unreachable cluster leaves its placement and is uninstalled on return: it stays a target and is moved on', () => {
    const fleet = settled(defaultStrategy, 2);
    connect(fleet, 'c000', false);
    propose(fleet, 2);
    run(fleet, 30 * 24 * 60 * minuteMs, 24 * 60 * minuteMs);
    expect(fleet.state.targets.get('c000')).toMatchObject({ revision: 1, entitled: 2, leaving: false });
    connect(fleet, 'c000', true);
    run(fleet, minuteMs);
    expect(fleet.state.targets.get('c000')).toMatchObject({ revision: 2, entitled: 2, leaving: false });
  });
});

describe('Argo RollingSync', () => {
  const one = strategyOf({ maxConcurrent: 1 });

  test('syncs carry no pinned revision: a wave moves to the revision of its rollout, whatever is newer by then', () => {
    const fleet = settled(strategyOf({ maxConcurrent: 1, onNewRevision: 'queue' }), 3);
    const before = fleet.assignments.length;
    propose(fleet, 2);
    tick(fleet);
    propose(fleet, 3);
    while (fleet.state.open?.revision === 2) run(fleet, 5_000);
    const moved = fleet.assignments.slice(before).filter(({ rollout }) => rollout !== fleet.state.open?.id);
    expect(moved.map(({ target, revision }) => `${target} ${revision}`)).toEqual([
      'c000 2',
      'c001 2',
      'c002 2',
    ]);
  });

  test('no soak: the next wave waits until this one has been healthy for so long', () => {
    const waves = [{ name: 'canary', clusters: { names: ['c000'] }, soak: '10m' }];
    const fleet = settled(strategyOf({ waves }), 2);
    propose(fleet, 2);
    run(fleet, 9 * minuteMs);
    expect(outcomes(fleet)).toEqual({ c000: 'Soaking', c001: 'Pending' });
    run(fleet, 3 * minuteMs);
    expect(phase(fleet)).toBe('Completed');
  });

  test('no abort: it withdraws the revision where it was not assigned, and moves nothing that was', () => {
    const fleet = settled(one, 3);
    propose(fleet, 2);
    tick(fleet);
    apply(fleet, verbs.abort(fleet.state, 'ann', 'no', fleet.nowMs));
    run(fleet, 5 * minuteMs);
    expect(revisions(fleet)).toEqual([2, 1, 1]);
    expect([...fleet.state.targets.values()].map(({ entitled }) => entitled)).toEqual([2, 1, 1]);
  });

  test('no budget: one failure more than is allowed halts what is still to come', () => {
    const fleet = settled(strategyOf({ maxConcurrent: 1, maxFailures: 1 }), 5);
    fleet.fate = (_name, revision) => (revision === 2 ? 'operationFails' : 'ok');
    propose(fleet, 2);
    run(fleet, 10 * minuteMs);
    expect(phase(fleet)).toBe('Paused');
    expect(revisions(fleet)).toEqual([2, 2, 1, 1, 1]);
  });

  test('no rollback: a broken budget sends everybody back to what was healthy there', () => {
    const fleet = settled(strategyOf({ maxConcurrent: 1, onFailure: 'rollback' }), 3);
    fleet.fate = (name, revision) => (revision === 2 && name === 'c001' ? 'operationFails' : 'ok');
    propose(fleet, 2);
    run(fleet, 10 * minuteMs);
    expect(revisions(fleet)).toEqual([1, 1, 1]);
    expect(fleet.state.rejected).toEqual([2]);
  });

  test('unmatched applications never sync: a fleet of which no wave matches anybody is rolled out as the rest', () => {
    const waves = [{ name: 'eu', clusters: { selector: { matchLabels: { region: 'eu' } } } }];
    const fleet = simulatedFleet(strategyOf({ waves }), 3);
    propose(fleet, 1);
    run(fleet, minuteMs);
    expect(phase(fleet)).toBe('Completed');
    expect(revisions(fleet)).toEqual([1, 1, 1]);
  });
});

describe('Argo CD', () => {
  const one = strategyOf({ maxConcurrent: 1 });

  test('a bad revision’s health wait blocks the fix: the next revision goes at once to who hangs on the one before', () => {
    const fleet = settled(one, 3);
    fleet.fate = (_name, revision) => (revision === 2 ? 'hangs' : 'ok');
    propose(fleet, 2);
    run(fleet, minuteMs);
    expect(outcomes(fleet)['c000']).toBe('Progressing');
    propose(fleet, 3);
    tick(fleet);
    expect(outcomes(fleet)).toEqual({ c000: 'Assigned', c001: 'Pending', c002: 'Pending' });
    run(fleet, 2 * minuteMs);
    expect(revisions(fleet)).toEqual([3, 3, 3]);
  });

  test('rollback is refused while auto-sync is on: it works, and automation does not bring back what was undone', () => {
    const fleet = settled(defaultStrategy, 2);
    propose(fleet, 2);
    run(fleet, 2 * minuteMs);
    const of = fleet.closed.at(-1);
    if (of === undefined) throw new Error('nothing closed');
    const options = { id: freshId(fleet), of, by: 'ann', reason: 'slow' };
    apply(fleet, verbs.rollback(fleet.state, options, observations(fleet), fleet.nowMs));
    run(fleet, 2 * minuteMs);
    expect(revisions(fleet)).toEqual([1, 1]);
    expect(() => propose(fleet, 2, true)).toThrow('Rejected');
    run(fleet, 60 * minuteMs, minuteMs);
    expect(revisions(fleet)).toEqual([1, 1]);
  });
});

describe('Flux', () => {
  test('“retries exhausted” needs suspend and resume: a newer revision goes on from a failure by itself', () => {
    const fleet = settled(strategyOf({ maxConcurrent: 1 }), 3);
    fleet.fate = (_name, revision) => (revision === 2 ? 'operationFails' : 'ok');
    propose(fleet, 2);
    run(fleet, 2 * minuteMs);
    expect(phase(fleet)).toBe('Paused');
    propose(fleet, 3);
    run(fleet, 5 * minuteMs);
    expect(phase(fleet)).toBe('Completed');
    expect(revisions(fleet)).toEqual([3, 3, 3]);
  });
});
