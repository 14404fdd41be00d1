/** Head and body bytes → types, strictly; unknown fields are ignored. What is wrong is that entry's error, never the set's. */
import type { Digest } from '../digest/sha256.ts';
import type { Body, Head } from './entry.ts';
import type { DesiredSet } from './set.ts';

export type Parsed<T> = { ok: true; value: T } | { ok: false; reason: string };

export declare function parseHead(bytes: Uint8Array): Parsed<Head>;
export declare function parseBody(bytes: Uint8Array): Parsed<Body>;

export interface DesiredEntry {
  target: string;
  head: Head;
  body: Body;
}

export interface EntryProblem {
  target: string;
  reason: string;
}

/** The whole set: each distinct body is parsed once. */
export declare function parseSet(set: DesiredSet): { entries: DesiredEntry[]; problems: EntryProblem[] };
/** Only what the root digest needs of a head: the digest of its body. Null for bytes that name none. */
export declare function bodyDigestOf(head: Uint8Array): Digest | null;
