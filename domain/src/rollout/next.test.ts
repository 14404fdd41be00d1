/** What a rollout does to a fleet, one guarantee a test. */
import { describe, expect, test } from 'vitest';
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
  observations,
  run,
  simulatedFleet,
  tick,
} from './testing/simulatedFleet.ts';
import * as verbs from './verbs.ts';

describe('the default strategy', () => {
  test('assigns every target at once and completes when all are healthy', () => {
    const fleet = simulatedFleet(defaultStrategy, 3);
    propose(fleet, 1);
    const step = tick(fleet);
    expect(
      step.assignments.map(({ target, assignment, revision }) => [target, assignment, revision]),
    ).toEqual([
      ['c000', 1, 1],
      ['c001', 1, 1],
      ['c002', 1, 1],
    ]);
    run(fleet, minuteMs);
    expect(phase(fleet)).toBe('Completed');
    expect(outcomes(fleet)).toEqual({ c000: 'Succeeded', c001: 'Succeeded', c002: 'Succeeded' });
    expect([...fleet.state.targets.values()].map(({ entitled, healthy }) => [entitled, healthy])).toEqual([
      [1, [1]],
      [1, [1]],
      [1, [1]],
    ]);
  });

  test('asks to be woken when time alone will change something', () => {
    const fleet = simulatedFleet(defaultStrategy, 1);
    propose(fleet, 1);
    expect(tick(fleet).wakeAtMs).toBe(fleet.nowMs + 30 * minuteMs);
    run(fleet, minuteMs);
    expect(tick(fleet).wakeAtMs).toBeNull();
  });

  test('a proposal that comes twice or late is refused', () => {
    const fleet = settled(defaultStrategy, 1);
    propose(fleet, 3);
    expect(() => propose(fleet, 3)).toThrow('as new or newer');
    expect(() => propose(fleet, 2)).toThrow('as new or newer');
    run(fleet, minuteMs);
    expect(() => propose(fleet, 2)).toThrow('as new or newer');
  });

  test('an application without targets completes', () => {
    const fleet = simulatedFleet(defaultStrategy, 0);
    propose(fleet, 1);
    tick(fleet);
    expect(phase(fleet)).toBe('Completed');
  });

  test('a target that joins later gets the completed revision in the lane', () => {
    const fleet = settled(defaultStrategy, 2);
    addCluster(fleet, 'new', {});
    const step = tick(fleet);
    expect(step.assignments).toMatchObject([{ target: 'new', revision: 1, cause: 'lane', rollout: null }]);
    run(fleet, minuteMs);
    expect(fleet.state.targets.get('new')?.lane?.outcome).toBe('Succeeded');
  });

  test('manual sync waits for a person, and a newer revision replaces what waits', () => {
    const fleet = settled(defaultStrategy, 2);
    propose(fleet, 2, false);
    propose(fleet, 3, false);
    expect(fleet.closed.at(-1)).toMatchObject({ revision: 2, phase: 'Superseded' });
    run(fleet, minuteMs);
    expect(revisions(fleet)).toEqual([1, 1]);
    apply(fleet, verbs.startWaiting(fleet.state, 'ann', observations(fleet), fleet.nowMs));
    tick(fleet);
    expect(revisions(fleet)).toEqual([3, 3]);
  });
});

test('what waited for a person goes on by itself, as the same rollout, when sync becomes automated', () => {
  const fleet = settled(defaultStrategy, 2);
  propose(fleet, 2, false);
  const waiting = fleet.state.waiting?.id;
  propose(fleet, 2, true);
  expect(fleet.state).toMatchObject({ waiting: null, open: { id: waiting, revision: 2 } });
  run(fleet, minuteMs);
  expect(revisions(fleet)).toEqual([2, 2]);
});

test('sync now gives every target another assignment of what belongs there', () => {
  const fleet = settled(defaultStrategy, 3);
  const { state, retried } = verbs.retryAll(fleet.state, ['c000', 'c002', 'nobody'], 'ann', fleet.nowMs);
  expect(retried).toEqual(['c000', 'c002']);
  fleet.state = state;
  expect(tick(fleet).assignments).toMatchObject([
    { target: 'c000', assignment: 2, revision: 1, cause: 'retry' },
    { target: 'c002', assignment: 2, revision: 1, cause: 'retry' },
  ]);
});

