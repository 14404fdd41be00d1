/** Clients of the raw gRPC server, many in one process; each has a connection of its own and answers every message. */
import { inParallel } from '@flotilla/agent/reconcile/parallel';
import { credentials, type ClientDuplexStream } from '@grpc/grpc-js';
import { createAgentHubClient, type AgentHubClient } from '@flotilla/proto/grpc';
import type { FromRawClients, ToRawClients } from './messages.ts';

interface Client {
  client: AgentHubClient;
  call: ClientDuplexStream<Uint8Array, Uint8Array>;
}

type ConnectOptions = Extract<ToRawClients, { type: 'connect' }>;

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

/** More handshakes at once only wait for each other, until the first are given up. */
const handshakesMax = 500;

async function connect(options: ConnectOptions): Promise<void> {
  const numbers = Array.from({ length: options.count }, (_, number) => number);
  await inParallel(numbers, handshakesMax, async () => void clients.push(await connectOne(options)));
  tell('connected');
}

/** Again until it was answered once. */
async function connectOne({ caPem, pair, port }: ConnectOptions): Promise<Client> {
  for (;;) {
    const secure = credentials.createSsl(Buffer.from(caPem), Buffer.from(pair.key), Buffer.from(pair.cert));
    const client = createAgentHubClient(`127.0.0.1:${port}`, secure, channelOptions);
    const call = client.connect();
    if (await isAnswered(call)) return { client, call };
    client.close();
  }
}

/** Greets, and answers whatever comes after the answer to that. */
function isAnswered(call: Client['call']): Promise<boolean> {
  return new Promise((resolve) => {
    let isFirst = true;
    call.on('data', () => {
      if (!isFirst) call.write(Buffer.alloc(48));
      isFirst = false;
      resolve(true);
    });
    call.on('error', () => resolve(false));
    call.write(Buffer.alloc(256));
  });
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
  if (message.type === 'connect') void connect(message);
  if (message.type === 'disconnect') disconnect();
  if (message.type === 'send') {
    const bytes = Buffer.alloc(message.bytes);
    for (let round = 0; round < message.messages; round++) for (const { call } of clients) call.write(bytes);
    tell('sent');
  }
});
process.on('disconnect', () => process.exit(0));
process.on('SIGINT', () => undefined);
