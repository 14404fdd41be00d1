/**
 * Bundles on the volume: frames by their digest, shared between bundles, and an index for each bundle. A bundle counts
 * only after all of it was read back and verified, object by object; then a marker says so. What no entry needs any
 * more is dropped on demand. Reading holds one frame and one object at a time. What arrives is synced together, when the bundle
 * is finished and before its marker: until then a power cut costs frames that are fetched again.
 */
import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { setImmediate as breathe } from 'node:timers/promises';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { BundleIndex, IndexedFrame, IndexedObject } from '@flotilla/domain/bundle/bundle';
import { decodeIndex, lackingFrames } from '@flotilla/domain/bundle/bundleIndex';
import type { BundleVerdict, FrameLine } from '@flotilla/domain/bundle/read';
import { isFrame, linesOfFrame, verifyBundle } from '@flotilla/domain/bundle/read';
import type { Digest } from '@flotilla/domain/digest/sha256';
import { ensureFolder, readSmallFileIfAny, syncFiles, writeFileDurably, writeFileWhole } from './disk.ts';
import { seal, unseal } from './seal.ts';
import { runningSha256, sha256 } from './sha256.ts';

export type IndexOutcome = { ok: true; lacking: IndexedFrame[] } | { ok: false; reason: string };

export interface BundleStore {
  /** Verified and on disk. */
  isComplete(digest: Digest): boolean;
  /** Frames on disk, of whatever bundle. */
  heldFrames(): ReadonlySet<Digest>;
  /** The bytes as they came from the hub. Names the frames still to fetch. */
  putIndex(digest: Digest, bytes: Uint8Array): Promise<IndexOutcome>;
  /** False where the bytes are not that frame. */
  putFrame(frame: IndexedFrame, bytes: Uint8Array): Promise<boolean>;
  /** Verifies the whole and marks it complete. A damaged frame is dropped, so that it is fetched again. */
  finish(digest: Digest): Promise<BundleVerdict>;
  /** Null where there is none or it is damaged. */
  index(digest: Digest): Promise<BundleIndex | null>;
  /** Every object of a complete bundle, in order; frames of known objects alone are not read. Rejects with DamagedBundleError. */
  objects(digest: Digest, isKnown?: (object: IndexedObject) => boolean): AsyncGenerator<StoredObject>;
  /** Uncompressed bytes of a frame; null where it is missing or damaged. */
  frame(digest: Digest): Promise<Buffer | null>;
  /** Drops every bundle and frame that is not needed. */
  collect(needed: ReadonlySet<Digest>): Promise<void>;
}

export interface StoredObject {
  indexed: IndexedObject;
  /** Null: it is known. */
  line: FrameLine | null;
}

export class DamagedBundleError extends Error {
  override readonly name = 'DamagedBundleError';
  readonly digest: Digest;

  constructor(digest: Digest, reason: string) {
    super(`bundle ${digest.slice(0, 12)} on disk is damaged: ${reason}`);
    this.digest = digest;
  }
}

interface Store {
  indexes: string;
  frames: string;
  key: Uint8Array;
  complete: Set<Digest>;
  held: Set<Digest>;
  /** What frames were seen to hold, since this process began. */
  seen: Map<Digest, Digest>;
  /** The index that was decoded last: a bundle that arrives is read three times within moments. */
  decoded: WeakRef<BundleIndex> | null;
  /** Written and not yet synced. */
  unsynced: Set<string>;
}

