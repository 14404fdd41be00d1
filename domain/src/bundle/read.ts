/** Reading a bundle back: nothing is believed before its digest was checked, and one frame and one object are in memory at a time. */
import type { Digest, Sha256 } from '../digest/sha256.ts';
import type { Identity, KubeObject } from '../object/types.ts';
import type { BundleIndex, IndexedFrame } from './bundle.ts';

/** A running SHA-256, since a whole bundle is never in memory: Node's `createHash('sha256')` with `digest` giving bytes. */
export interface RunningSha256 {
  update(bytes: Uint8Array): void;
  digest(): Uint8Array;
}

export declare function isFrame(frame: IndexedFrame, bytes: Uint8Array, sha256: Sha256): boolean;

/** One line of a frame. `object` is decoded on demand, so that an unchanged object is never parsed. */
export interface FrameLine {
  text: string;
  digest: Digest;
  object(): KubeObject;
}

/** The lines of one frame, in order. @throws SyntaxError from `object()` on a line that is no JSON */
export declare function linesOfFrame(bytes: Uint8Array, sha256: Sha256): Generator<FrameLine>;

export type BundleVerdict = { ok: true } | { ok: false; reason: string };

/** Takes the frames in order; `finish` says whether they are the index's whole bundle, object by object. */
export interface BundleVerifier {
  accept(frame: Uint8Array): BundleVerdict;
  finish(): BundleVerdict;
}

export declare function verifyBundle(
  index: BundleIndex,
  expected: Digest,
  sha256: Sha256,
  running: RunningSha256,
): BundleVerifier;

/** The place of one object, for reading it alone. */
export declare function findObject(
  index: BundleIndex,
  identity: Identity,
): { frame: number; digest: Digest } | null;
