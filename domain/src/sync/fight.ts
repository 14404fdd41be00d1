/** Never fight: after N reverts of one field in M minutes the object is left alone and reported as a conflict. */
import type { DriftField } from '../status/observed.ts';

export interface FightPolicy {
  revertsMax: number;
  windowMs: number;
}

export const fightPolicy: FightPolicy = { revertsMax: 5, windowMs: 10 * 60_000 };

/** Times of reverts by field path, of one object. */
export type FightRecord = ReadonlyMap<string, readonly number[]>;

/** The record after one more revert; times outside the window are forgotten, so it stays small. */
export function recordRevert(
  record: FightRecord,
  fields: readonly DriftField[],
  nowMs: number,
  policy: FightPolicy = fightPolicy,
): FightRecord {
  const next = new Map<string, readonly number[]>();
  for (const [path, times] of record) {
    const recent = within(times, nowMs, policy);
    if (recent.length > 0) next.set(path, recent);
  }
  for (const { path } of fields) next.set(path, [...(next.get(path) ?? []), nowMs]);
  return next;
}

export interface Fight {
  path: string;
  manager: string;
  reverts: number;
}

/** The drifted fields that were reverted too often already, with who writes them; empty: revert again. */
export function fightsIn(
  record: FightRecord,
  fields: readonly DriftField[],
  nowMs: number,
  policy: FightPolicy = fightPolicy,
): Fight[] {
  return fields
    .map(({ path, manager }) => ({
      path,
      manager,
      reverts: within(record.get(path) ?? [], nowMs, policy).length,
    }))
    .filter((fight) => fight.reverts >= policy.revertsMax);
}

function within(times: readonly number[], nowMs: number, policy: FightPolicy): number[] {
  return times.filter((time) => nowMs - time < policy.windowMs);
}
