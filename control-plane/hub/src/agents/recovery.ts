/** Whether what an agent remembers shows that this hub's database went back in time. Pure. */
import { compareMarks, type AckedMark } from '@flotilla/domain/desired/mark';

/** Of a cluster that `hub recover` did not hear: lifted by a Hello that shows nothing new. */
export const notHeardReason = 'not heard since the hub came back from a backup';

export interface MarkEvidence {
  /** What the agent acked last. */
  mark: AckedMark | null;
  /** What the hub knows it acked last; null: never. */
  accepted: AckedMark | null;
  /** Sent since the last ack. */
  sent: readonly AckedMark[];
}

export type MarkVerdict =
  | { verdict: 'known' }
  /** An ack that was lost on the way: it counts now. */
  | { verdict: 'acked'; mark: AckedMark }
  /** Its own cluster went back: it gets the complete set. */
  | { verdict: 'behind' }
  /** The hub has no record of sending it. */
  | { verdict: 'unknown'; reason: string };

export function judgeMark({ mark, accepted, sent }: MarkEvidence): MarkVerdict {
  if (mark === null) return accepted === null ? { verdict: 'known' } : { verdict: 'behind' };
  if (accepted !== null) {
    const order = compareMarks(mark, accepted);
    if (order < 0) return { verdict: 'behind' };
    if (order === 0 && mark.digest === accepted.digest) return { verdict: 'known' };
  }
  const isSent = sent.some((one) => compareMarks(one, mark) === 0 && one.digest === mark.digest);
  if (isSent) return { verdict: 'acked', mark };
  const at = `epoch ${mark.epoch}, generation ${mark.generation}`;
  return { verdict: 'unknown', reason: `the agent holds ${at}, which this hub has no record of sending` };
}
