/** `Answer`: logs, diff, plan or a bundle's bytes for one command of the caller's cluster, by way of an unlogged table to whoever asked. */
import { status, type sendUnaryData, type ServerReadableStream } from '@grpc/grpc-js';
import { decodeAnswerChunk, encodeAnswerAck } from '@flotilla/proto/codec/answer';
import type { Encoded } from '@flotilla/proto/grpc';
import type { AnswerAck, AnswerChunk } from '@flotilla/proto/messages';
import { WireError } from '@flotilla/proto/wireError';
import type { Hints } from '../platform/hints.ts';
import type { Logger } from '../platform/logger.ts';
import type { Database } from '../platform/prisma.ts';
import { answerableCommand, insertAnswer } from './commands.store.ts';
import { notFound, unauthenticated, type Peers } from './peer.ts';
import type { SessionRegistry } from './registry.ts';

export interface AnswerContext {
  database: Database;
  hints: Hints;
  logger: Logger;
  registry: SessionRegistry;
  peers: Peers;
}

/** What one answer may bring: a whole bundle. */
const answerBytesMax = 64 * 1024 * 1024;

/** Never rejects. */
export async function answer(
  context: AnswerContext,
  call: ServerReadableStream<Encoded, Encoded>,
  callback: sendUnaryData<Encoded>,
): Promise<void> {
  call.on('error', () => undefined);
  const peer = await context.peers.authorized(call);
  if (!peer) return callback(unauthenticated);
  const detach = context.registry.attach(peer.clusterId, { cut: () => call.destroy() });
  try {
    const taken = await takeChunks(context, peer.clusterId, call);
    if (!taken) callback(notFound);
    else callback(null, encodeAnswerAck(taken));
  } catch (error) {
    if (error instanceof WireError) callback({ code: status.INVALID_ARGUMENT, details: 'malformed answer' });
    else callback({ code: status.INTERNAL, details: 'internal error' });
    context.logger.warn({ err: error, clusterId: peer.clusterId }, 'answer not taken');
  } finally {
    detach();
  }
}

/** Null: no such command of this cluster. */
async function takeChunks(
  { database, hints }: AnswerContext,
  clusterId: string,
  call: ServerReadableStream<Encoded, Encoded>,
): Promise<AnswerAck | null> {
  let ack: AnswerAck | null = null;
  for await (const bytes of call) {
    const chunk = decodeAnswerChunk(bytes as Encoded);
    if (ack === null) {
      if (!(await answerableCommand(database, clusterId, chunk.commandId))) return null;
      ack = { commandId: chunk.commandId, receivedBytes: 0 };
    }
    if (chunk.commandId !== ack.commandId)
      throw new WireError('AnswerChunk.commandId', 'changed within one answer');
    ack.receivedBytes += chunk.content.type === 'data' ? chunk.content.data.length : 0;
    if (ack.receivedBytes > answerBytesMax)
      throw new WireError('AnswerChunk.data', 'is more than an answer may bring');
    await insertAnswer(database, rowOf(chunk));
    hints.send('answer', [chunk.commandId]);
  }
  return ack;
}

function rowOf({ commandId, seq, content }: AnswerChunk) {
  const data = content.type === 'data' ? content.data : null;
  const error = content.type === 'error' ? { code: content.code, message: content.message } : null;
  return { commandId, seq, data, error, last: content.type !== 'data' };
}
