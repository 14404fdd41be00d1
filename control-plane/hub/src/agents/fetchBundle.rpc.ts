/** `FetchBundle`: the index, or the frames asked for, in chunks of 32 KiB. Only what the caller's own targets are assigned. */
import type { ServerWritableStream } from '@grpc/grpc-js';
import { decodeBundleRequest, encodeBundleChunk } from '@flotilla/proto/codec/bundle';
import type { Encoded } from '@flotilla/proto/grpc';
import { chunkBytesMax } from '@flotilla/proto/limits';
import type { BundleChunk, BundleRequest } from '@flotilla/proto/messages';
import { WireError } from '@flotilla/proto/wireError';
import type { Logger } from '../platform/logger.ts';
import type { Database } from '../platform/prisma.ts';
import { grantedBundle, readFrame, type GrantedBundle } from './bundles.store.ts';
import type { FrameCache } from './frameCache.ts';
import { hangUp } from './hangUp.ts';
import { notFound, unauthenticated, type Peers } from './peer.ts';
import type { SessionRegistry } from './registry.ts';
import { writeDrained } from './write.ts';

export interface FetchBundleContext {
  cache: FrameCache;
  database: Database;
  logger: Logger;
  registry: SessionRegistry;
  peers: Peers;
}

type Call = ServerWritableStream<Encoded, Encoded>;

/** Never rejects. */
export async function fetchBundle(context: FetchBundleContext, call: Call): Promise<void> {
  call.on('error', () => undefined);
  const peer = await context.peers.authorized(call);
  if (!peer) return void call.emit('error', unauthenticated);
  const cutting = new AbortController();
  const detach = context.registry.attach(peer.clusterId, { cut: () => hangUp(call) });
  for (const event of ['cancelled', 'close'] as const) call.on(event, () => cutting.abort());
  try {
    const request = decodeBundleRequest(call.request);
    const withIndex = request.frames.length === 0;
    const asked = { clusterId: peer.clusterId, target: request.target, digest: request.digest, withIndex };
    const granted = await grantedBundle(context.database, asked);
    if (!granted) return void call.emit('error', notFound);
    const chunks = withIndex ? indexOf(context, request, granted) : framesOf(context, request, granted);
    for await (const chunk of chunks) {
      if (chunk === null) return void call.emit('error', notFound);
      await writeDrained(call, encodeBundleChunk(chunk), cutting.signal);
    }
    call.end();
  } catch (error) {
    if (error instanceof WireError) return void call.emit('error', notFound);
    if (!cutting.signal.aborted)
      context.logger.error({ err: error, clusterId: peer.clusterId }, 'bundle not sent');
    hangUp(call);
  } finally {
    detach();
  }
}

async function* indexOf(
  { cache }: FetchBundleContext,
  { digest }: BundleRequest,
  { projectId, index }: GrantedBundle,
): AsyncGenerator<BundleChunk | null> {
  const bytes = await cache.get({ projectId, table: 'bundles', digest }, () => Promise.resolve(index));
  if (bytes === null) return yield null;
  for (const { data } of chunksOf(bytes, 0)) yield { type: 'index', data, totalBytes: bytes.length };
}

async function* framesOf(
  { cache, database }: FetchBundleContext,
  { frames }: BundleRequest,
  { projectId, frames: ofBundle }: GrantedBundle,
): AsyncGenerator<BundleChunk | null> {
  const granted = new Set(ofBundle);
  for (const { digest, offset: from } of frames) {
    const bytes = granted.has(digest)
      ? await cache.get({ projectId, table: 'frames', digest }, () => readFrame(database, projectId, digest))
      : null;
    if (bytes === null || from > bytes.length) return yield null;
    for (const { offset, data } of chunksOf(bytes, from)) {
      yield { type: 'frame', digest, offset, data, totalBytes: bytes.length };
    }
  }
}

function* chunksOf(bytes: Buffer, from: number): Generator<{ offset: number; data: Buffer }> {
  for (let offset = from; offset < bytes.length; offset += chunkBytesMax) {
    yield { offset, data: bytes.subarray(offset, offset + chunkBytesMax) };
  }
}
