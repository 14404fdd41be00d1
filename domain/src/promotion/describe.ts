/** What a stage's candidate waits for, as a person reads it. */
import type { Candidates } from './candidates.ts';

export interface CandidateView {
  revision: number;
  state: 'Soaking' | 'AwaitingApproval' | 'Held';
  sinceMs: number;
  /** When it goes on by itself, or waits for a person; null: only a person or better health knows. */
  untilMs: number | null;
  message: string;
}

/** Null: no revision is about to go on to this stage. */
export function describeCandidate(
  { soaking, ready }: Candidates,
  { approval, before }: { approval: boolean; before: string },
): CandidateView | null {
  if (ready !== null) {
    const behind = soaking === null ? '' : `; revision ${soaking.revision} soaks behind it`;
    const message = `waits for a person to promote it${behind}`;
    return {
      revision: ready.revision,
      state: 'AwaitingApproval',
      sinceMs: ready.sinceMs,
      untilMs: null,
      message,
    };
  }
  if (soaking === null) return null;
  const { revision, sinceMs, untilMs, heldBy } = soaking;
  if (heldBy !== '') return { revision, state: 'Held', sinceMs, untilMs: null, message: heldBy };
  const message = `soaks in ${before}${approval ? ', then waits for a person' : ''}`;
  return { revision, state: 'Soaking', sinceMs, untilMs, message };
}
