/**
 * Objects → a bundle: canonical lines sorted by identity, cut into frames whose borders depend on identities, so that
 * a change costs the frame it is in. The digest is over the uncompressed lines.
 */
import type { Digest, Sha256 } from '../digest/sha256.ts';
import type { Identity } from '../object/types.ts';
import type { SourcedObject } from '../object/validate.ts';

export const frameBytesMax = 64 * 1024;
export const bundleBytesMax = 64 * 1024 * 1024;
export const bundleObjectsMax = 20_000;

/** `digest` is over the object's line without its newline; `frame` counts from 0. */
export interface IndexedObject {
  identity: Identity;
  digest: Digest;
  frame: number;
}

export interface IndexedFrame {
  digest: Digest;
  bytes: number;
}

export interface BundleIndex {
  digest: Digest;
  bytes: number;
  /** Sorted by identity. */
  objects: IndexedObject[];
  frames: IndexedFrame[];
}

export interface Bundle {
  index: BundleIndex;
  /** Uncompressed bytes, in the order of `index.frames`. */
  frames: Uint8Array[];
}

export type BundleError =
  | { problem: 'TooManyObjects'; objects: number; objectsMax: number }
  | { problem: 'TooLarge'; bytes: number; bytesMax: number }
  | { problem: 'DuplicateIdentity'; identity: Identity; sources: [string, string] }
  | { problem: 'NotCanonical'; identity: Identity; source: string; message: string };

export type BundleResult = { ok: true; bundle: Bundle } | { ok: false; error: BundleError };

export declare function buildBundle(objects: SourcedObject[], sha256: Sha256): BundleResult;
