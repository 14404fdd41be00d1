/** The index of a bundle on the wire and on disk, and what two of them tell about a change without reading a frame. */
import type { Digest } from '../digest/sha256.ts';
import { identityKey, parseIdentityKey } from '../object/identity.ts';
import { isMap } from '../object/metadata.ts';
import type { Identity, Json } from '../object/types.ts';
import {
  bundleBytesMax,
  bundleObjectsMax,
  type BundleIndex,
  type IndexedFrame,
  type IndexedObject,
} from './bundle.ts';
import { CanonicalError, parseJson } from './canonical.ts';

/**
 * RFC 8785 JSON: `{bytes, digest, frames: [[digest, bytes]], objects: [[identity key, digest, frame]]}`. Its keys stand in
 * order and its numbers are counts, so that what JavaScript writes is canonical. @throws CanonicalError
 */
export function encodeIndex({ bytes, digest, frames, objects }: BundleIndex): Uint8Array {
  const text = JSON.stringify({
    bytes,
    digest,
    frames: frames.map((frame) => [frame.digest, frame.bytes]),
    objects: objects.map((object) => [wellFormedKey(object.identity), object.digest, object.frame]),
  });
  return encoder.encode(text);
}

const encoder = new TextEncoder();

function wellFormedKey(identity: Identity): string {
  const key = identityKey(identity);
  if (!key.isWellFormed()) throw new CanonicalError('an identity with a lone surrogate');
  return key;
}

/** Checks the form, and that frames are whole and in order; what the digests promise is for `verifyBundle` to check. */
export function decodeIndex(
  bytes: Uint8Array,
): { ok: true; index: BundleIndex } | { ok: false; reason: string } {
  try {
    const value = parseJson(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    return readIndex(value);
  } catch (error) {
    return { ok: false, reason: error instanceof Error ? error.message : String(error) };
  }
}

function readIndex(value: Json): { ok: true; index: BundleIndex } | { ok: false; reason: string } {
  if (!isMap(value)) return { ok: false, reason: 'the index is no object' };
  const { bytes, digest, frames: framesIn, objects: objectsIn } = value;
  if (!isCount(bytes, bundleBytesMax) || !isDigest(digest))
    return { ok: false, reason: 'bytes or digest is missing' };
  if (!Array.isArray(framesIn) || !Array.isArray(objectsIn))
    return { ok: false, reason: 'frames or objects is missing' };
  if (objectsIn.length > bundleObjectsMax)
    return { ok: false, reason: `more than ${bundleObjectsMax} objects` };
  const frames = framesIn.map(readFrame);
  const objects = objectsIn.map(readObject);
  const known = frames.every((frame) => frame !== null) && objects.every((object) => object !== null);
  if (!known) return { ok: false, reason: 'a frame or an object is malformed' };
  const index = { bytes, digest, frames: frames as IndexedFrame[], objects: objects as IndexedObject[] };
  const reason = disorderIn(index);
  return reason === null ? { ok: true, index } : { ok: false, reason };
}

function readFrame(value: Json): IndexedFrame | null {
  const [digest, bytes] = Array.isArray(value) ? value : [];
  return isDigest(digest) && isCount(bytes, bundleBytesMax) ? { digest, bytes } : null;
}

function readObject(value: Json): IndexedObject | null {
  const [key, digest, frame] = Array.isArray(value) ? value : [];
  const identity = typeof key === 'string' ? parseIdentityKey(key) : null;
  return identity && isDigest(digest) && isCount(frame, bundleObjectsMax)
    ? { identity, digest, frame }
    : null;
}

function disorderIn(index: BundleIndex): string | null {
  const sum = index.frames.reduce((bytes, frame) => bytes + frame.bytes, 0);
  if (sum !== index.bytes) return 'the frames do not add up to the bundle';
  let frame = -1;
  let before = '';
  for (const object of index.objects) {
    const key = identityKey(object.identity);
    if (before !== '' && key <= before) return 'objects are not sorted by identity';
    if (object.frame !== frame && object.frame !== frame + 1)
      return 'objects are not in the order of their frames';
    before = key;
    frame = object.frame;
  }
  return frame + 1 === index.frames.length ? null : 'a frame without objects';
}

function isDigest(value: Json | undefined): value is Digest {
  return typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
}

function isCount(value: Json | undefined, max: number): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= max;
}

export interface IndexChanges {
  added: Identity[];
  changed: Identity[];
  removed: Identity[];
  unchanged: number;
}

/** What going from one bundle to another adds, changes and drops; `from` null: nothing was in force. */
export function compareIndexes(from: BundleIndex | null, to: BundleIndex): IndexChanges {
  const changes: IndexChanges = { added: [], changed: [], removed: [], unchanged: 0 };
  const before = new Map((from?.objects ?? []).map((object) => [identityKey(object.identity), object]));
  for (const { identity, digest } of to.objects) {
    const key = identityKey(identity);
    const old = before.get(key);
    before.delete(key);
    if (old === undefined) changes.added.push(identity);
    else if (old.digest === digest) changes.unchanged++;
    else changes.changed.push(identity);
  }
  changes.removed = [...before.values()].map((object) => object.identity);
  return changes;
}

/** Frames of the index that are not held, each once. */
export function lackingFrames(index: BundleIndex, held: ReadonlySet<Digest>): IndexedFrame[] {
  const lacking = new Map<Digest, IndexedFrame>();
  for (const frame of index.frames) {
    if (!held.has(frame.digest)) lacking.set(frame.digest, frame);
  }
  return [...lacking.values()];
}
