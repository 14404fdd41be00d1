/** Who is alive: by rows, so that any replica can tell, and so that a replica which was cut off takes its sessions up again. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Hints } from '../platform/hints.ts';
import { Loggers } from '../platform/logger.ts';
import { Observations } from '../platform/observations.ts';
import { Database } from '../platform/prisma.ts';
import { createTestDatabase, type TestDatabase } from '../platform/testDatabase.fixture.ts';
import * as store from './sessions.store.ts';

let testDatabase: TestDatabase;
let database: Database;
let hints: Hints;
let observations: Observations;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = new Database(testDatabase.url, 4);
  hints = new Hints({ url: testDatabase.url, logger: new Loggers('silent').for('test') });
  observations = new Observations(database, hints);
});
afterAll(async () => {
  await hints.close();
  await database.close();
  await testDatabase[Symbol.asyncDispose]();
});

async function session(replicaId: string, fence = 1n) {
  const projectId = randomUUID();
  const id = randomUUID();
  const clusterId = randomUUID();
  await database.query(
    `INSERT INTO projects (id, name, spec, data_key) VALUES ($1, $1::uuid::text, '{}', '')`,
    [projectId],
  );
  await database.query(
    `INSERT INTO clusters (id, name, project_id, state, fence, replica_id, connected_at, last_seen_at)
     VALUES ($1, $1::uuid::text, $2, 'Active', $3, $4, now(), now())`,
    [clusterId, projectId, fence, replicaId],
  );
  await database.query(
    `INSERT INTO sessions (id, cluster_id, replica_id, instance, incarnation, standby, fence, remote)
     VALUES ($1, $2, $3, 'i', 'i', false, $4, '')`,
    [id, clusterId, replicaId, fence],
  );
  return { id, clusterId, fence };
}

async function rowsOf({ id, clusterId }: { id: string; clusterId: string }) {
  const [row] = await database.query<{
    replica_id: string | null;
    disconnected_at: Date | null;
    ended_at: Date | null;
  }>(
    `SELECT c.replica_id, c.disconnected_at, s.ended_at FROM clusters c JOIN sessions s ON s.id = $2 WHERE c.id = $1`,
    [clusterId, id],
  );
  return row!;
}

function beat(id: string): Promise<void> {
  return store.beatReplica(database, { id, roles: ['agents'], address: '', version: '' });
}

test('sessions of a replica whose heart stopped are ended, those of others stay', async () => {
  const [dead, alive] = [randomUUID(), randomUUID()];
  await beat(dead);
  await beat(alive);
  const left = await session(dead);
  const kept = await session(alive);
  await database.query(`UPDATE replicas SET heartbeat_at = now() - interval '31 seconds' WHERE id = $1`, [
    dead,
  ]);
  await observations.write((tx) => store.endSessionsOfDeadReplicas(tx));
  expect(await rowsOf(left)).toMatchObject({ replica_id: null, ended_at: expect.any(Date) });
  expect(await rowsOf(kept)).toMatchObject({ replica_id: alive, ended_at: null });
});

test('a replica that comes back takes its session up again, unless a later fence was taken', async () => {
  const replica = randomUUID();
  await beat(replica);
  const mine = await session(replica);
  const lost = await session(replica);
  await database.query(`UPDATE replicas SET heartbeat_at = now() - interval '1 minute' WHERE id = $1`, [
    replica,
  ]);
  await observations.write((tx) => store.endSessionsOfDeadReplicas(tx));
  await database.query('UPDATE clusters SET fence = 2 WHERE id = $1', [lost.clusterId]);
  await beat(replica);
  await store.touchSessions(database, replica, [mine, lost]);
  expect(await rowsOf(mine)).toMatchObject({ replica_id: replica, ended_at: null });
  expect(await rowsOf(lost)).toMatchObject({ replica_id: null, ended_at: expect.any(Date) });
});

test('a cluster is marked disconnected 90 s after its last sign of life, once', async () => {
  const silent = await session(randomUUID());
  await database.query(`UPDATE clusters SET last_seen_at = now() - interval '89 seconds' WHERE id = $1`, [
    silent.clusterId,
  ]);
  expect(await observations.write((tx) => store.markDisconnected(tx))).not.toContain(silent.clusterId);
  await database.query(`UPDATE clusters SET last_seen_at = now() - interval '91 seconds' WHERE id = $1`, [
    silent.clusterId,
  ]);
  expect(await observations.write((tx) => store.markDisconnected(tx))).toContain(silent.clusterId);
  expect(await observations.write((tx) => store.markDisconnected(tx))).not.toContain(silent.clusterId);
});

test('a connection that Postgres ends fails its statement and nothing else', async () => {
  const ended = observations.write(async (tx) => {
    const [row] = await tx.sql<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    await database.query('SELECT pg_terminate_backend($1)', [row!.pid]);
    await tx.sql('SELECT 1');
  });
  await expect(ended).rejects.toThrow();
  expect(await database.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
});
