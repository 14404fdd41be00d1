/**
 * Bundles from the hub to the volume: the index, then only the frames that are lacking. What has arrived stays, whole
 * frames on disk and a begun one in memory, so that a cut stream goes on where it ended. A bundle has arrived only when
 * all of it was read back and verified. One bundle at a time.
 */
import type { ClientReadableStream, ServiceError } from '@grpc/grpc-js';
import { status } from '@grpc/grpc-js';
import type { IndexedFrame } from '@flotilla/domain/bundle/bundle';
import { lackingFrames } from '@flotilla/domain/bundle/bundleIndex';
import type { Digest } from '@flotilla/domain/digest/sha256';
import { decodeBundleChunk, encodeBundleRequest } from '@flotilla/proto/codec/bundle';
import type { AgentHubClient } from '@flotilla/proto/grpc';
import type { BundleChunk, BundleRequest } from '@flotilla/proto/messages';
import { WireError } from '@flotilla/proto/wireError';
import type { BundleStore } from '../state/bundles.ts';
import { besideControlMax, type SideCalls } from './connection.ts';

export interface WantedBundle {
  digest: Digest;
  /** A target that it is assigned to: the hub serves it to nobody else. */
  target: string;
}

/** `message` says why in the words of whoever refused; `missing`: the hub does not have it, or not for this cluster. */
export class FetchError extends Error {
  override readonly name = 'FetchError';
  readonly digest: Digest;
  readonly missing: boolean;
  /** The hub refused it or could not be reached; else what came was wrong. */
  readonly isFromHub: boolean;

  constructor(
    digest: Digest,
    problem: string,
    options: { missing?: boolean; isFromHub?: boolean; cause?: unknown } = {},
  ) {
    super(problem, { cause: options.cause });
    this.digest = digest;
    this.missing = options.missing ?? false;
    this.isFromHub = options.isFromHub ?? false;
  }
}

/** A frame that was begun: kept between tries. */
export interface Partial {
  digest: Digest;
  chunks: Uint8Array[];
  bytes: number;
}

export interface FetchOptions {
  bundles: BundleStore;
  side: SideCalls;
  /** Handed in again with the next try. */
  partial: { frame: Partial | null };
  stallMs?: number;
}

const framesPerRequest = 512;
const defaultStallMs = 30_000;

/** Resolves when the bundle is complete and verified on disk; rejects with FetchError, or with a disk's error. */
export async function fetchBundle(
  options: FetchOptions,
  wanted: WantedBundle,
  signal: AbortSignal,
): Promise<void> {
  if (options.bundles.isComplete(wanted.digest)) return;
  const lacking = await ensureIndex(options, wanted, signal);
  const bytes = lacking.reduce((sum, frame) => sum + frame.bytes, 0);
  await options.side.use(bytes, async (client) => {
    for (let at = 0; at < lacking.length; at += framesPerRequest) {
      await fetchFrames(options, client, wanted, lacking.slice(at, at + framesPerRequest), signal);
    }
  });
  const verdict = await options.bundles.finish(wanted.digest);
  if (!verdict.ok) throw new FetchError(wanted.digest, verdict.reason);
}

async function ensureIndex(
  options: FetchOptions,
  wanted: WantedBundle,
  signal: AbortSignal,
): Promise<IndexedFrame[]> {
  const held = await options.bundles.index(wanted.digest);
  if (held !== null) return lackingFrames(held, options.bundles.heldFrames());
  let read = await readIndex(options, wanted, besideControlMax, signal);
  if (!read.fits) read = await readIndex(options, wanted, Infinity, signal);
  const outcome = await options.bundles.putIndex(wanted.digest, Buffer.concat(read.chunks));
  if (!outcome.ok) throw new FetchError(wanted.digest, outcome.reason);
  return outcome.lacking;
}

/** Its first chunk says how large it is: no more is read where that is above `bytesMax`. */
async function readIndex(
  options: FetchOptions,
  wanted: WantedBundle,
  bytesMax: number,
  signal: AbortSignal,
): Promise<{ chunks: Uint8Array[]; fits: boolean }> {
  const chunks: Uint8Array[] = [];
  let fits = true;
  await options.side.use(bytesMax, (client) =>
    readChunks(options, client, { ...wanted, frames: [] }, signal, (chunk) => {
      fits = chunk.totalBytes <= bytesMax;
      if (fits && chunk.type === 'index') chunks.push(chunk.data);
      return Promise.resolve(fits);
    }),
  );
  return { chunks, fits };
}

