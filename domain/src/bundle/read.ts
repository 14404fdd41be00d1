/** Reading a bundle back: nothing is believed before its digest was checked, and one frame and one object are in memory at a time. */
import { digestOfText, toHex, type Digest, type Sha256 } from '../digest/sha256.ts';
import { identityKey, identityOf, sameIdentity } from '../object/identity.ts';
import type { Identity, KubeObject } from '../object/types.ts';
import type { BundleIndex, IndexedFrame, IndexedObject } from './bundle.ts';
import { parseJson } from './canonical.ts';

/** A running SHA-256, since a whole bundle is never in memory: Node's `createHash('sha256')` with `digest` giving bytes. */
export interface RunningSha256 {
  update(bytes: Uint8Array): void;
  digest(): Uint8Array;
}

export function isFrame(frame: IndexedFrame, bytes: Uint8Array, sha256: Sha256): boolean {
  return bytes.length === frame.bytes && toHex(sha256(bytes)) === frame.digest;
}

/** One line of a frame. Digest and object are made on demand, so that an unchanged object is never parsed. */
export interface FrameLine {
  bytes: Uint8Array;
  digest(): Digest;
  object(): KubeObject;
}

/** The lines of one frame, in order. @throws SyntaxError from `object()` on a line that is no JSON */
export function* linesOfFrame(frame: Uint8Array, sha256: Sha256): Generator<FrameLine> {
  const newline = 0x0a;
  for (let start = 0; start < frame.length;) {
    const end = frame.indexOf(newline, start);
    const bytes = frame.subarray(start, end < 0 ? frame.length : end);
    yield { bytes, digest: () => toHex(sha256(bytes)), object: () => parseObject(bytes) };
    start += bytes.length + 1;
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true });

function parseObject(bytes: Uint8Array): KubeObject {
  return parseJson(decoder.decode(bytes)) as KubeObject;
}

export type BundleVerdict = { ok: true } | { ok: false; reason: string };

/** Takes the frames in order; `finish` says whether they are the index's whole bundle, object by object. */
export interface BundleVerifier {
  accept(frame: Uint8Array): BundleVerdict;
  finish(): BundleVerdict;
}

/**
 * By frame digest: the listing of the objects that a frame was once seen to hold. The digest says all of a frame's bytes, so
 * that an index which lists the same of it need not be compared with it line by line again.
 */
export type SeenFrames = Pick<Map<Digest, Digest>, 'get' | 'set'>;

/** `expected` is the digest that the head names: an index that calls itself something else proves nothing. */
export function verifyBundle(
  index: BundleIndex,
  expected: Digest,
  sha256: Sha256,
  running: RunningSha256,
  seen: SeenFrames = new Map(),
): BundleVerifier {
  const objects = objectsByFrame(index);
  let next = 0;
  function accept(bytes: Uint8Array): BundleVerdict {
    const number = next++;
    const frame = index.frames[number];
    if (!frame) return { ok: false, reason: 'more frames than the index has' };
    if (!isFrame(frame, bytes, sha256))
      return { ok: false, reason: `frame ${number} differs from its digest` };
    const listed = objects[number] ?? [];
    const listing = listingOf(listed, sha256);
    if (seen.get(frame.digest) !== listing && !holdsObjects(bytes, listed, sha256)) {
      return { ok: false, reason: `frame ${number} holds other objects than the index says` };
    }
    seen.set(frame.digest, listing);
    running.update(bytes);
    return { ok: true };
  }
  function finish(): BundleVerdict {
    if (next !== index.frames.length)
      return { ok: false, reason: `${next} of ${index.frames.length} frames` };
    const digest = toHex(running.digest());
    return digest === expected
      ? { ok: true }
      : { ok: false, reason: `the bundle is ${digest}, not ${expected}` };
  }
  return { accept, finish };
}

function objectsByFrame(index: BundleIndex): IndexedObject[][] {
  const frames: IndexedObject[][] = index.frames.map(() => []);
  for (const object of index.objects) frames[object.frame]?.push(object);
  return frames;
}

function listingOf(objects: readonly IndexedObject[], sha256: Sha256): Digest {
  return digestOfText(
    sha256,
    objects.map(({ identity, digest }) => `${identityKey(identity)} ${digest}\n`).join(''),
  );
}

function holdsObjects(bytes: Uint8Array, expected: IndexedObject[], sha256: Sha256): boolean {
  let count = 0;
  for (const line of linesOfFrame(bytes, sha256)) {
    const indexed = expected[count++];
    if (!indexed || indexed.digest !== line.digest() || !isObject(line, indexed.identity)) return false;
  }
  return count === expected.length;
}

/** A line that is no object at all is another object, not a failure. */
function isObject(line: FrameLine, identity: Identity): boolean {
  try {
    return sameIdentity(identity, identityOf(line.object()));
  } catch {
    return false;
  }
}

/** The place of one object, for reading it alone. The index is sorted, so this is a binary search. */
export function findObject(index: BundleIndex, identity: Identity): { frame: number; digest: Digest } | null {
  const wanted = identityKey(identity);
  let [low, high] = [0, index.objects.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const object = index.objects[middle];
    if (object && identityKey(object.identity) < wanted) low = middle + 1;
    else high = middle;
  }
  const found = index.objects[low];
  if (!found || !sameIdentity(found.identity, identity)) return null;
  return { frame: found.frame, digest: found.digest };
}
