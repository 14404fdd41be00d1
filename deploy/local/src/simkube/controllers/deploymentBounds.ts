/** How many replicas a Deployment may have, and must have available, while it rolls out. */
import { scaled } from './objects.ts';
import type { Deployment, ReplicaSet } from './shapes.ts';

export interface Bounds {
  desired: number;
  surge: number;
  /** How many must be available. */
  availableMin: number;
}

export function boundsOf({ spec }: Deployment): Bounds {
  const desired = spec.replicas ?? 1;
  if (spec.strategy?.type === 'Recreate') return { desired, surge: 0, availableMin: 0 };
  const { maxSurge = '25%', maxUnavailable = '25%' } = spec.strategy?.rollingUpdate ?? {};
  const surge = scaled(maxSurge, desired, Math.ceil);
  const unavailable = scaled(maxUnavailable, desired, Math.floor);
  // Both zero would never move.
  const allowed = surge === 0 && unavailable === 0 ? 1 : Math.min(unavailable, desired);
  return { desired, surge, availableMin: desired - allowed };
}

export function replicasOf(set: ReplicaSet): number {
  return set.spec.replicas ?? 1;
}
