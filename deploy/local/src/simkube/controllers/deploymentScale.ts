/** A Deployment that is scaled while it rolls out: its sets keep their shares. */
import { boundsOf, replicasOf } from './deploymentBounds.ts';
import type { Deployment, ReplicaSet } from './shapes.ts';

const MAX = 'deployment.kubernetes.io/max-replicas';

export function proportions(
  deployment: Deployment,
  sets: readonly ReplicaSet[],
  current?: ReplicaSet,
): Map<ReplicaSet, number> {
  const { desired, surge } = boundsOf(deployment);
  const active = sets.filter((set) => replicasOf(set) > 0);
  if (active.length <= 1) {
    const only = active[0] ?? current ?? sets.at(-1);
    return new Map(only === undefined ? [] : [[only, desired]]);
  }
  if (current !== undefined && isSaturated(current, desired))
    return new Map(active.map((set) => [set, set === current ? replicasOf(set) : 0]));
  const allowed = desired > 0 ? desired + surge : 0;
  const delta = allowed - active.reduce((sum, set) => sum + replicasOf(set), 0);
  return shares(active, delta, allowed);
}

/** Every set grows or shrinks with its size, the largest first; what rounding leaves goes to the largest. */
function shares(active: readonly ReplicaSet[], delta: number, allowed: number): Map<ReplicaSet, number> {
  const sorted = active.toSorted((a, b) => replicasOf(b) - replicasOf(a));
  const targets = new Map(sorted.map((set) => [set, replicasOf(set)]));
  let left = delta;
  for (const set of sorted) {
    const before = Number(set.metadata.annotations?.[MAX] ?? 0) || allowed;
    const wanted = Math.round((replicasOf(set) * allowed) / Math.max(1, before)) - replicasOf(set);
    const share = delta > 0 ? Math.max(0, Math.min(wanted, left)) : Math.min(0, Math.max(wanted, left));
    targets.set(set, replicasOf(set) + share);
    left -= share;
  }
  const largest = sorted[0];
  if (largest !== undefined) targets.set(largest, Math.max(0, (targets.get(largest) ?? 0) + left));
  return targets;
}

function isSaturated(set: ReplicaSet, desired: number): boolean {
  return replicasOf(set) === desired && (set.status?.availableReplicas ?? 0) === desired;
}
