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
export function retryDelayMs(policy: RetryPolicy, attempt: number): number | null {
  if (attempt >= policy.limit) return null;
  return backoffMs(policy, attempt);
}

/** Self-heal: wait before the next revert after `reverts` so far; the first is at once. */
export function selfHealDelayMs(reverts: number): number {
  return reverts === 0 ? 0 : backoffMs(selfHealRetry, reverts);
}

function backoffMs(policy: RetryPolicy, attempt: number): number {
  // Bounded before the power, which would overflow to Infinity and, times 0, to NaN.
  const exponent = Math.min(attempt - 1, 64);
  return Math.min(policy.backoffMaxMs, policy.backoffMs * policy.backoffFactor ** exponent);
}

const reconnectMinMs = 1_000;
const reconnectMaxMs = 60_000;

/**
 * Reconnect with full jitter: anywhere between 1 s and a bound that doubles with each `attempt` (from 1) up to 60 s, so that
 * a fleet that lost its hub does not come back as one. `random` is in [0, 1); the hub's `retryAfterMs` is a lower bound.
 */
export function reconnectDelayMs(attempt: number, random: number, retryAfterMs = 0): number {
  const boundMs = Math.min(reconnectMaxMs, reconnectMinMs * 2 ** Math.min(attempt, 16));
  const delayMs = reconnectMinMs + random * (boundMs - reconnectMinMs);
  return Math.round(retryAfterMs + delayMs);
}