export async function openBundleStore(folder: string, key: Uint8Array): Promise<BundleStore> {
  const store: Store = {
    indexes: path.join(folder, 'bundles'),
    frames: path.join(folder, 'frames'),
    key,
    complete: new Set(),
    held: new Set(),
    seen: new Map(),
    decoded: null,
    unsynced: new Set(),
  };
  await Promise.all([ensureFolder(store.indexes), ensureFolder(store.frames)]);
  for (const file of await readdir(store.indexes))
    if (file.endsWith('.ok')) store.complete.add(file.slice(0, -3));
  for (const file of await readdir(store.frames)) if (!file.endsWith('.tmp')) store.held.add(file);
  return {
    isComplete: (digest) => store.complete.has(digest),
    heldFrames: () => store.held,
    putIndex: (digest, bytes) => putIndex(store, digest, bytes),
    putFrame: (frame, bytes) => putFrame(store, frame, bytes),
    finish: (digest) => finish(store, digest),
    index: (digest) => Promise.resolve(readIndex(store, digest)),
    objects: (digest, isKnown = () => false) => readObjects(store, digest, isKnown),
    frame: (digest) => Promise.resolve(readFrame(store, digest)),
    collect: (needed) => collect(store, needed),
  };
}

function indexFile(store: Store, digest: Digest): string {
  return path.join(store.indexes, digest);
}

async function putIndex(store: Store, digest: Digest, bytes: Uint8Array): Promise<IndexOutcome> {
  const decoded = decodeIndex(bytes);
  if (!decoded.ok) return decoded;
  if (decoded.index.digest !== digest) return { ok: false, reason: 'the index is of another bundle' };
  await write(store, indexFile(store, digest), seal(store.key, `index/${digest}`, zstdCompressSync(bytes)));
  store.decoded = new WeakRef(decoded.index);
  return { ok: true, lacking: lackingFrames(decoded.index, store.held) };
}

async function putFrame(store: Store, frame: IndexedFrame, bytes: Uint8Array): Promise<boolean> {
  if (!isFrame(frame, bytes, sha256)) return false;
  if (store.held.has(frame.digest)) return true;
  const sealed = seal(store.key, `frame/${frame.digest}`, zstdCompressSync(bytes));
  await write(store, path.join(store.frames, frame.digest), sealed);
  store.held.add(frame.digest);
  return true;
}

async function write(store: Store, file: string, bytes: Uint8Array): Promise<void> {
  await writeFileWhole(file, bytes);
  store.unsynced.add(file);
}

/** A frame that could not be synced is not to be trusted again, whatever reading it says. */
async function syncWritten(store: Store, index: BundleIndex): Promise<void> {
  const files = [
    indexFile(store, index.digest),
    ...index.frames.map(({ digest }) => path.join(store.frames, digest)),
  ];
  const unsynced = files.filter((file) => store.unsynced.has(file));
  try {
    await syncFiles(unsynced);
  } catch (error) {
    for (const { digest } of index.frames)
      if (store.unsynced.has(path.join(store.frames, digest))) await removeFrame(store, digest);
    throw error;
  }
  for (const file of unsynced) store.unsynced.delete(file);
}

function readIndex(store: Store, digest: Digest): BundleIndex | null {
  const sealed = readSmallFileIfAny(indexFile(store, digest));
  const plain = sealed && unseal(store.key, `index/${digest}`, sealed);
  if (plain === null) return null;
  const known = store.decoded?.deref();
  if (known?.digest === digest) return known;
  const decoded = decodeIndex(zstdDecompressSync(plain));
  if (!decoded.ok) return null;
  store.decoded = new WeakRef(decoded.index);
  return decoded.index;
}

function readFrame(store: Store, digest: Digest): Buffer | null {
  const sealed = readSmallFileIfAny(path.join(store.frames, digest));
  const plain = sealed && unseal(store.key, `frame/${digest}`, sealed);
  return plain === null ? null : zstdDecompressSync(plain);
}

/** Of uncompressed frames that are read in one go: some ten milliseconds. */
const bytesAtOnce = 1024 * 1024;

/** Lets others have their turn after so many bytes. */
function restAfter(bytesMax: number): (bytes: number) => Promise<void> | null {
  let sum = 0;
  return (bytes) => {
    sum += bytes;
    if (sum <= bytesMax) return null;
    sum = bytes;
    return breathe();
  };
}

