/** Never fight: after N reverts of one field in M minutes the object is left alone and reported as a conflict. */
import type { DriftField } from '../status/observed.ts';

export interface FightPolicy {
  revertsMax: number;
  windowMs: number;
}

export const fightPolicy: FightPolicy = { revertsMax: 5, windowMs: 10 * 60_000 };

/** Times of reverts by field path, of one object. */
export type FightRecord = ReadonlyMap<string, readonly number[]>;

export declare function recordRevert(
  record: FightRecord,
  fields: DriftField[],
  nowMs: number,
  policy?: FightPolicy,
): FightRecord;
/** Fields reverted too often, with who writes them; empty: go on. */
export declare function fightsIn(
  record: FightRecord,
  fields: DriftField[],
  nowMs: number,
  policy?: FightPolicy,
): { path: string; manager: string; reverts: number }[];
