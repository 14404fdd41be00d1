import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { allocatePort } from '../ports.ts';
import { PortTakenError, requireFreePorts } from './portsInUse.ts';
import type { KeptState } from './state.ts';

async function stateOf(ports: Partial<KeptState['ports']>): Promise<KeptState> {
  const [postgres, git, http, grpc] = await Promise.all([1, 2, 3, 4].map(() => allocatePort()));
  const free = { postgres, git, http, grpc, clusters: {} } as KeptState['ports'];
  return { shape: 'sim:1', ports: { ...free, ...ports }, gitPassword: '', webhookSecret: '' };
}

test('free ports are let through', async () => {
  await expect(requireFreePorts(await stateOf({}))).resolves.toBeUndefined();
});

test.each([
  ['http', "the hub's API"],
  ['grpc', "the hub's agents"],
  ['git', 'the Git server'],
  ['clusters', 'cluster dev'],
] as const)('a taken port of %s is named, with what it was for and what to do', async (key, what) => {
  await using server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const required = requireFreePorts(await stateOf({ [key]: key === 'clusters' ? { dev: port } : port }));
  await expect(required).rejects.toThrow(PortTakenError);
  await expect(required).rejects.toThrow(
    `port ${port}, which this fleet had for ${what}, is in use: end what uses it, or start over with --fresh`,
  );
});

test('Postgres may move to another port', async () => {
  await using server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await expect(requireFreePorts(await stateOf({ postgres: port }))).resolves.toBeUndefined();
});