async function finish(store: Store, digest: Digest): Promise<BundleVerdict> {
  if (store.complete.has(digest)) return { ok: true };
  const index = readIndex(store, digest);
  if (index === null) return { ok: false, reason: 'its index is missing or damaged' };
  const verifier = verifyBundle(index, digest, sha256, runningSha256(), store.seen);
  const rest = restAfter(bytesAtOnce);
  for (const frame of index.frames) {
    await rest(frame.bytes);
    const bytes = readFrame(store, frame.digest);
    if (bytes === null) return dropFrame(store, frame.digest);
    const verdict = verifier.accept(bytes);
    if (!verdict.ok) return isFrame(frame, bytes, sha256) ? verdict : dropFrame(store, frame.digest);
  }
  const verdict = verifier.finish();
  if (!verdict.ok) return verdict;
  await syncWritten(store, index);
  await markComplete(store, digest);
  return verdict;
}

async function dropFrame(store: Store, digest: Digest): Promise<BundleVerdict> {
  await removeFrame(store, digest);
  return { ok: false, reason: `frame ${digest.slice(0, 12)} is missing or damaged` };
}

async function removeFrame(store: Store, digest: Digest): Promise<void> {
  const file = path.join(store.frames, digest);
  store.held.delete(digest);
  store.seen.delete(digest);
  store.unsynced.delete(file);
  await rm(file, { force: true });
}

async function markComplete(store: Store, digest: Digest): Promise<void> {
  await writeFileDurably(`${indexFile(store, digest)}.ok`, new Uint8Array());
  store.complete.add(digest);
}

async function* readObjects(
  store: Store,
  digest: Digest,
  isKnown: (object: IndexedObject) => boolean,
): AsyncGenerator<StoredObject> {
  const index = readIndex(store, digest);
  if (index === null) throw await damaged(store, digest, 'its index does not open');
  const rest = restAfter(bytesAtOnce);
  const byFrame = Map.groupBy(index.objects, ({ frame }) => frame);
  for (const [number, frame] of index.frames.entries()) {
    const objects = (byFrame.get(number) ?? []).map((indexed) => ({ indexed, known: isKnown(indexed) }));
    if (objects.every(({ known }) => known)) {
      for (const { indexed } of objects) yield { indexed, line: null };
      continue;
    }
    await rest(frame.bytes);
    const bytes = readFrame(store, frame.digest);
    if (bytes === null) {
      await dropFrame(store, frame.digest);
      throw await damaged(store, digest, `frame ${frame.digest.slice(0, 12)} does not open`);
    }
    let at = 0;
    for (const line of linesOfFrame(bytes, sha256)) {
      const object = objects[at++];
      if (object === undefined) throw await damaged(store, digest, 'it has more objects than its index');
      yield { indexed: object.indexed, line: object.known ? null : line };
    }
  }
}

/** No longer complete: it is fetched again before it is next in force. */
async function damaged(store: Store, digest: Digest, reason: string): Promise<DamagedBundleError> {
  store.complete.delete(digest);
  await rm(`${indexFile(store, digest)}.ok`, { force: true });
  return new DamagedBundleError(digest, reason);
}

async function collect(store: Store, needed: ReadonlySet<Digest>): Promise<void> {
  const keep = new Set<Digest>();
  for (const digest of needed) {
    for (const frame of readIndex(store, digest)?.frames ?? []) keep.add(frame.digest);
  }
  for (const file of await readdir(store.indexes)) {
    const digest = file.replace(/\.(ok|tmp)$/, '');
    if (needed.has(digest)) continue;
    // The marker goes with the first file of its bundle that does: an incomplete one must not look complete.
    store.complete.delete(digest);
    await rm(`${indexFile(store, digest)}.ok`, { force: true });
    store.unsynced.delete(indexFile(store, digest));
    await rm(path.join(store.indexes, file), { force: true });
  }
  for (const digest of [...store.held]) {
    if (keep.has(digest)) continue;
    await removeFrame(store, digest);
  }
}
