/** A cluster's desired set, and what one message makes of it: pure, latest wins, never back, byte for byte as it came. */
import type { Digest, Sha256 } from '../digest/sha256.ts';
import type { AckedMark } from './mark.ts';

/** Bytes as they came; digests are kept so that nothing is hashed twice. */
export interface HeldEntry {
  target: string;
  head: Uint8Array;
  headDigest: Digest;
  bodyDigest: Digest;
}

export interface DesiredSet {
  mark: AckedMark;
  entries: ReadonlyMap<string, HeldEntry>;
  /** By digest; exactly those that entries name. */
  bodies: ReadonlyMap<Digest, Uint8Array>;
}

/** `Desired` of the wire, its parts joined. */
export interface DesiredMessage {
  epoch: number;
  generation: number;
  baseGeneration: number;
  upserts: { target: string; head: Uint8Array }[];
  bodies: Uint8Array[];
  removals: string[];
  digest: Digest;
  complete: boolean;
}

export type Verdict =
  | { outcome: 'accepted'; set: DesiredSet }
  | { outcome: 'stale' }
  /** Ask for the complete set: what is held cannot be what the hub thinks it is. */
  | { outcome: 'wantComplete'; reason: 'Lost' | 'OtherBase' | 'DigestMismatch' | 'MissingBody' }
  /** Nack. */
  | { outcome: 'broken'; reason: 'digest' | 'size' | 'malformed'; detail: string };

export interface DesiredContext {
  /** What is on disk; null when lost. */
  held: DesiredSet | null;
  /** What was last acked, from the Secret; null before the first. */
  mark: AckedMark | null;
  /** Bodies that came earlier on this stream, by digest. */
  knownBodies: ReadonlyMap<Digest, Uint8Array>;
  sha256: Sha256;
}

export declare function applyDesired(message: DesiredMessage, context: DesiredContext): Verdict;

/** One line an entry, `sha256(head) sha256(body)`, sorted by target uid. */
export declare function rootDigest(
  entries: Iterable<{ target: string; headDigest: Digest; bodyDigest: Digest }>,
  sha256: Sha256,
): Digest;

/** The hub's side: what takes a holder of `base` to `next`. `base` null gives the complete set. `sentBodies`: digests already sent on the stream. */
export declare function desiredBetween(
  base: DesiredSet | null,
  next: DesiredSet,
  sentBodies: ReadonlySet<Digest>,
): DesiredMessage;
