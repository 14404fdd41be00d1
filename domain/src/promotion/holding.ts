/** Which revision a stage holds, and whether it does well with it. */
import { openWave } from '../rollout/gates.ts';
import { isLive } from '../rollout/outcome.ts';
import type { FleetState, Rollout, TargetState } from '../rollout/state.ts';
import type { Observation, Observations } from '../rollout/step.ts';

/** The last completed revision that is not Rejected, until a rollout moves anything away from it; null: none. */
export function heldRevision(fleet: FleetState): number | null {
  const { open, completed, rejected } = fleet;
  if (open !== null && (open.kind === 'rollback' || openWave(open) >= 0)) return null;
  return completed.find((revision) => !rejected.includes(revision)) ?? null;
}

/** Whether every cluster that took part did well with it to the end, and one did take it. */
export function isWellCompleted({ outcomes }: Rollout): boolean {
  const all = [...outcomes.values()];
  const isBad = all.some(({ outcome, regressedAtMs }) => outcome === 'Failed' || regressedAtMs !== null);
  return !isBad && all.some(({ outcome }) => outcome === 'Succeeded');
}

/** Why the stage does not vouch for this revision now; '' when it does: a live cluster has it, and none does badly with it. */
export function unwellWith(
  revision: number,
  stage: string,
  fleet: FleetState,
  seen: Pick<Observations, 'targets'>,
): string {
  const holders = [...fleet.targets.values()].filter(
    (target) => target.revision === revision && !target.leaving,
  );
  if (holders.length === 0) return `no cluster of ${stage} has it`;
  const live = holders.filter(({ id }) => isLive(seen.targets.get(id)));
  if (live.length === 0) return `no cluster of ${stage} that has it is connected`;
  const said = live.flatMap((target) => {
    const observation = seen.targets.get(target.id);
    const why = observation === undefined ? '' : unwell(target, observation);
    return why === '' ? [] : [`cluster ${observation?.clusterName ?? ''} ${why}`];
  });
  // Targets come in no order.
  return said.toSorted().at(0) ?? '';
}

function unwell(target: TargetState, { reported }: Observation): string {
  if (target.lane?.outcome === 'Failed' && target.lane.revision === target.revision) {
    return `failed: ${target.lane.message}`;
  }
  if (reported === null || reported.assignment !== target.assignment) return '';
  if (reported.health === 'Degraded') return `is Degraded: ${reported.healthMessage}`;
  const { operation } = reported;
  if (operation?.assignment !== target.assignment) return '';
  const isFailed = operation.phase === 'Failed' || operation.phase === 'Error';
  return isFailed ? `failed to apply it: ${operation.message}` : '';
}
