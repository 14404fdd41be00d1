/** The index of a bundle on the wire and on disk, and what two of them tell about a change without reading a frame. */
import type { Digest } from '../digest/sha256.ts';
import type { Identity } from '../object/types.ts';
import type { BundleIndex, IndexedFrame } from './bundle.ts';

/** RFC 8785 JSON: `{bytes, digest, frames: [[digest, bytes]], objects: [[identity key, digest, frame]]}`. */
export declare function encodeIndex(index: BundleIndex): Uint8Array;
export declare function decodeIndex(
  bytes: Uint8Array,
): { ok: true; index: BundleIndex } | { ok: false; reason: string };

export interface IndexChanges {
  added: Identity[];
  changed: Identity[];
  removed: Identity[];
  unchanged: number;
}

/** What going from one bundle to another adds, changes and drops; `from` null: nothing was in force. */
export declare function compareIndexes(from: BundleIndex | null, to: BundleIndex): IndexChanges;

/** Frames of the index that are not held, each once. */
export declare function lackingFrames(index: BundleIndex, held: ReadonlySet<Digest>): IndexedFrame[];
