/** The one way to change a row: audited or undone, deadlock-free, hints after the commit. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { randomUUID } from 'node:crypto';
import { Hints } from './hints.ts';
import { Loggers } from './logger.ts';
import { runLoop } from './loop.ts';
import { Observations } from './observations.ts';
import { Database } from './prisma.ts';
import { createTestDatabase, type TestDatabase } from './testDatabase.fixture.ts';
import { systemActor, Transactions, UnauditedTransactionError, type HubTransaction } from './transaction.ts';

let testDatabase: TestDatabase;
let database: Database;
let hints: Hints;
let transactions: Transactions;
const logger = new Loggers('silent').for('test');
const projectId = randomUUID();

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = new Database(testDatabase.url, 10);
  hints = new Hints({ url: testDatabase.url, logger });
  await hints.start();
  transactions = new Transactions(database, hints);
  await database.query(`INSERT INTO projects (id, name, spec, data_key) VALUES ($1, 'p', '{}', '')`, [
    projectId,
  ]);
});
afterAll(async () => {
  await hints.close();
  await database.close();
  await testDatabase[Symbol.asyncDispose]();
});

async function insertClusters(count: number): Promise<string[]> {
  const rows = await database.query<{ id: string }>(
    `INSERT INTO clusters (name, project_id, state) SELECT 'c-' || gen_random_uuid(), $1, 'Active' FROM generate_series(1, $2) RETURNING id`,
    [projectId, count],
  );
  return rows.map(({ id }) => id);
}

function note(tx: HubTransaction): void {
  tx.audit({ action: 'test.do', resource: { kind: 'test', id: 'x', name: 'x' } });
}

test('a transaction that audits nothing is undone', async () => {
  const [id] = await insertClusters(1);
  const run = transactions.inTransaction(systemActor, async (tx) => {
    await tx.sql('UPDATE clusters SET state_reason = $2 WHERE id = $1', [id, 'changed']);
  });
  await expect(run).rejects.toBeInstanceOf(UnauditedTransactionError);
  const [row] = await database.query<{ state_reason: string | null }>(
    'SELECT state_reason FROM clusters WHERE id = $1',
    [id],
  );
  expect(row?.state_reason).toBeNull();
});

test('prisma and hand-written sql share the transaction', async () => {
  const name = `token-${randomUUID()}`;
  await expect(
    transactions.inTransaction(systemActor, async (tx) => {
      await tx.client.replica.create({ data: { id: randomUUID(), roles: [], address: name, version: '' } });
      const rows = await tx.sql('SELECT 1 FROM replicas WHERE address = $1', [name]);
      expect(rows).toHaveLength(1);
      throw new Error('undo');
    }),
  ).rejects.toThrow('undo');
  expect(await database.query('SELECT 1 FROM replicas WHERE address = $1', [name])).toHaveLength(0);
});

test('transactions that touch the same clusters in any order neither deadlock nor lose a generation', async () => {
  const ids = await insertClusters(8);
  const runs = Array.from({ length: 40 }, (_, at) => {
    const order = at % 2 === 0 ? ids : ids.toReversed();
    return transactions.inTransaction(systemActor, async (tx) => {
      const touched = await tx.touchClusters(order.slice(0, 5 + (at % 4)));
      await tx.touchClusters(order.slice(0, 2));
      note(tx);
      return touched.size;
    });
  });
  const touched = (await Promise.all(runs)).reduce((sum, count) => sum + count, 0);
  const [row] = await database.query<{ sum: string }>(
    'SELECT sum(generation)::text FROM clusters WHERE id = ANY($1::uuid[])',
    [ids],
  );
  expect(Number(row?.sum)).toBe(touched);
});

test('a deadlock is run again', async () => {
  const [a, b] = await insertClusters(2);
  const met = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let runs = 0;
  const cross = (first: string, second: string, at: number): Promise<void> =>
    transactions.inTransaction(systemActor, async (tx) => {
      runs += 1;
      await tx.sql('UPDATE clusters SET version = version + 1 WHERE id = $1', [first]);
      met[at]?.resolve();
      await met[1 - at]?.promise;
      await tx.sql('UPDATE clusters SET version = version + 1 WHERE id = $1', [second]);
      note(tx);
    });
  await Promise.all([cross(a!, b!, 0), cross(b!, a!, 1)]);
  expect(runs).toBe(3);
  const rows = await database.query<{ version: number }>(
    'SELECT version FROM clusters WHERE id = ANY($1::uuid[])',
    [[a, b]],
  );
  expect(rows.map(({ version }) => version)).toEqual([3, 3]);
});

test('an observation that fails leaves nothing and gives its connection back', async () => {
  const observations = new Observations(database, hints);
  for (let at = 0; at < 15; at++) {
    await expect(observations.write((tx) => tx.sql('SELECT 1 / 0'))).rejects.toThrow('division by zero');
  }
  expect(await observations.write((tx) => tx.sql<{ one: number }>('SELECT 1 AS one'))).toEqual([{ one: 1 }]);
});

describe('hints', () => {
  test('hints are sent after the commit, and none when it fails', async () => {
    const seen: string[] = [];
    const off = hints.on('application', (ids) => seen.push(...ids));
    const kept = randomUUID();
    await transactions.inTransaction(systemActor, async (tx) => {
      tx.hint('application', kept);
      note(tx);
    });
    const failing = transactions.inTransaction(systemActor, async (tx) => {
      tx.hint('application', 'lost');
      throw new Error('undo');
    });
    await expect(failing).rejects.toThrow('undo');
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(seen).toEqual([kept]);
    off();
  });

  test('many hints reach another replica in one notification, each id once', async () => {
    const other = new Hints({ url: testDatabase.url, logger });
    await other.start();
    const batches: string[][] = [];
    other.on('cluster', (ids) => batches.push(ids));
    const ids = Array.from({ length: 50 }, () => randomUUID());
    for (const id of [...ids, ...ids]) hints.send('cluster', [id]);
    const deadline = performance.now() + 3000;
    while (batches.length === 0 && performance.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, 10));
    expect(batches).toHaveLength(1);
    expect(batches[0]?.toSorted()).toEqual(ids.toSorted());
    await other.close();
  });

  test('a loop is woken by a hint, and runs on its own where no hint comes', async () => {
    const stopping = new AbortController();
    const runs: string[][] = [];
    const ended = runLoop({
      name: 'test',
      intervalMs: 300,
      signal: stopping.signal,
      logger,
      hints: { source: hints, kinds: ['rollout'] },
      run: (hinted) => Promise.resolve(void runs.push(hinted)),
    });
    hints.send('rollout', ['r1']);
    const deadline = performance.now() + 5000;
    while (runs.length < 4 && performance.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, 10));
    stopping.abort();
    await ended;
    expect(runs.length).toBeGreaterThanOrEqual(4);
    expect(runs.flat()).toEqual(['r1']);
  });
});
