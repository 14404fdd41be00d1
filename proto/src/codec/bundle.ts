/** Asking for a bundle's index and frames, and the chunks that come back. */
import { FetchBundleRequestSchema, FetchBundleResponseSchema } from '#gen/flotilla/agent/v1/bundle_pb.js';
import { bundleBytesMax, chunkBytesMax, framesPerRequestMax } from '../limits.ts';
import type { BundleChunk, BundleRequest } from '../messages.ts';
import { decodeBytes, encodeBytes } from './bytes.ts';
import { readBytes, readDigest, readList, readSize, readUuid, writeDigest } from './read.ts';

export function decodeBundleRequest(bytes: Uint8Array): BundleRequest {
  const request = decodeBytes(FetchBundleRequestSchema, bytes);
  return {
    digest: readDigest('BundleRequest.digest', request.digest),
    target: readUuid('BundleRequest.target', request.target),
    frames: readList('BundleRequest.frames', request.frames, framesPerRequestMax, (field, frame) => ({
      digest: readDigest(`${field}.digest`, frame.digest),
      offset: readSize(`${field}.offset`, frame.offset, bundleBytesMax),
    })),
  };
}

export function encodeBundleRequest(request: BundleRequest): Uint8Array {
  return encodeBytes(FetchBundleRequestSchema, {
    digest: writeDigest('BundleRequest.digest', request.digest),
    target: request.target,
    frames: request.frames.map(({ digest, offset }) => ({
      digest: writeDigest('BundleRequest.frames.digest', digest),
      offset: BigInt(offset),
    })),
  });
}

/** A chunk of a kind that this version does not know is null. */
export function decodeBundleChunk(bytes: Uint8Array): BundleChunk | null {
  const { chunk } = decodeBytes(FetchBundleResponseSchema, bytes);
  switch (chunk.case) {
    case 'index':
      return {
        type: 'index',
        data: readBytes('BundleChunk.index.data', chunk.value.data, chunkBytesMax),
        totalBytes: readSize('BundleChunk.index.totalBytes', chunk.value.totalBytes, bundleBytesMax),
      };
    case 'frame':
      return {
        type: 'frame',
        digest: readDigest('BundleChunk.frame.digest', chunk.value.digest),
        offset: readSize('BundleChunk.frame.offset', chunk.value.offset, bundleBytesMax),
        data: readBytes('BundleChunk.frame.data', chunk.value.data, chunkBytesMax),
        totalBytes: readSize('BundleChunk.frame.totalBytes', chunk.value.totalBytes, bundleBytesMax),
      };
    case undefined:
      return null;
  }
}

export function encodeBundleChunk(chunk: BundleChunk): Uint8Array {
  if (chunk.type === 'index') {
    const value = { data: chunk.data, totalBytes: BigInt(chunk.totalBytes) };
    return encodeBytes(FetchBundleResponseSchema, { chunk: { case: 'index', value } });
  }
  const value = {
    digest: writeDigest('BundleChunk.frame.digest', chunk.digest),
    offset: BigInt(chunk.offset),
    data: chunk.data,
    totalBytes: BigInt(chunk.totalBytes),
  };
  return encodeBytes(FetchBundleResponseSchema, { chunk: { case: 'frame', value } });
}
