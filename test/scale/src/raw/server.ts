/** A gRPC server with nothing behind it, in a process of its own: what any hub on grpc-js costs at least. */
import type { Certified } from '@flotilla/local/certificates';
import { performance } from 'node:perf_hooks';
import { Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import { agentHubService } from '@flotilla/proto/grpc';
import type { FromRawServer, ToRawServer } from './messages.ts';

type Stream = ServerDuplexStream<Uint8Array, Uint8Array>;

const streams = new Set<Stream>();
let received = 0;
let onMessage: () => void = () => undefined;

function tell(message: FromRawServer): void {
  process.send?.(message);
}

function connect(call: Stream): void {
  streams.add(call);
  let isFirst = true;
  call.on('data', () => {
    received += 1;
    if (isFirst) call.write(Buffer.alloc(64));
    else onMessage();
    isFirst = false;
  });
  call.on('error', () => undefined);
  call.on('close', () => streams.delete(call));
  call.on('end', () => call.end());
}

async function listen(caPem: string, pair: Certified): Promise<void> {
  const server = new Server({
    'grpc.keepalive_time_ms': 20_000,
    'grpc.keepalive_timeout_ms': 10_000,
    'grpc.keepalive_permit_without_calls': 1,
  });
  const unused = (): void => undefined;
  server.addService(
    agentHubService as never,
    {
      connect,
      report: unused,
      fetchBundle: unused,
      answer: unused,
    } as never,
  );
  const keys = [{ private_key: Buffer.from(pair.key), cert_chain: Buffer.from(pair.cert) }];
  const credentials = ServerCredentials.createSsl(Buffer.from(caPem), keys, true);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', credentials, (error, bound) => (error ? reject(error) : resolve(bound)));
  });
  tell({ type: 'listening', port });
}

/** A stream that has gone meanwhile is not waited for. */
function broadcast(bytes: Uint8Array): void {
  const startMs = performance.now();
  const afterMs: number[] = [];
  const wanted = streams.size;
  onMessage = () => {
    afterMs.push(performance.now() - startMs);
    if (afterMs.length === wanted) tell({ type: 'answered', afterMs });
  };
  for (const stream of streams) stream.write(bytes);
}

process.on('message', (message: ToRawServer) => {
  if (message.type === 'listen') void listen(message.caPem, message.pair);
  if (message.type === 'broadcast') broadcast(message.bytes);
  if (message.type === 'read') {
    globalThis.gc?.();
    const { user, system } = process.cpuUsage();
    const rssBytes = process.memoryUsage.rss();
    tell({ type: 'reading', cpuMs: (user + system) / 1000, rssBytes, streams: streams.size, received });
  }
});
process.on('disconnect', () => process.exit(0));
process.on('SIGINT', () => undefined);