async function fetchFrames(
  options: FetchOptions,
  client: AgentHubClient,
  wanted: WantedBundle,
  frames: IndexedFrame[],
  signal: AbortSignal,
): Promise<void> {
  const byDigest = new Map(frames.map((frame) => [frame.digest, frame]));
  const request: BundleRequest = { ...wanted, frames: frames.map((frame) => wantOf(options, frame)) };
  await readChunks(options, client, request, signal, async (chunk) => {
    if (chunk.type !== 'frame') return true;
    const frame = byDigest.get(chunk.digest);
    if (frame === undefined) throw new FetchError(wanted.digest, 'a frame came that was not asked for');
    const bytes = collect(options, frame, chunk);
    if (bytes === null) return true;
    if (!(await options.bundles.putFrame(frame, bytes))) {
      throw new FetchError(wanted.digest, `frame ${frame.digest.slice(0, 12)} came damaged`);
    }
    byDigest.delete(frame.digest);
    return true;
  });
  if (byDigest.size > 0) throw new FetchError(wanted.digest, 'the hub ended before every frame had come');
}

function wantOf(options: FetchOptions, frame: IndexedFrame): { digest: Digest; offset: number } {
  const begun = options.partial.frame;
  return { digest: frame.digest, offset: begun?.digest === frame.digest ? begun.bytes : 0 };
}

/** The frame's bytes once they are all there. */
function collect(
  options: FetchOptions,
  frame: IndexedFrame,
  chunk: Extract<BundleChunk, { type: 'frame' }>,
): Uint8Array | null {
  const { partial } = options;
  if (partial.frame?.digest !== frame.digest) partial.frame = { digest: frame.digest, chunks: [], bytes: 0 };
  const begun = partial.frame;
  if (chunk.offset !== begun.bytes || begun.bytes + chunk.data.length > frame.bytes) {
    partial.frame = null;
    throw new FetchError(frame.digest, `frame ${frame.digest.slice(0, 12)} came with a gap`);
  }
  begun.chunks.push(chunk.data);
  begun.bytes += chunk.data.length;
  if (begun.bytes < frame.bytes) return null;
  partial.frame = null;
  return Buffer.concat(begun.chunks);
}

/** Until all have come, or `onChunk` says false. */
async function readChunks(
  options: FetchOptions,
  client: AgentHubClient,
  request: BundleRequest,
  signal: AbortSignal,
  onChunk: (chunk: BundleChunk) => Promise<boolean>,
): Promise<void> {
  signal.throwIfAborted();
  const call = client.fetchBundle(encodeBundleRequest(request));
  const cancel = (): void => call.cancel();
  signal.addEventListener('abort', cancel, { once: true });
  const watchdog = setTimeout(cancel, options.stallMs ?? defaultStallMs);
  try {
    for await (const bytes of call as AsyncIterable<Uint8Array>) {
      watchdog.refresh();
      const chunk = decodeBundleChunk(bytes);
      if (chunk !== null && !(await onChunk(chunk))) return;
    }
  } catch (error) {
    throw asFetchError(request.digest, error, signal);
  } finally {
    clearTimeout(watchdog);
    signal.removeEventListener('abort', cancel);
    leave(call);
  }
}

function leave(call: ClientReadableStream<Uint8Array>): void {
  call.on('error', () => undefined);
  call.cancel();
}

function asFetchError(digest: Digest, error: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  if (error instanceof WireError) return new FetchError(digest, error.message, { cause: error });
  if (!isServiceError(error)) return error;
  const missing = error.code === status.NOT_FOUND || error.code === status.PERMISSION_DENIED;
  const problem = `${status[error.code]}: ${error.details}`;
  return new FetchError(digest, problem, { missing, isFromHub: true, cause: error });
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && typeof error.code === 'number' && 'details' in error;
}
