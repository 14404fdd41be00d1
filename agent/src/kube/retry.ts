/** When to send one request again: the server was busy or no answer came. Everything else is the caller's business. */
import { isKubeError } from './error.ts';

const backoffMs = 100;
const backoffMaxMs = 5_000;
const retryAfterMaxMs = 30_000;

/** Milliseconds to wait before try `attempt + 1`, or null to give up. `random` in [0, 1). */
export function requestRetryDelayMs(
  error: unknown,
  attempt: number,
  retriesMax: number,
  random: number,
): number | null {
  if (attempt > retriesMax || !isKubeError(error, 'TooManyRequests', 'Unavailable')) return null;
  if (error.retryAfterMs !== null) return Math.min(error.retryAfterMs, retryAfterMaxMs) * (1 + random / 4);
  return Math.min(backoffMs * 2 ** (attempt - 1), backoffMaxMs) * (0.5 + random / 2);
}
