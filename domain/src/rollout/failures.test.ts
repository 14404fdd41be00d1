/** What stops a rollout, and what does not. */
import { describe, expect, test } from 'vitest';
import { defaultStrategy } from './strategy.ts';
import { minuteMs, outcomes, phase, propose, revisions, settled, strategyOf } from './testing/scenario.ts';
import { apply, clusterOf, run, tick } from './testing/simulatedFleet.ts';
import * as verbs from './verbs.ts';

describe('failures', () => {
  const one = strategyOf({ maxConcurrent: 1, waves: [{ name: 'first', clusters: { names: ['c00*'] } }] });

  test('maxFailures 0 halts at the first failure, with the reason', () => {
    const fleet = settled(one, 4);
    fleet.fate = (name) => (name === 'c001' ? 'operationFails' : 'ok');
    propose(fleet, 2);
    run(fleet, 5 * minuteMs);
    expect(phase(fleet)).toBe('Paused');
    expect(fleet.state.open?.phaseReason).toContain('1 of 4 failed');
    expect(outcomes(fleet)).toEqual({
      c000: 'Succeeded',
      c001: 'Failed(operation)',
      c002: 'Pending',
      c003: 'Pending',
    });
    expect(revisions(fleet)).toEqual([2, 2, 1, 1]);
  });

  test('after resume only a new failure halts again', () => {
    const fleet = settled(one, 4);
    fleet.fate = (name) => (name === 'c001' || name === 'c002' ? 'operationFails' : 'ok');
    propose(fleet, 2);
    run(fleet, 5 * minuteMs);
    apply(fleet, verbs.resume(fleet.state, 'ann', fleet.nowMs));
    run(fleet, 5 * minuteMs);
    expect(phase(fleet)).toBe('Paused');
    expect(outcomes(fleet)['c002']).toBe('Failed(operation)');
    apply(fleet, verbs.resume(fleet.state, 'ann', fleet.nowMs));
    run(fleet, 5 * minuteMs);
    expect(phase(fleet)).toBe('Completed');
  });

  test('in-flight targets of a superseded rollout count in the new one', () => {
    const fleet = settled(
      strategyOf({ maxConcurrent: 2, waves: [{ name: 'w', clusters: { names: ['c002'] } }] }),
      3,
    );
    fleet.fate = (name, revision) => (revision === 2 && name !== 'c002' ? 'hangs' : 'ok');
    propose(fleet, 2);
    run(fleet, minuteMs);
    expect(outcomes(fleet)).toEqual({ c000: 'Progressing', c001: 'Progressing', c002: 'Succeeded' });
    propose(fleet, 3);
    tick(fleet);
    // c000 and c001 are still busy with revision 2: wave w has no room until they take their places again.
    expect(outcomes(fleet)['c002']).toBe('Pending');
  });

  test('a person’s pause holds a newer automated revision back', () => {
    const fleet = settled(one, 3);
    propose(fleet, 2);
    tick(fleet);
    apply(fleet, verbs.pause(fleet.state, 'ann', 'looking', fleet.nowMs));
    propose(fleet, 3);
    run(fleet, 5 * minuteMs);
    expect(fleet.state.waiting).toMatchObject({ revision: 3, phase: 'Queued' });
    expect(revisions(fleet)).toEqual([2, 1, 1]);
    apply(fleet, verbs.resume(fleet.state, 'ann', fleet.nowMs));
    run(fleet, 5 * minuteMs);
    expect(revisions(fleet)).toEqual([3, 3, 3]);
    expect(fleet.closed.map(({ revision, phase: end }) => [revision, end])).toEqual([
      [1, 'Completed'],
      [2, 'Completed'],
      [3, 'Completed'],
    ]);
  });

  test('degraded for a minute on end fails, shorter does not', () => {
    const fleet = settled(defaultStrategy, 1);
    fleet.fate = () => 'degrades';
    propose(fleet, 2);
    tick(fleet);
    run(fleet, 60_000);
    expect(outcomes(fleet)['c000']).toBe('Progressing');
    run(fleet, 15_000);
    expect(outcomes(fleet)['c000']).toBe('Failed(degraded)');
  });

  test('a target that turns degraded after it succeeded counts in the budget until the rollout ends', () => {
    const fleet = settled(one, 3);
    propose(fleet, 2);
    run(fleet, 20_000);
    expect(outcomes(fleet)['c000']).toBe('Succeeded');
    const cluster = clusterOf(fleet, 'c000');
    if (cluster.reported !== null) {
      cluster.reported = {
        ...cluster.reported,
        health: 'Degraded',
        healthMessage: 'crash',
        healthSinceMs: fleet.nowMs,
      };
    }
    fleet.takesMs = 10 * minuteMs;
    run(fleet, 2 * minuteMs);
    expect(phase(fleet)).toBe('Paused');
    expect(outcomes(fleet)['c000']).toBe('Succeeded');
    expect(fleet.events.filter(({ kind }) => kind === 'Regressed')).toHaveLength(1);
  });

  test('a variant that does not render fails its targets and leaves them their bundle', () => {
    const fleet = settled(strategyOf({ maxFailures: '100%' }), 2);
    const { render } = fleet;
    fleet.render = (revision, target) =>
      revision === 2 && target === 'c001'
        ? { state: 'Failed', message: 'no such key' }
        : render(revision, target);
    propose(fleet, 2);
    run(fleet, minuteMs);
    expect(outcomes(fleet)).toEqual({ c000: 'Succeeded', c001: 'Failed(render)' });
    expect(revisions(fleet)).toEqual([2, 1]);
    expect(phase(fleet)).toBe('Completed');
  });

  test('time in which no hub was up counts towards no deadline', () => {
    const fleet = settled(strategyOf({ deadline: '5m' }), 1);
    fleet.fate = () => 'hangs';
    propose(fleet, 2);
    tick(fleet);
    fleet.outages = [{ fromMs: fleet.nowMs + minuteMs, toMs: fleet.nowMs + 11 * minuteMs }];
    run(fleet, 14 * minuteMs);
    expect(outcomes(fleet)['c000']).toBe('Progressing');
    run(fleet, 90_000);
    expect(outcomes(fleet)['c000']).toBe('Failed(deadline)');
  });

  test('retry gives a failed target another assignment within the rollout', () => {
    const fleet = settled(one, 2);
    fleet.fate = (name) => (name === 'c000' ? 'operationFails' : 'ok');
    propose(fleet, 2);
    run(fleet, 2 * minuteMs);
    const before = fleet.state.targets.get('c000')?.assignment ?? 0;
    fleet.fate = () => 'ok';
    apply(fleet, verbs.retry(fleet.state, 'c000', 'ann', fleet.nowMs));
    apply(fleet, verbs.resume(fleet.state, 'ann', fleet.nowMs));
    run(fleet, 2 * minuteMs);
    expect(fleet.state.targets.get('c000')?.assignment).toBe(before + 1);
    expect(phase(fleet)).toBe('Completed');
  });

  test('continue goes on past its budget and says so', () => {
    const fleet = settled(strategyOf({ onFailure: 'continue', maxConcurrent: 1 }), 3);
    fleet.fate = (name) => (name === 'c000' ? 'operationFails' : 'ok');
    propose(fleet, 2);
    run(fleet, 5 * minuteMs);
    expect(phase(fleet)).toBe('Completed');
    expect(fleet.events.filter(({ kind }) => kind === 'BudgetPassed')).toHaveLength(1);
  });
});
