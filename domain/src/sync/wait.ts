/** When a sync wave is done: every object Healthy, Suspended or without health. A timeout names those that are not. */
import type { Identity } from '../object/types.ts';
import type { Health } from '../status/words.ts';

export const syncWaveTimeoutMs = 15 * 60_000;

/** `health` null: the kind has no health of its own. */
export interface WaitedObject {
  identity: Identity;
  health: Health | null;
}

export type WaitVerdict =
  | { outcome: 'done' }
  | { outcome: 'waiting'; on: WaitedObject[] }
  | { outcome: 'degraded'; on: WaitedObject[]; message: string };

export declare function judgeWave(input: {
  objects: WaitedObject[];
  startedAtMs: number;
  nowMs: number;
  timeoutMs: number;
}): WaitVerdict;
