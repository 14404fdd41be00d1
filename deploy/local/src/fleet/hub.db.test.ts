import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startPostgres, type Postgres } from '../postgres.ts';
import { HubError, migrateHub, startHub } from './hub.ts';

let dir: string;
let postgres: Postgres;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'flotilla-hub-'));
  postgres = await startPostgres({ dir: join(dir, 'postgres'), fsync: false });
  await migrateHub(postgres.url('postgres'));
});
afterAll(async () => {
  await postgres.stop();
  await rm(dir, { recursive: true });
});

test.each(['httpPort', 'grpcPort'] as const)(
  'a hub whose %s is taken ends at once and says so',
  async (key) => {
    await using server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const started = startHub({ dir: join(dir, 'hub'), databaseUrl: postgres.url('postgres'), [key]: port });
    await expect(started).rejects.toThrow(HubError);
    await expect(started).rejects.toThrow(new RegExp(`^the hub does not start: .*127.0.0.1:${port}`));
  },
);
