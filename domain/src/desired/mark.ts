/** The mark of a cluster, `(epoch, generation)`, which never goes back, and what may be accepted against it. */
import type { Digest } from '../digest/sha256.ts';
import type { Mark } from './entry.ts';

export interface AckedMark extends Mark {
  digest: Digest;
}

/** Negative when `a` is the older: first by epoch, then by generation. */
export function compareMarks(a: Mark, b: Mark): number {
  return a.epoch - b.epoch || a.generation - b.generation;
}

/** Greater than the mark, or the complete set of exactly the mark. `mark` null: nothing was ever accepted. */
export function isAcceptable(mark: AckedMark | null, message: AckedMark & { complete: boolean }): boolean {
  if (mark === null) return true;
  const order = compareMarks(message, mark);
  if (order !== 0) return order > 0;
  return message.complete && message.digest === mark.digest;
}
