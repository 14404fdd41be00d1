/** Takes a bundle's bytes back from a cluster that holds it, frame by frame against its index, and stores them as rendering would. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { BundleIndex } from '@flotilla/domain/bundle/bundle';
import { decodeIndex, encodeIndex } from '@flotilla/domain/bundle/bundleIndex';
import { isFrame } from '@flotilla/domain/bundle/read';
import type { DataKeys } from '../../platform/dataKeys.ts';
import { sha256 } from '../../platform/digest.ts';
import type { Hints } from '../../platform/hints.ts';
import type { Database } from '../../platform/prisma.ts';
import { insertBundle } from './bundle.store.ts';
import { insertCommand, isAnswered, readAnswer } from './recover.store.ts';

export type FetchHeld = { outcome: 'stored' } | { outcome: 'missing'; reason: string };

export interface FetchHeldContext {
  database: Database;
  dataKeys: DataKeys;
  hints: Hints;
  withinMs: number;
}

const pollMs = 250;

export async function fetchHeld(
  context: FetchHeldContext,
  wanted: { clusterId: string; projectId: string; digest: string; index: Uint8Array | undefined },
): Promise<FetchHeld> {
  if (wanted.index === undefined) return { outcome: 'missing', reason: 'the cluster does not hold it whole' };
  const index = decodeIndex(wanted.index);
  if (!index.ok) return { outcome: 'missing', reason: index.reason };
  const bytes = await ask(context, wanted.clusterId, wanted.digest);
  if (bytes === null) return { outcome: 'missing', reason: 'the cluster did not send it in time' };
  const frames = split(index.index, bytes);
  if (index.index.digest !== wanted.digest || frames === null) {
    return { outcome: 'missing', reason: 'what the cluster sent is not the bundle' };
  }
  await store(context, wanted.projectId, index.index, frames);
  return { outcome: 'stored' };
}

async function ask(
  { database, hints, withinMs }: FetchHeldContext,
  clusterId: string,
  digest: string,
): Promise<Buffer | null> {
  const commandId = await insertCommand(database, clusterId, digest);
  hints.send('command', [clusterId]);
  const deadline = performance.now() + withinMs;
  while (!(await isAnswered(database, commandId))) {
    if (performance.now() > deadline) return null;
    await sleep(pollMs);
  }
  const chunks = await readAnswer(database, commandId);
  if (chunks.some(({ error }) => error !== null)) return null;
  return Buffer.concat(chunks.flatMap(({ data }) => data ?? []));
}

/** Null: not the frames of this index. */
function split(index: BundleIndex, bytes: Buffer): Buffer[] | null {
  let offset = 0;
  const frames = index.frames.map((frame) => {
    const part = bytes.subarray(offset, offset + frame.bytes);
    offset += frame.bytes;
    return part;
  });
  const isWhole =
    offset === bytes.length &&
    index.frames.every((frame, at) => isFrame(frame, frames[at] ?? Buffer.alloc(0), sha256));
  return isWhole ? frames : null;
}

async function store(
  { database, dataKeys }: FetchHeldContext,
  projectId: string,
  index: BundleIndex,
  frames: Buffer[],
): Promise<void> {
  const sealedFrames = [];
  for (const [at, { digest, bytes }] of index.frames.entries()) {
    const sealed = await dataKeys.seal(projectId, 'frames', digest, frames[at] ?? Buffer.alloc(0));
    sealedFrames.push({ digest, sizeBytes: bytes, ...sealed });
  }
  const sealedIndex = await dataKeys.seal(projectId, 'bundles', index.digest, encodeIndex(index));
  await insertBundle(database, projectId, index, sealedIndex, sealedFrames);
}
