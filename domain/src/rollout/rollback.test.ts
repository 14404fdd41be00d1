/** The way back. */
import { describe, expect, test } from 'vitest';
import { minuteMs, propose, revisions, settled, strategyOf } from './testing/scenario.ts';
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

describe('rollback', () => {
  const strategy = strategyOf({ onFailure: 'rollback', maxConcurrent: 1, maxFailures: 0 });

  test('opens with the close of what it undoes and sends every target back to what was healthy there', () => {
    const fleet = settled(strategy, 4);
    fleet.fate = (name, revision) => (revision === 2 && name === 'c001' ? 'operationFails' : 'ok');
    propose(fleet, 2);
    run(fleet, 10 * minuteMs);
    expect(fleet.closed.map(({ kind, phase: end }) => [kind, end])).toEqual([
      ['forward', 'Completed'],
      ['forward', 'RolledBack'],
      ['rollback', 'Completed'],
    ]);
    expect(revisions(fleet)).toEqual([1, 1, 1, 1]);
    expect(fleet.state.rejected).toEqual([2]);
    const undone = [...(fleet.closed[1]?.outcomes.values() ?? [])].map(({ outcome }) => outcome);
    expect(undone).toEqual(['RolledBack', 'RolledBack', 'Skipped', 'Skipped']);
  });

  test('automation never starts a rejected revision again, a person may', () => {
    const fleet = settled(strategy, 2);
    fleet.fate = (_name, revision) => (revision === 2 ? 'operationFails' : 'ok');
    propose(fleet, 2);
    run(fleet, 10 * minuteMs);
    expect(() => propose(fleet, 2)).toThrow('Rejected');
    fleet.fate = () => 'ok';
    const proposal = { id: freshId(fleet), revision: 2, strategy, automated: true, by: 'ann' };
    apply(fleet, verbs.start(fleet.state, proposal, observations(fleet), fleet.nowMs));
    run(fleet, 10 * minuteMs);
    expect(revisions(fleet)).toEqual([2, 2]);
    expect(fleet.state.rejected).toEqual([]);
  });

  test('automation queues a newer revision behind a rollback, and a failure inside pauses it', () => {
    const fleet = settled(strategy, 3);
    fleet.fate = (name, revision) => (revision === 2 && name === 'c001' ? 'operationFails' : 'ok');
    propose(fleet, 2);
    fleet.strategy = strategy;
    while (fleet.state.open?.kind !== 'rollback') run(fleet, 5_000);
    fleet.fate = (_name, revision) => (revision === 1 ? 'operationFails' : 'ok');
    propose(fleet, 3);
    expect(fleet.state.waiting).toMatchObject({ revision: 3, phase: 'Queued' });
    run(fleet, 10 * minuteMs);
    expect(fleet.state.open).toMatchObject({ kind: 'rollback', phase: 'Paused' });
    apply(fleet, verbs.startWaiting(fleet.state, 'ann', observations(fleet), fleet.nowMs));
    run(fleet, 10 * minuteMs);
    expect(revisions(fleet)).toEqual([3, 3, 3]);
  });

  test('a target on which nothing was healthy stays as it is', () => {
    const fleet = simulatedFleet(strategy, 2);
    fleet.fate = () => 'operationFails';
    propose(fleet, 1);
    run(fleet, 5 * minuteMs);
    expect(revisions(fleet)).toEqual([1, null]);
    expect(fleet.closed[0]?.phase).toBe('RolledBack');
    expect(fleet.closed[0]?.outcomes.get('c000')?.outcome).toBe('Failed');
  });

  test('a completed rollout can be undone by a person', () => {
    const fleet = settled(strategy, 2);
    propose(fleet, 2);
    run(fleet, 5 * minuteMs);
    const of = fleet.closed.at(-1);
    if (of === undefined) throw new Error('nothing closed');
    const options = { id: freshId(fleet), of, by: 'ann', reason: 'slow' };
    apply(fleet, verbs.rollback(fleet.state, options, observations(fleet), fleet.nowMs));
    run(fleet, 5 * minuteMs);
    expect(revisions(fleet)).toEqual([1, 1]);
    addCluster(fleet, 'new', {});
    run(fleet, minuteMs);
    expect(fleet.state.targets.get('new')?.revision).toBe(1);
  });

  test('a target is assigned at most once a step, also when its turn breaks the budget of others', () => {
    const fleet = settled(strategyOf({ onFailure: 'rollback', offline: 'fail' }), 3);
    connect(fleet, 'c002', false);
    propose(fleet, 2);
    const step = tick(fleet);
    expect(step.assignments).toEqual([]);
    expect(fleet.closed.at(-2)).toMatchObject({ kind: 'forward', phase: 'RolledBack' });
    expect(fleet.closed.at(-1)).toMatchObject({ kind: 'rollback', phase: 'Completed' });
  });
});
