/** How long to wait before trying again: pure, randomness handed in. */
import type { RetryPolicy } from '../desired/entry.ts';

/** 5 s × 2 up to 3 m, 5 tries. */
export const operationRetry: RetryPolicy = {
  limit: 5,
  backoffMs: 5_000,
  backoffFactor: 2,
  backoffMaxMs: 180_000,
};
/** 2 s × 3 up to 5 m per object, without end. */
export const selfHealRetry: RetryPolicy = {
  limit: Infinity,
  backoffMs: 2_000,
  backoffFactor: 3,
  backoffMaxMs: 300_000,
};

/** Wait before try `attempt + 1`, after `attempt` (from 1) failed; null: no more tries. */
export declare function retryDelayMs(policy: RetryPolicy, attempt: number): number | null;
/** Self-heal: wait before the next revert after `reverts` so far; 0 reverts → at once. */
export declare function selfHealDelayMs(reverts: number): number;
/** Reconnect with full jitter, 1–60 s; `random` in [0, 1); the hub's `retryAfterMs` is a lower bound. */
export declare function reconnectDelayMs(attempt: number, random: number, retryAfterMs?: number): number;
