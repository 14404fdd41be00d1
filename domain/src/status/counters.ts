/**
 * The maintained counters: targets by shown status, per application and per cluster. Every change of a target's row
 * yields deltas that are added in the same transaction, so no screen ever counts rows.
 */
import type { HealthStatus, SyncStatus } from './words.ts';

export type StatusKey = `${SyncStatus}/${HealthStatus}`;

/** Where one target counts. */
export interface Counted {
  applicationId: string;
  clusterId: string;
  sync: SyncStatus;
  health: HealthStatus;
}

export interface CounterDelta {
  scope: 'application' | 'cluster';
  id: string;
  key: StatusKey;
  by: number;
}

/** From `before` (null: the target is new) to `after` (null: it is gone). Empty when nothing moved. */
export function counterDeltas(before: Counted | null, after: Counted | null): CounterDelta[] {
  return mergeDeltas([...deltasOf(before, -1), ...deltasOf(after, 1)]);
}

/** One delta per counter, without zeroes, in the order in which rows must be locked: applications by id, then clusters by id. */
export function mergeDeltas(deltas: readonly CounterDelta[]): CounterDelta[] {
  const sums = new Map<string, CounterDelta>();
  for (const delta of deltas) {
    const at = `${delta.scope} ${delta.id} ${delta.key}`;
    sums.set(at, { ...delta, by: (sums.get(at)?.by ?? 0) + delta.by });
  }
  return [...sums.entries()]
    .filter(([, delta]) => delta.by !== 0)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([, delta]) => delta);
}

function deltasOf(counted: Counted | null, by: number): CounterDelta[] {
  if (counted === null) return [];
  const key: StatusKey = `${counted.sync}/${counted.health}`;
  return [
    { scope: 'application', id: counted.applicationId, key, by },
    { scope: 'cluster', id: counted.clusterId, key, by },
  ];
}
