/** Clusters that are away, pinned, late or different, and the lane that catches them up. */
import { describe, expect, test } from 'vitest';
import { defaultStrategy } from './strategy.ts';
import {
  minuteMs,
  neverOpen,
  outcomes,
  phase,
  propose,
  revisions,
  settled,
  strategyOf,
} from './testing/scenario.ts';
import { addCluster, apply, clusterOf, connect, run, tick } from './testing/simulatedFleet.ts';
import * as verbs from './verbs.ts';

describe('offline', () => {
  test('a cluster that is offline when its turn comes is deferred, holds nothing up, and is caught up at the right revision', () => {
    const fleet = settled(defaultStrategy, 3);
    connect(fleet, 'c001', false);
    propose(fleet, 2);
    run(fleet, minuteMs);
    expect(phase(fleet)).toBe('Completed');
    expect(outcomes(fleet)['c001']).toBe('Deferred(offline)');
    propose(fleet, 3);
    run(fleet, minuteMs);
    run(fleet, 14 * 24 * 60 * minuteMs, 24 * 60 * minuteMs);
    connect(fleet, 'c001', true);
    run(fleet, minuteMs);
    expect(fleet.state.targets.get('c001')).toMatchObject({ revision: 3, entitled: 3, assignment: 2 });
  });

  test('a deferred cluster that returns before the wave of a newer revision goes to the one before', () => {
    const strategy = strategyOf({
      waves: [
        { name: 'w', clusters: { names: ['c000'] } },
        { name: 'v', clusters: { names: ['*'] }, approval: true },
      ],
    });
    const fleet = settled(strategy, 3);
    connect(fleet, 'c001', false);
    propose(fleet, 2);
    run(fleet, minuteMs);
    connect(fleet, 'c001', true);
    run(fleet, minuteMs);
    expect(fleet.state.targets.get('c001')).toMatchObject({ revision: 1, entitled: 1 });
  });

  test('wait keeps the wave open until the cluster is back', () => {
    const fleet = settled(strategyOf({ offline: 'wait' }), 2);
    connect(fleet, 'c001', false);
    propose(fleet, 2);
    run(fleet, 60 * minuteMs, minuteMs);
    expect(outcomes(fleet)).toEqual({ c000: 'Succeeded', c001: 'Pending' });
    connect(fleet, 'c001', true);
    run(fleet, minuteMs);
    expect(phase(fleet)).toBe('Completed');
  });

  test('fail counts an offline cluster in the budget', () => {
    const fleet = settled(strategyOf({ offline: 'fail' }), 2);
    connect(fleet, 'c001', false);
    propose(fleet, 2);
    run(fleet, minuteMs);
    expect(outcomes(fleet)['c001']).toBe('Failed(offline)');
    expect(phase(fleet)).toBe('Paused');
  });

  test('a revision that cuts agents off does not roll through a fleet', () => {
    const fleet = settled(strategyOf({ maxConcurrent: 1, deadline: '5m' }), 5);
    fleet.fate = () => 'goesOffline';
    propose(fleet, 2);
    run(fleet, 30 * minuteMs);
    expect(outcomes(fleet)['c000']).toBe('Failed(lost)');
    expect(phase(fleet)).toBe('Paused');
    expect(revisions(fleet)).toEqual([2, 1, 1, 1, 1]);
  });

  test('a paused cluster is skipped, and caught up when it is resumed', () => {
    const fleet = settled(defaultStrategy, 2);
    clusterOf(fleet, 'c001').paused = true;
    propose(fleet, 2);
    run(fleet, minuteMs);
    expect(outcomes(fleet)['c001']).toBe('Skipped(paused)');
    clusterOf(fleet, 'c001').paused = false;
    run(fleet, minuteMs);
    expect(revisions(fleet)).toEqual([2, 2]);
  });
});

describe('pins', () => {
  test('a pinned target keeps its revision and goes to what it is entitled to when the pin expires', () => {
    const fleet = settled(defaultStrategy, 2);
    const pin = { revision: 1, reason: 'demo', expiresAtMs: fleet.nowMs + 30 * minuteMs };
    apply(fleet, verbs.pin(fleet.state, 'c000', pin, 'ann', fleet.nowMs));
    propose(fleet, 2);
    run(fleet, 5 * minuteMs);
    expect(outcomes(fleet)).toEqual({ c000: 'Skipped(pinned)', c001: 'Succeeded' });
    expect(revisions(fleet)).toEqual([1, 2]);
    run(fleet, 30 * minuteMs);
    expect(revisions(fleet)).toEqual([2, 2]);
  });

  test('a pin at another revision moves the target in the lane', () => {
    const fleet = settled(defaultStrategy, 2);
    propose(fleet, 2);
    run(fleet, 5 * minuteMs);
    apply(
      fleet,
      verbs.pin(fleet.state, 'c000', { revision: 1, reason: 'bug', expiresAtMs: null }, 'ann', fleet.nowMs),
    );
    run(fleet, 5 * minuteMs);
    expect(revisions(fleet)).toEqual([1, 2]);
  });
});

describe('the lane', () => {
  test('a failure holds it, reopens no rollout, and a person lets it go on', () => {
    const fleet = settled({ ...defaultStrategy, lane: { maxConcurrent: 1, maxFailures: 0 } }, 1);
    fleet.fate = (name) => (name === 'j1' ? 'operationFails' : 'ok');
    for (const name of ['j1', 'j2', 'j3']) addCluster(fleet, name, {});
    run(fleet, 5 * minuteMs);
    expect(revisions(fleet)).toEqual([1, 1, null, null]);
    expect(fleet.events.filter(({ kind }) => kind === 'LaneHeld')).toHaveLength(1);
    expect(fleet.state.open).toBeNull();
    apply(fleet, verbs.resumeLane(fleet.state, 'ann', fleet.nowMs));
    run(fleet, 5 * minuteMs);
    expect(revisions(fleet)).toEqual([1, 1, 1, 1]);
  });

  test('another variant for a target is a new assignment at its own revision', () => {
    const fleet = settled(defaultStrategy, 2);
    const { render } = fleet;
    fleet.render = (revision, target) =>
      target === 'c001'
        ? { state: 'Ready', variant: 'eu', bundle: 'eu', sizeBytes: 1 }
        : render(revision, target);
    const step = tick(fleet);
    expect(step.assignments).toMatchObject([
      { target: 'c001', revision: 1, bundle: 'eu', assignment: 2, cause: 'lane' },
    ]);
  });

  test('another variant while in flight starts the target over', () => {
    const fleet = settled(defaultStrategy, 1);
    propose(fleet, 2);
    run(fleet, 5_000);
    expect(outcomes(fleet)['c000']).toBe('Assigned');
    fleet.render = () => ({ state: 'Ready', variant: 'eu', bundle: 'eu', sizeBytes: 1 });
    const step = tick(fleet);
    expect(step.assignments).toMatchObject([{ target: 'c000', revision: 2, bundle: 'eu', assignment: 3 }]);
    run(fleet, minuteMs);
    expect(phase(fleet)).toBe('Completed');
  });

  test('nothing is assigned while the window is closed', () => {
    const fleet = settled(defaultStrategy, 2);
    fleet.windows = [neverOpen];
    propose(fleet, 2);
    addCluster(fleet, 'new', {});
    run(fleet, minuteMs);
    expect(revisions(fleet)).toEqual([1, 1, null]);
    fleet.windows = [];
    tick(fleet);
    expect(revisions(fleet)).toEqual([2, 2, 2]);
  });
});
