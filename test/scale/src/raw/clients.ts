/** Clients of the raw gRPC server, many in one process; each has a connection of its own and answers every message. */
import { credentials, type ClientDuplexStream } from '@grpc/grpc-js';
import { createAgentHubClient, type AgentHubClient } from '@flotilla/proto/grpc';
import type { FromRawClients, ToRawClients } from './messages.ts';

interface Client {
  client: AgentHubClient;
  call: ClientDuplexStream<Uint8Array, Uint8Array>;
}

let clients: Client[] = [];

function tell(type: FromRawClients['type']): void {
  process.send?.({ type } satisfies FromRawClients);
}

/** As an agent's. */
const channelOptions = {
  'grpc.keepalive_time_ms': 20_000,
  'grpc.keepalive_timeout_ms': 10_000,
  'grpc.keepalive_permit_without_calls': 1,
  'grpc.enable_retries': 0,
  'grpc.service_config_disable_resolution': 1,
};

function connect(options: Extract<ToRawClients, { type: 'connect' }>): void {
  const { caPem, pair, port, count } = options;
  let waiting = count;
  for (let number = 0; number < count; number++) {
    const secure = credentials.createSsl(Buffer.from(caPem), Buffer.from(pair.key), Buffer.from(pair.cert));
    const client = createAgentHubClient(`127.0.0.1:${port}`, secure, channelOptions);
    const call = client.connect();
    let isFirst = true;
    call.on('data', () => {
      if (!isFirst) call.write(Buffer.alloc(48));
      else if (--waiting === 0) tell('connected');
      isFirst = false;
    });
    call.on('error', () => undefined);
    call.write(Buffer.alloc(256));
    clients.push({ client, call });
  }
}

function disconnect(): void {
  for (const { client, call } of clients) {
    call.cancel();
    client.close();
  }
  clients = [];
  tell('disconnected');
}

process.on('message', (message: ToRawClients) => {
  if (message.type === 'connect') connect(message);
  if (message.type === 'disconnect') disconnect();
  if (message.type === 'send') {
    const bytes = Buffer.alloc(message.bytes);
    for (let round = 0; round < message.messages; round++) for (const { call } of clients) call.write(bytes);
    tell('sent');
  }
});
process.on('disconnect', () => process.exit(0));
process.on('SIGINT', () => undefined);