describe('waves', () => {
  const canary = strategyOf({
    waves: [{ name: 'canary', clusters: { names: ['c000'] }, soak: '5m' }],
    maxConcurrent: 2,
  });

  test('the next wave opens only after the one before has soaked', () => {
    const fleet = settled(canary, 5);
    propose(fleet, 2);
    tick(fleet);
    run(fleet, 4 * minuteMs);
    expect(outcomes(fleet)).toMatchObject({ c000: 'Soaking', c001: 'Pending' });
    run(fleet, 2 * minuteMs);
    expect(outcomes(fleet)['c000']).toBe('Succeeded');
    expect(
      count(fleet, 'Assigned') + count(fleet, 'Progressing') + count(fleet, 'Succeeded'),
    ).toBeGreaterThan(1);
  });

  test('promote ends the soak at once', () => {
    const fleet = settled(canary, 5);
    propose(fleet, 2);
    tick(fleet);
    run(fleet, minuteMs);
    apply(fleet, verbs.promote(fleet.state, 'ann', fleet.nowMs));
    tick(fleet);
    expect(outcomes(fleet)).toMatchObject({
      c000: 'Succeeded',
      c001: 'Assigned',
      c002: 'Assigned',
      c003: 'Pending',
    });
  });

  test('soak counts only time reported healthy by a live session', () => {
    const fleet = settled(canary, 2);
    propose(fleet, 2);
    tick(fleet);
    run(fleet, 2 * minuteMs);
    connect(fleet, 'c000', false);
    run(fleet, 20 * minuteMs);
    expect(outcomes(fleet)['c000']).toBe('Soaking');
    connect(fleet, 'c000', true);
    run(fleet, 2 * minuteMs);
    expect(outcomes(fleet)['c000']).toBe('Soaking');
    run(fleet, 2 * minuteMs);
    expect(outcomes(fleet)['c000']).toBe('Succeeded');
  });

  test('a wave waits for its approval, says so once, and an approval of another revision does not count', () => {
    const strategy = strategyOf({ waves: [{ name: 'prod', clusters: { names: ['*'] }, approval: true }] });
    const fleet = settled(strategy, 2);
    propose(fleet, 2);
    run(fleet, minuteMs);
    expect(fleet.events.filter(({ kind }) => kind === 'WaveWaits')).toHaveLength(1);
    apply(fleet, verbs.approve(fleet.state, 'prod', 'ann', fleet.nowMs));
    propose(fleet, 3);
    run(fleet, minuteMs);
    expect(revisions(fleet)).toEqual([1, 1]);
    apply(fleet, verbs.approve(fleet.state, 'prod', 'ann', fleet.nowMs));
    tick(fleet);
    expect(revisions(fleet)).toEqual([3, 3]);
  });

  test('a joiner gets the first matching wave, or the lane where that has passed', () => {
    const fleet = settled(
      strategyOf({ waves: [{ name: 'canary', clusters: { names: ['c000', 'x*'] } }], maxConcurrent: 1 }),
      4,
    );
    propose(fleet, 2);
    tick(fleet);
    run(fleet, 15_000);
    expect(outcomes(fleet)).toMatchObject({ c000: 'Succeeded' });
    addCluster(fleet, 'x', {});
    addCluster(fleet, 'y', {});
    tick(fleet);
    expect(outcomes(fleet)['y']).toBe('Pending');
    expect(outcomes(fleet)['x']).toBeUndefined();
    expect(fleet.state.targets.get('x')?.revision).toBe(1);
    run(fleet, 3 * minuteMs);
    expect(revisions(fleet)).toEqual([2, 2, 2, 2, 2, 2]);
  });

  test('a joiner does not slip past the approval of a wave that was empty and passed', () => {
    const strategy = strategyOf({
      waves: [
        { name: 'empty', clusters: { names: ['x'] }, approval: true },
        { name: 'all', clusters: { names: ['*'] }, approval: true },
      ],
    });
    const fleet = settled(strategy, 1);
    propose(fleet, 2);
    tick(fleet);
    addCluster(fleet, 'x', {});
    run(fleet, minuteMs);
    expect(fleet.state.targets.get('x')?.revision).toBe(1);
  });

  test('a leaver never blocks', () => {
    const fleet = settled(canary, 3);
    fleet.fate = (name) => (name === 'c000' ? 'hangs' : 'ok');
    propose(fleet, 2);
    run(fleet, minuteMs);
    const target = fleet.state.targets.get('c000');
    if (target === undefined) throw new Error('no target');
    fleet.state = {
      ...fleet.state,
      targets: new Map([...fleet.state.targets, ['c000', { ...target, leaving: true }]]),
    };
    run(fleet, minuteMs);
    expect(outcomes(fleet)).toEqual({ c000: 'Skipped(left)', c001: 'Succeeded', c002: 'Succeeded' });
    expect(phase(fleet)).toBe('Completed');
  });
});
