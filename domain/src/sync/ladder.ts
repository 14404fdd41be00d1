/** The skip ladder: what is known to be as it should costs no API call. */
import type { Digest } from '../digest/sha256.ts';
import type { WatchVerdict } from '../diff/drift.ts';

/** What we know of our last write of one object; a cache, losing it costs one no-op PATCH. */
export interface Written {
  /** Digest of the bundle's line. */
  object: Digest;
  /** Digest of what ignore rules, tracking and sync options made of it: what was sent. */
  sent: Digest;
  resourceVersion: string;
}

/** First rung: false when the bundle is the one that was applied whole and nothing has drifted since. */
export function mustPass(input: {
  bundle: Digest;
  /** Digest of the bundle that was last applied without a failed task; null: none, or it was forgotten. */
  applied: Digest | null;
  /** Objects whose live state is no longer known to be right. */
  drifted: number;
  force: boolean;
}): boolean {
  return input.force || input.drifted > 0 || input.applied !== input.bundle;
}

export type RungVerdict =
  | { action: 'skip'; rung: 'unchanged' | 'live' }
  | { action: 'patch'; reason: 'New' | 'Changed' | 'Drifted' | 'Missing' | 'Unobserved' | 'Forced' };

/**
 * One object. Skipped only when what would be sent is what was sent, and the live object is known to be as that write left
 * it: either the watch says so, or it stands at the very resourceVersion of our write.
 */
export function climb(input: {
  object: Digest;
  sent: Digest;
  written: Written | null;
  /** The watch's word on the live object since our write; null: no watch has told yet. */
  live: WatchVerdict | 'missing' | null;
  /** Live's resourceVersion where it is known. */
  liveResourceVersion?: string;
  force: boolean;
}): RungVerdict {
  const { written, live } = input;
  if (input.force) return { action: 'patch', reason: 'Forced' };
  if (live === 'missing' || live === 'recreated') return { action: 'patch', reason: 'Missing' };
  if (written === null) return { action: 'patch', reason: 'New' };
  if (written.object !== input.object || written.sent !== input.sent)
    return { action: 'patch', reason: 'Changed' };
  if (input.liveResourceVersion === written.resourceVersion) return { action: 'skip', rung: 'unchanged' };
  if (live === 'unchanged' || live === 'deleting') return { action: 'skip', rung: 'live' };
  return { action: 'patch', reason: live === null ? 'Unobserved' : 'Drifted' };
}
