/**
 * Which revision belongs on a target. Stored on it, and asked for nowhere else: its pin; else what the last rollout that
 * opened its wave gave it; else, for a target that no rollout has reached, the newest completed forward rollout's
 * revision that is not Rejected; else none.
 */
import type { FleetState, TargetState } from './state.ts';

export function entitled(
  target: TargetState,
  fleet: Pick<FleetState, 'open' | 'completed' | 'rejected'>,
): number | null {
  if (target.pin !== null) return target.pin.revision;
  return wayBackOf(target, fleet) ?? target.given ?? newestCompleted(fleet);
}

/** The newest success here that is not Rejected: where a rollback leads; null: there is nothing to go back to. */
export function lastHealthy(target: TargetState, rejected: readonly number[]): number | null {
  return target.healthy.find((revision) => !rejected.includes(revision)) ?? null;
}

/** A target that a rollback has not reached yet keeps its way back, whatever moves it meanwhile. */
function wayBackOf(target: TargetState, fleet: Pick<FleetState, 'open'>): number | null {
  if (fleet.open?.kind !== 'rollback') return null;
  const outcome = fleet.open.outcomes.get(target.id);
  return outcome?.outcome === 'Pending' ? outcome.revision : null;
}

function newestCompleted(fleet: Pick<FleetState, 'completed' | 'rejected'>): number | null {
  return fleet.completed.find((revision) => !fleet.rejected.includes(revision)) ?? null;
}
