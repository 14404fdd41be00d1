/** What a store has to write after a step: everything that is not the same as before. */
import type { FleetState, Rollout, TargetOutcome, TargetState } from './state.ts';

export interface ChangedOutcome {
  rollout: string;
  outcome: TargetOutcome;
  /** The target was no part of that rollout before. */
  isNew: boolean;
}

export interface Changes {
  /** New or changed rollouts (their own fields), closed ones first: the open one is unique. */
  rollouts: readonly Rollout[];
  outcomes: readonly ChangedOutcome[];
  targets: readonly TargetState[];
  /** Rejected, completed, confirmed drops or the lane's own state changed. */
  application: boolean;
}

export function changesOf(before: FleetState, after: FleetState): Changes {
  const known = new Map(rolloutsOf(before).map((rollout) => [rollout.id, rollout]));
  const rollouts = rolloutsOf(after).filter((rollout) => known.get(rollout.id) !== rollout);
  return {
    rollouts,
    outcomes: rollouts.flatMap((rollout) => outcomesOf(known.get(rollout.id), rollout)),
    targets: [...after.targets.values()].filter((target) => before.targets.get(target.id) !== target),
    application: own(before).some((value, at) => value !== own(after)[at]),
  };
}

/** Nothing to write. */
export function isUnchanged(changes: Changes): boolean {
  return changes.rollouts.length === 0 && changes.targets.length === 0 && !changes.application;
}

function rolloutsOf(state: FleetState): Rollout[] {
  return [...state.closed, state.waiting, state.open].filter((rollout) => rollout !== null);
}

function outcomesOf(before: Rollout | undefined, after: Rollout): ChangedOutcome[] {
  const changed: ChangedOutcome[] = [];
  for (const outcome of after.outcomes.values()) {
    const known = before?.outcomes.get(outcome.target);
    if (known !== outcome) changed.push({ rollout: after.id, outcome, isNew: known === undefined });
  }
  return changed;
}

function own(state: FleetState): readonly unknown[] {
  return [state.completed, state.rejected, state.confirmedDrops, state.laneDrops, state.laneForgiven];
}
