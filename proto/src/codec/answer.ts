/** What an agent answers to one command, in chunks. */
import { create } from '@bufbuild/protobuf';
import {
  AnswerEndSchema,
  AnswerRequestSchema,
  AnswerResponseSchema,
} from '#gen/flotilla/agent/v1/bundle_pb.js';
import type { AnswerRequest as AnswerRequestWire } from '#gen/flotilla/agent/v1/bundle_pb.js';
import { chunkBytesMax, longTextMax } from '../limits.ts';
import type { AnswerAck, AnswerChunk } from '../messages.ts';
import { WireError } from '../wireError.ts';
import { decodeBytes, encodeBytes } from './bytes.ts';
import { readBytes, readCounter, readShortText, readSize, readText, readUuid } from './read.ts';

export function decodeAnswerChunk(bytes: Uint8Array): AnswerChunk {
  const chunk = decodeBytes(AnswerRequestSchema, bytes);
  return {
    commandId: readUuid('AnswerChunk.commandId', chunk.commandId),
    seq: readCounter('AnswerChunk.seq', chunk.seq),
    content: readContent(chunk.content),
  };
}

export function encodeAnswerChunk(chunk: AnswerChunk): Uint8Array {
  return encodeBytes(AnswerRequestSchema, {
    commandId: chunk.commandId,
    seq: chunk.seq,
    content: writeContent(chunk.content),
  });
}

export function decodeAnswerAck(bytes: Uint8Array): AnswerAck {
  const ack = decodeBytes(AnswerResponseSchema, bytes);
  return {
    commandId: readUuid('AnswerAck.commandId', ack.commandId),
    receivedBytes: readSize('AnswerAck.receivedBytes', ack.receivedBytes, Number.MAX_SAFE_INTEGER),
  };
}

export function encodeAnswerAck(ack: AnswerAck): Uint8Array {
  return encodeBytes(AnswerResponseSchema, {
    commandId: ack.commandId,
    receivedBytes: BigInt(ack.receivedBytes),
  });
}

function readContent(content: AnswerRequestWire['content']): AnswerChunk['content'] {
  switch (content.case) {
    case 'data':
      return { type: 'data', data: readBytes('AnswerChunk.data', content.value, chunkBytesMax) };
    case 'error':
      return {
        type: 'error',
        code: readShortText('AnswerChunk.error.code', content.value.code),
        message: readText('AnswerChunk.error.message', content.value.message),
      };
    case 'end':
      return { type: 'end' };
    case undefined:
      throw new WireError('AnswerChunk.content', 'is missing');
  }
}

function writeContent(content: AnswerChunk['content']) {
  switch (content.type) {
    case 'data':
      return { case: 'data' as const, value: content.data };
    case 'error':
      return {
        case: 'error' as const,
        value: { code: content.code, message: content.message.slice(0, longTextMax) },
      };
    case 'end':
      return { case: 'end' as const, value: create(AnswerEndSchema) };
  }
}
