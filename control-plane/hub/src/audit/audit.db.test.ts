/** The chain: gapless under any number of sealers, and whatever is done to it shows. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { randomBytes, randomUUID } from 'node:crypto';
import { Envelope } from '../platform/envelope.ts';
import { Hints } from '../platform/hints.ts';
import { Loggers } from '../platform/logger.ts';
import { Observations } from '../platform/observations.ts';
import { Database } from '../platform/prisma.ts';
import { createTestDatabase, type TestDatabase } from '../platform/testDatabase.fixture.ts';
import { systemActor, Transactions } from '../platform/transaction.ts';
import { takeSealLock } from './audit.store.ts';
import { listAudit } from './list.ts';
import { checkpointOnce } from './checkpoint.ts';
import { sealOnce } from './seal.ts';
import { verifyAudit } from './verify.ts';

let test_: TestDatabase;
let database: Database;
let hints: Hints;
let observations: Observations;
let transactions: Transactions;
const envelope = new Envelope(new Map([[1, randomBytes(32)]]));

beforeAll(async () => {
  test_ = await createTestDatabase();
  database = new Database(test_.url, 10);
  hints = new Hints({ url: test_.url, logger: new Loggers('silent').for('test') });
  observations = new Observations(database, hints);
  transactions = new Transactions(database, hints);
  await database.query(`INSERT INTO hub (trust_domain) VALUES ('flotilla')`);
});
afterAll(async () => {
  await hints.close();
  await database.close();
  await test_[Symbol.asyncDispose]();
});

/** Whoever owns the tables can switch the triggers off: that is what the chain is for. */
async function tamper(statement: string): Promise<void> {
  const tables = ['audit_events', 'audit_seals', 'audit_checkpoints'];
  for (const table of tables) await database.query(`ALTER TABLE ${table} DISABLE TRIGGER ALL`);
  await database.query(statement);
  for (const table of tables) await database.query(`ALTER TABLE ${table} ENABLE TRIGGER ALL`);
}

async function record(count: number): Promise<void> {
  await transactions.inTransaction(systemActor, async (tx) => {
    for (let at = 0; at < count; at++) {
      tx.audit({
        action: 'test.do',
        resource: { kind: 'test', id: randomUUID(), name: `n${at}` },
        after: { at },
      });
    }
  });
}

async function sealAll(): Promise<void> {
  while ((await sealOnce(observations, true)) && (await verifyAudit(database, envelope)).unsealed > 0);
}

beforeEach(async () => {
  await tamper('DELETE FROM audit_seals');
  await tamper('DELETE FROM audit_checkpoints');
  await tamper('DELETE FROM audit_events');
});

test('sealers that run at once leave no gap and seal nothing twice', async () => {
  await Promise.all(
    Array.from({ length: 20 }, async () => {
      await record(5);
      await Promise.all([sealOnce(observations, false), sealOnce(observations, false)]);
    }),
  );
  await sealAll();
  const rows = await database.query<{ seq: bigint }>('SELECT seq FROM audit_seals ORDER BY seq');
  expect(rows.map(({ seq }) => Number(seq))).toEqual(Array.from({ length: 100 }, (_, at) => at + 1));
  expect(await verifyAudit(database, envelope)).toMatchObject({ result: 'Good', checked: 100, unsealed: 0 });
});

test('what is not sealed yet is said, and is no tampering', async () => {
  await record(3);
  await sealAll();
  await record(2);
  expect(await verifyAudit(database, envelope)).toMatchObject({
    result: 'Incomplete',
    checked: 3,
    unsealed: 2,
  });
});

test('rows cannot be changed, deleted or truncated', async () => {
  await record(1);
  for (const statement of [
    `UPDATE audit_events SET action = 'x'`,
    'DELETE FROM audit_events',
    'TRUNCATE audit_events CASCADE',
    'DELETE FROM audit_seals',
  ]) {
    await expect(database.query(statement)).rejects.toThrow(/append-only/);
  }
});

describe('tampering is found', () => {
  const cases: [string, string, number][] = [
    [
      'an edited event',
      `UPDATE audit_events SET action = 'x' WHERE id = (SELECT event_id FROM audit_seals WHERE seq = 4)`,
      4,
    ],
    [
      'a deleted event',
      `DELETE FROM audit_events WHERE id = (SELECT event_id FROM audit_seals WHERE seq = 5)`,
      5,
    ],
    ['a deleted seal', `DELETE FROM audit_seals WHERE seq = 6`, 6],
    [
      'two swapped events',
      `UPDATE audit_seals SET event_id = CASE seq WHEN 2 THEN (SELECT event_id FROM audit_seals WHERE seq = 3)
         ELSE (SELECT event_id FROM audit_seals WHERE seq = 2) END WHERE seq IN (2, 3)`,
      2,
    ],
    ['a cut tail', `DELETE FROM audit_seals WHERE seq > 7`, 8],
    ['a forged checkpoint', `UPDATE audit_checkpoints SET hash = repeat('0', 64)`, 10],
  ];

  test.each(cases)('%s', async (_what, statement, seq) => {
    await record(10);
    await sealAll();
    await checkpointOnce(observations, envelope);
    // Two places may swap only where the unique index is out of the way.
    await database.query('DROP INDEX IF EXISTS audit_seals_event_id_key');
    await tamper(statement);
    expect(await verifyAudit(database, envelope)).toMatchObject({ result: 'Tampered', firstBadSeq: seq });
    await tamper('DELETE FROM audit_seals');
    await database.query('CREATE UNIQUE INDEX audit_seals_event_id_key ON audit_seals (event_id)');
  });
});

async function someoneWaits(): Promise<void> {
  const waiting = `SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;
  while ((await database.query(waiting)).length === 0)
    await new Promise((resolve) => setTimeout(resolve, 10));
}

test('a checkpoint waits for whoever seals instead of a minute', async () => {
  await record(1);
  await sealAll();
  const { promise: isSealed, resolve: endSealing } = Promise.withResolvers<void>();
  const { promise: isSealing, resolve: begin } = Promise.withResolvers<void>();
  const sealing = observations.write(async (tx) => {
    await takeSealLock(tx);
    begin();
    await isSealed;
  });
  await isSealing;
  const checkpoint = checkpointOnce(observations, envelope);
  await Promise.race([checkpoint, someoneWaits()]);
  endSealing();
  await sealing;
  expect(await checkpoint).not.toBeNull();
});

test('a list is paged by keyset, newest first, and filtered', async () => {
  await record(7);
  await transactions.inTransaction(systemActor, async (tx) => {
    tx.audit({ action: 'other.do', resource: { kind: 'other', id: 'x', name: 'x' } });
  });
  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await listAudit(database, { limit: 3, cursor, action: 'test.do' });
    seen.push(...page.items.map(({ id }) => id));
    cursor = page.next ?? undefined;
  } while (cursor);
  expect(new Set(seen).size).toBe(7);
  expect((await listAudit(database, { limit: 10, resourceKind: 'other' })).items).toHaveLength(1);
});

test('secrets appear in no event', async () => {
  await transactions.inTransaction(systemActor, async (tx) => {
    tx.audit({
      action: 'repository.update',
      resource: { kind: 'repository', id: 'r', name: 'r' },
      before: { credential: { password: 'canary-old' } },
      after: { credential: { password: 'canary-new' } },
    });
  });
  const [row] = await database.query<{ text: string }>('SELECT changes::text AS text FROM audit_events');
  expect(row?.text).not.toContain('canary');
});
