/**
 * Objects → a bundle: canonical lines sorted by identity, cut into frames whose borders depend on identities, so that
 * a change costs the frame it is in. The digest is over the uncompressed lines.
 */
import { digestOfText, toHex, type Digest, type Sha256 } from '../digest/sha256.ts';
import { compareText } from '../object/identity.ts';
import type { Identity } from '../object/types.ts';
import type { SourcedObject } from '../object/validate.ts';
import { encodeObject, type EncodedObject } from './encodeObject.ts';

const encoder = new TextEncoder();

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

export function buildBundle(objects: SourcedObject[], sha256: Sha256): BundleResult {
  const tooMany = tooManyIn(objects.length);
  if (tooMany) return { ok: false, error: tooMany };
  const encoded: EncodedObject[] = [];
  let bytes = 0;
  for (const object of objects) {
    const result = encodeObject(object, (text) => digestOfText(sha256, text));
    if (!result.ok) return result;
    encoded.push(result.object);
    bytes += result.object.bytes;
    if (bytes > bundleBytesMax) return { ok: false, error: tooLarge(bytes) };
  }
  return assembleBundle(encoded, sha256);
}

/** A bundle of objects that are encoded already, in any order. */
export function assembleBundle(objects: readonly EncodedObject[], sha256: Sha256): BundleResult {
  const bytes = objects.reduce((sum, object) => sum + object.bytes, 0);
  const sorted = objects.toSorted((a, b) => compareText(a.key, b.key));
  const error =
    tooManyIn(objects.length) ?? (bytes > bundleBytesMax ? tooLarge(bytes) : null) ?? duplicateIn(sorted);
  return error === null ? { ok: true, bundle: assemble(sorted, sha256) } : { ok: false, error };
}

function tooManyIn(objects: number): BundleError | null {
  if (objects <= bundleObjectsMax) return null;
  return { problem: 'TooManyObjects', objects, objectsMax: bundleObjectsMax };
}

function tooLarge(bytes: number): BundleError {
  return { problem: 'TooLarge', bytes, bytesMax: bundleBytesMax };
}

function duplicateIn(sorted: readonly EncodedObject[]): BundleError | null {
  for (let index = 1; index < sorted.length; index++) {
    const [before, here] = [sorted[index - 1], sorted[index]];
    if (before === undefined || here === undefined || before.key !== here.key) continue;
    const sources: [string, string] = [before.source, here.source];
    return { problem: 'DuplicateIdentity', identity: here.identity, sources };
  }
  return null;
}

function assemble(sorted: readonly EncodedObject[], sha256: Sha256): Bundle {
  const whole = encoder.encode(sorted.map(({ line }) => `${line}\n`).join(''));
  const objects: IndexedObject[] = [];
  const frames: Uint8Array[] = [];
  const indexed: IndexedFrame[] = [];
  let offset = 0;
  for (const group of cutFrames(sorted)) {
    for (const { identity, digest } of group) objects.push({ identity, digest, frame: frames.length });
    const bytes = group.reduce((sum, object) => sum + object.bytes, 0);
    const frame = whole.subarray(offset, offset + bytes);
    offset += bytes;
    frames.push(frame);
    indexed.push({ digest: toHex(sha256(frame)), bytes });
  }
  return { index: { digest: toHex(sha256(whole)), bytes: whole.length, objects, frames: indexed }, frames };
}

/** A frame ends before an object whose identity begins one, and at 64 KiB; a larger object is alone in its frame. */
function cutFrames(sorted: readonly EncodedObject[]): EncodedObject[][] {
  const frames: EncodedObject[][] = [];
  let frame: EncodedObject[] = [];
  let bytes = 0;
  for (const object of sorted) {
    const full = bytes + object.bytes > frameBytesMax;
    if (frame.length > 0 && (full || object.beginsFrame)) {
      frames.push(frame);
      [frame, bytes] = [[], 0];
    }
    frame.push(object);
    bytes += object.bytes;
  }
  if (frame.length > 0) frames.push(frame);
  return frames;
}
