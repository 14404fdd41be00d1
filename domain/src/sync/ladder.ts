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

/** First rung: nothing to do for the whole application. */
export declare function mustPass(input: {
  bundle: Digest;
  applied: Digest | null;
  drifted: number;
  force: boolean;
}): boolean;

export type RungVerdict =
  | { action: 'skip'; rung: 'unchanged' | 'live' }
  | { action: 'patch'; reason: 'New' | 'Changed' | 'Drifted' | 'Missing' | 'Unobserved' | 'Forced' };

export declare function climb(input: {
  object: Digest;
  sent: Digest;
  written: Written | null;
  /** The watch's word on the live object since our write; null: no watch has told yet. */
  live: WatchVerdict | 'missing' | null;
  force: boolean;
}): RungVerdict;
