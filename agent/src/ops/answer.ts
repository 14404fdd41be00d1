/** What one command asked for, to whichever replica takes it: numbered chunks, then end or error. */
import type { ClientWritableStream } from '@grpc/grpc-js';
import { encodeAnswerChunk } from '@flotilla/proto/codec/answer';
import type { AgentHubClient } from '@flotilla/proto/grpc';
import { chunkBytesMax } from '@flotilla/proto/limits';
import type { AnswerChunk } from '@flotilla/proto/messages';

/** Said to whoever asked, in place of an answer or after a part of it. */
export class AnswerError extends Error {
  override readonly name = 'AnswerError';
  readonly code: AnswerErrorCode;

  constructor(code: AnswerErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

export type AnswerErrorCode = 'unsupported' | 'notFound' | 'notAllowed' | 'failed';

/** Resolves when the hub took the answer, whole or with its error; rejects where the stream broke. */
export async function sendAnswer(
  client: AgentHubClient,
  commandId: string,
  content: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  const taken = Promise.withResolvers<void>();
  taken.promise.catch(() => undefined);
  const call = client.answer((error) => {
    if (error) taken.reject(error);
    else taken.resolve();
  });
  const cancel = (): void => call.cancel();
  signal.addEventListener('abort', cancel, { once: true });
  try {
    let seq = 0n;
    for await (const chunk of chunksOf(content)) {
      seq += 1n;
      await writeChunk(call, { commandId, seq, content: chunk });
    }
    call.end();
    await taken.promise;
  } finally {
    signal.removeEventListener('abort', cancel);
    call.cancel();
  }
}

/** Reads until the end, or until there is more than `bytesMax`: so many bytes, or `Infinity`, are what `content` gives. */
export async function measure(
  content: AsyncIterable<Uint8Array>,
  bytesMax: number,
): Promise<{ bytes: number; content: AsyncIterable<Uint8Array> }> {
  const iterator = content[Symbol.asyncIterator]();
  const read: Uint8Array[] = [];
  let bytes = 0;
  while (bytes <= bytesMax) {
    const next = await iterator.next().catch((error: unknown) => ({ error }));
    if ('error' in next) return { bytes, content: resumed(read, failing(next.error)) };
    if (next.done === true) return { bytes, content: resumed(read) };
    read.push(next.value);
    bytes += next.value.length;
  }
  return { bytes: Infinity, content: resumed(read, { [Symbol.asyncIterator]: () => iterator }) };
}

async function* resumed(read: Uint8Array[], rest?: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* read;
  if (rest !== undefined) yield* rest;
}

/** An answer that is nothing but its error. */
export async function* failing(error: unknown): AsyncGenerator<Uint8Array> {
  await Promise.resolve();
  throw error;
}

async function* chunksOf(content: AsyncIterable<Uint8Array>): AsyncGenerator<AnswerChunk['content']> {
  try {
    for await (const bytes of content) {
      for (let at = 0; at < bytes.length; at += chunkBytesMax) {
        yield { type: 'data', data: bytes.subarray(at, at + chunkBytesMax) };
      }
    }
    yield { type: 'end' };
  } catch (error) {
    yield errorChunk(error);
  }
}

function errorChunk(error: unknown): AnswerChunk['content'] {
  if (error instanceof AnswerError) return { type: 'error', code: error.code, message: error.message };
  const message = error instanceof Error ? error.message : String(error);
  return { type: 'error', code: 'failed', message };
}

function writeChunk(call: ClientWritableStream<Uint8Array>, chunk: AnswerChunk): Promise<void> {
  return new Promise((resolve, reject) => {
    call.write(encodeAnswerChunk(chunk), (error?: Error | null) => {
      if (error) reject(error);
      else resolve();
    });
  });
}
