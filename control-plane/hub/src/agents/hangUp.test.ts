/** A call that the hub gives up ends at its peer too, however it was left. */
import { credentials, Server, ServerCredentials, status, type ServiceError } from '@grpc/grpc-js';
import {
  agentHubService,
  createAgentHubClient,
  type AgentHubHandlers,
  type Encoded,
} from '@flotilla/proto/grpc';
import { expect, test } from 'vitest';
import { hangUp } from './hangUp.ts';

type Connect = AgentHubHandlers['connect'];

async function endOf(connect: Connect): Promise<ServiceError> {
  const unused = (): void => undefined;
  const server = new Server();
  server.addService(agentHubService as never, {
    connect,
    report: unused,
    fetchBundle: unused,
    answer: unused,
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  const client = createAgentHubClient(`127.0.0.1:${port}`, credentials.createInsecure());
  const call = client.connect();
  try {
    call.write(Uint8Array.of(1));
    call.resume();
    return await new Promise((resolve) => call.once('error', resolve));
  } finally {
    client.close();
    server.forceShutdown();
  }
}

test('a call whose reading was broken off', async () => {
  const end = await endOf((call) => {
    call.on('error', () => undefined);
    void (async () => {
      // Leaving the loop destroys the stream object, which alone tells the peer nothing.
      for await (const _bytes of call as AsyncIterable<Encoded>) break;
      hangUp(call);
      hangUp(call);
    })();
  });
  expect(end.code).toBe(status.UNAVAILABLE);
});

test('a call to which was written', async () => {
  const end = await endOf((call) => {
    call.on('error', () => undefined);
    call.write(Uint8Array.of(1, 2, 3));
    hangUp(call);
  });
  expect(end.code).toBe(status.UNAVAILABLE);
});
