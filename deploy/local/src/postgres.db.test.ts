import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { migrateHub } from './fleet/hub.ts';
import { startPostgres } from './postgres.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'flotilla-postgres-'));
});
afterAll(() => rm(dir, { recursive: true }));

test('Postgres keeps its data over a crash and a restart, and its URL where the port is free', async () => {
  const first = await startPostgres({ dir });
  await migrateHub(first.url('postgres'));
  await first.crash();
  const second = await startPostgres({ dir, port: first.port });
  expect(second.url('postgres')).toBe(first.url('postgres'));
  // What has run already runs no second time: the tables are still there.
  await migrateHub(second.url('postgres'));
  await second.stop();
});
