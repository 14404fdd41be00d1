/** The mark of a cluster, `(epoch, generation)`, which never goes back, and what may be accepted against it. */
import type { Digest } from '../digest/sha256.ts';
import type { Mark } from './entry.ts';

export interface AckedMark extends Mark {
  digest: Digest;
}

export declare function compareMarks(a: Mark, b: Mark): number;
/** Greater than the mark, or the complete set of exactly the mark. `mark` null: nothing was ever accepted. */
export declare function isAcceptable(
  mark: AckedMark | null,
  message: AckedMark & { complete: boolean },
): boolean;
