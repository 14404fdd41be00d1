/**
 * When to try again. Full jitter: the wait is drawn evenly between 0 and a bound that doubles, so that a fleet that
 * lost its hub at one moment does not come back at one moment.
 */

export interface Backoff {
  /** Bound of the first wait. */
  baseMs: number;
  maxMs: number;
}

/** Streams to the hub. */
export const reconnectBackoff: Backoff = { baseMs: 1_000, maxMs: 60_000 };

/** Enrolment and renewal that were refused: a person has to act first. */
export const refusedBackoff: Backoff = { baseMs: 10_000, maxMs: 300_000 };

/**
 * Milliseconds before try `failures + 1`, where `failures` in a row came before; 0 without any. `askedMs` is what
 * the hub asked for: never less than that, and spread by up to a quarter more. `random` is in [0, 1).
 */
export function retryDelayMs(backoff: Backoff, failures: number, random: number, askedMs = 0): number {
  if (askedMs > 0) return Math.round(askedMs * (1 + random / 4));
  if (failures <= 0) return 0;
  const boundMs = Math.min(backoff.maxMs, backoff.baseMs * 2 ** Math.min(failures - 1, 30));
  return Math.round(random * boundMs);
}
