/** Which failures of a database transaction are worth another try, and after how long. Pure. */

const retryableCodes = new Set(['40001', '40P01', 'P2034']);
const triesMax = 6;

/** Milliseconds to wait before try `tries + 1`; null: give up. `random` is in [0, 1). */
export function transactionRetryMs(error: unknown, tries: number, random: number): number | null {
  if (tries >= triesMax || !isConflict(error)) return null;
  return Math.round((0.5 + random) * 10 * 2 ** (tries - 1));
}

/** A serialization failure or a deadlock: nothing was committed. A lost connection is none, since its commit may have happened. */
export function isConflict(error: unknown): boolean {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    const { code, name } = at as { code?: unknown; name: string };
    if (typeof code === 'string' && retryableCodes.has(code)) return true;
    const kind = (at.cause as { kind?: unknown } | undefined)?.kind;
    if (name === 'DriverAdapterError' && kind === 'TransactionWriteConflict') return true;
  }
  return false;
}
