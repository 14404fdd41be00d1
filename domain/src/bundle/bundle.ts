/**
 * Objects → a bundle: canonical lines sorted by identity, cut into frames whose borders depend on identities, so that
 * a change costs the frame it is in. The digest is over the uncompressed lines.
 */
import { toHex, type Digest, type Sha256 } from '../digest/sha256.ts';
import { compareText, identityKey, identityOf } from '../object/identity.ts';
import type { Identity } from '../object/types.ts';
import type { SourcedObject } from '../object/validate.ts';
import { CanonicalError, canonicalText } from './canonical.ts';

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
  if (objects.length > bundleObjectsMax) {
    const error = {
      problem: 'TooManyObjects',
      objects: objects.length,
      objectsMax: bundleObjectsMax,
    } as const;
    return { ok: false, error };
  }
  const sorted = sortByIdentity(objects);
  const duplicate = duplicateIn(sorted);
  if (duplicate) return { ok: false, error: duplicate };
  const encoded = encodeLines(sorted);
  if (!Array.isArray(encoded)) return { ok: false, error: encoded };
  return { ok: true, bundle: assemble(encoded, sha256) };
}

interface Keyed extends SourcedObject {
  identity: Identity;
  key: string;
}

interface Line {
  identity: Identity;
  key: string;
  /** With its newline. */
  bytes: Uint8Array;
}

function sortByIdentity(objects: SourcedObject[]): Keyed[] {
  return objects
    .map(({ object, source }) => {
      const identity = identityOf(object);
      return { object, source, identity, key: identityKey(identity) };
    })
    .sort((a, b) => compareText(a.key, b.key));
}

function duplicateIn(sorted: Keyed[]): BundleError | null {
  for (let index = 1; index < sorted.length; index++) {
    const [before, here] = [sorted[index - 1], sorted[index]];
    if (before === undefined || here === undefined || before.key !== here.key) continue;
    const sources: [string, string] = [before.source, here.source];
    return { problem: 'DuplicateIdentity', identity: here.identity, sources };
  }
  return null;
}

function encodeLines(sorted: Keyed[]): Line[] | BundleError {
  const lines: Line[] = [];
  let bytes = 0;
  for (const { object, source, identity, key } of sorted) {
    try {
      const line = encoder.encode(`${canonicalText(object)}\n`);
      lines.push({ identity, key, bytes: line });
      bytes += line.length;
    } catch (error) {
      if (!(error instanceof CanonicalError)) throw error;
      return { problem: 'NotCanonical', identity, source, message: error.message };
    }
    if (bytes > bundleBytesMax) return { problem: 'TooLarge', bytes, bytesMax: bundleBytesMax };
  }
  return lines;
}

function assemble(lines: Line[], sha256: Sha256): Bundle {
  const groups = cutFrames(lines, sha256);
  const whole = join(lines.map((line) => line.bytes));
  const objects: IndexedObject[] = [];
  const frames: Uint8Array[] = [];
  const indexed: IndexedFrame[] = [];
  let offset = 0;
  for (const group of groups) {
    for (const { identity, bytes } of group) {
      objects.push({ identity, digest: toHex(sha256(bytes.subarray(0, -1))), frame: frames.length });
    }
    const bytes = group.reduce((sum, line) => sum + line.bytes.length, 0);
    const frame = whole.subarray(offset, offset + bytes);
    offset += bytes;
    frames.push(frame);
    indexed.push({ digest: toHex(sha256(frame)), bytes });
  }
  return { index: { digest: toHex(sha256(whole)), bytes: whole.length, objects, frames: indexed }, frames };
}

/** A frame ends before an object whose identity begins one, and at 64 KiB; a larger object is alone in its frame. */
function cutFrames(lines: Line[], sha256: Sha256): Line[][] {
  const frames: Line[][] = [];
  let frame: Line[] = [];
  let bytes = 0;
  for (const line of lines) {
    const full = bytes + line.bytes.length > frameBytesMax;
    if (frame.length > 0 && (full || beginsFrame(line.key, sha256))) {
      frames.push(frame);
      [frame, bytes] = [[], 0];
    }
    frame.push(line);
    bytes += line.bytes.length;
  }
  if (frame.length > 0) frames.push(frame);
  return frames;
}

/** One identity in sixteen begins a frame, whatever stands around it: its SHA-256 begins with four zero bits. */
export function beginsFrame(key: string, sha256: Sha256): boolean {
  const first = sha256(encoder.encode(key))[0] ?? 0;
  return first < 0x10;
}

function join(parts: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
