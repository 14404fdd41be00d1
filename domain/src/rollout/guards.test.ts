/** What asks a person before objects are deleted. */
import { describe, expect, test } from 'vitest';
import { next } from './next.ts';
import { defaultStrategy } from './strategy.ts';
import { minuteMs, propose, revisions, settled } from './testing/scenario.ts';
import {
  apply,
  freshId,
  observations,
  run,
  simulatedFleet,
  tick,
  type SimulatedFleet,
} from './testing/simulatedFleet.ts';
import * as verbs from './verbs.ts';

describe('guards', () => {
  test('a revision that drops a third of its objects waits for one confirmation for the fleet', () => {
    const fleet = settled(defaultStrategy, 3);
    fleet.drop = () => ({ dropped: 33, total: 99 });
    propose(fleet, 2);
    run(fleet, minuteMs);
    expect(revisions(fleet)).toEqual([1, 1, 1]);
    expect(fleet.state.open?.heldDrops).toMatchObject([{ revision: 2, dropped: 33, total: 99 }]);
    expect(fleet.events.filter(({ kind }) => kind === 'DropHeld')).toHaveLength(1);
    apply(fleet, verbs.confirmDrop(fleet.state, 2, 'ann', fleet.nowMs));
    const step = tick(fleet);
    expect(step.assignments.map(({ deletesMax }) => deletesMax)).toEqual([33, 33, 33]);
  });

  test('going back to a bundle that was healthy there needs no confirmation', () => {
    const fleet = settled(defaultStrategy, 2);
    propose(fleet, 2);
    run(fleet, minuteMs);
    fleet.drop = () => ({ dropped: 90, total: 100 });
    const proposal = {
      id: freshId(fleet),
      revision: 1,
      strategy: defaultStrategy,
      automated: true,
      by: 'ann',
    };
    apply(fleet, verbs.start(fleet.state, proposal, observations(fleet), fleet.nowMs));
    const step = tick(fleet);
    expect(step.assignments.map(({ deletesMax }) => deletesMax)).toEqual([90, 90]);
  });

  test('another variant of the revision that is healthy there is no going back: what it drops is asked about', () => {
    const fleet = settled(defaultStrategy, 2);
    const { render } = fleet;
    fleet.render = (revision, target) =>
      target === 'c000'
        ? { state: 'Ready', variant: 'other', bundle: 'other', sizeBytes: 1 }
        : render(revision, target);
    fleet.drop = (from, to) => (from === to ? { dropped: 0, total: 100 } : { dropped: 90, total: 100 });
    run(fleet, minuteMs);
    expect(fleet.state.targets.get('c000')).toMatchObject({ bundle: 'b1', assignment: 1 });
    expect(fleet.state.laneDrops).toMatchObject([{ revision: 1, dropped: 90, total: 100 }]);
    apply(fleet, verbs.confirmDrop(fleet.state, 1, 'ann', fleet.nowMs));
    run(fleet, minuteMs);
    expect(fleet.state.targets.get('c000')).toMatchObject({ bundle: 'other', assignment: 2 });
  });

  test('with prune off nothing may be deleted', () => {
    const fleet = simulatedFleet(defaultStrategy, 1);
    propose(fleet, 1);
    const seen = { ...observations(fleet), prune: false };
    expect(nextAssignments(fleet, seen)).toEqual([0]);
  });

  test('what is not rendered or counted yet is asked for, and nothing is assigned meanwhile', () => {
    const fleet = settled(defaultStrategy, 2);
    const { render } = fleet;
    fleet.render = (revision) => (revision === 2 ? { state: 'Pending' } : render(revision, ''));
    propose(fleet, 2);
    const asked = tick(fleet);
    expect(asked.wanted.renders).toEqual([
      { revision: 2, target: 'c000' },
      { revision: 2, target: 'c001' },
    ]);
    fleet.render = render;
    fleet.drop = () => null;
    expect(tick(fleet).wanted.drops).toEqual([{ from: 'b1', to: 'b2' }]);
    expect(revisions(fleet)).toEqual([1, 1]);
  });
});

function nextAssignments(fleet: SimulatedFleet, seen: ReturnType<typeof observations>): number[] {
  return nextStep(fleet, seen).assignments.map(({ deletesMax }) => deletesMax);
}

function nextStep(fleet: SimulatedFleet, seen: ReturnType<typeof observations>): ReturnType<typeof next> {
  return next(fleet.strategy, fleet.state, seen, fleet.nowMs);
}
