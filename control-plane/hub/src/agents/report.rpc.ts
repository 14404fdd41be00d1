/** `Report`: batches of states and facts, each acked once it is committed. A stale fence ends the stream. */
import type { ServerDuplexStream } from '@grpc/grpc-js';
import { decodeReportBatch, encodeReportAck } from '@flotilla/proto/codec/report';
import type { Encoded } from '@flotilla/proto/grpc';
import type { ReportAck, ReportBatch } from '@flotilla/proto/messages';
import { WireError } from '@flotilla/proto/wireError';
import type { Logger } from '../platform/logger.ts';
import { hangUp } from './hangUp.ts';
import { unauthenticated, type Peers } from './peer.ts';
import type { SessionRegistry } from './registry.ts';
import { writeDrained } from './write.ts';

export interface ReportContext {
  ingest(clusterId: string, fence: bigint, batch: ReportBatch): Promise<ReportAck>;
  logger: Logger;
  registry: SessionRegistry;
  peers: Peers;
}

/** Never rejects. */
export async function report(
  context: ReportContext,
  call: ServerDuplexStream<Encoded, Encoded>,
): Promise<void> {
  call.on('error', () => undefined);
  const peer = await context.peers.authorized(call);
  if (!peer) return void call.emit('error', unauthenticated);
  const cutting = new AbortController();
  const detach = context.registry.attach(peer.clusterId, { cut: () => hangUp(call) });
  for (const event of ['cancelled', 'close'] as const) call.on(event, () => cutting.abort());
  try {
    for await (const bytes of call) {
      const batch = decodeReportBatch(bytes as Encoded);
      const ack = await context.ingest(peer.clusterId, batch.fence, batch);
      await writeDrained(call, encodeReportAck(ack), cutting.signal);
      if (ack.stale) break;
    }
    hangUp(call);
  } catch (error) {
    if (error instanceof WireError)
      context.logger.warn({ clusterId: peer.clusterId, field: error.field }, 'report refused');
    else if (!cutting.signal.aborted)
      context.logger.error({ err: error, clusterId: peer.clusterId }, 'report failed');
    hangUp(call);
  } finally {
    detach();
  }
}
