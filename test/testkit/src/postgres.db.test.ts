import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startPostgres } from '@flotilla/local/postgres';
import pg from 'pg';
import { expect, test } from 'vitest';
import { testDatabase } from './postgres.ts';

test('each database is migrated and its own', async () => {
  await using one = await testDatabase();
  await using other = await testDatabase();
  await one.query(`INSERT INTO projects (name, spec, data_key) VALUES ('a', '{}', '\\x00')`);
  expect(await one.query('SELECT name FROM projects')).toEqual([{ name: 'a' }]);
  expect(await other.query('SELECT name FROM projects')).toEqual([]);
});

test('files that start at the same time all get theirs', async () => {
  const databases = await Promise.all(Array.from({ length: 4 }, () => testDatabase()));
  expect(new Set(databases.map((database) => database.name)).size).toBe(4);
  await Promise.all(databases.map((database) => database[Symbol.asyncDispose]()));
});

test('a server starts where the sessions of the one that was killed are still at work', async () => {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'flotilla-postgres-'));
  const first = await startPostgres({ dir });
  const client = new pg.Client({ connectionString: first.url('postgres') });
  client.on('error', () => undefined);
  await client.connect();
  const work = client.query('SELECT count(*) FROM generate_series(1, 10000000)').catch(() => undefined);
  await delay(100);
  await first.crash();
  const second = await startPostgres({ dir });
  await work;
  await second.stop();
  await rm(dir, { recursive: true });
});
