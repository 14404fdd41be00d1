import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Caller } from '../http/principal.ts';
import { Envelope } from '../platform/envelope.ts';
import { Hints } from '../platform/hints.ts';
import { Loggers } from '../platform/logger.ts';
import { Database } from '../platform/prisma.ts';
import { createTestDatabase, type TestDatabase } from '../platform/testDatabase.fixture.ts';
import { systemActor, Transactions } from '../platform/transaction.ts';
import { ApiTokens } from './apiTokens.ts';
import { TokenAuthenticator } from './authenticate.ts';
import { bootstrapAdmin } from './bootstrap.ts';

let test: TestDatabase;
let database: Database;
let folder: string;
let transactions: Transactions;
let nowMs = 0;
const envelope = new Envelope(new Map([[1, Buffer.alloc(32, 7)]]));
const clock = { now: () => new Date(), monotonicMs: () => nowMs };

beforeAll(async () => {
  test = await createTestDatabase();
  database = new Database(test.url, 5);
  transactions = new Transactions(
    database,
    new Hints({ url: test.url, logger: new Loggers('silent').for('test') }),
  );
  folder = await mkdtemp(join(tmpdir(), 'flotilla-access-'));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
  await database.close();
  await test[Symbol.asyncDispose]();
});

const caller: Caller = {
  principal: { actor: systemActor, name: 'tester', role: 'admin', projectId: null, may: () => true },
  actor: systemActor,
  correlationId: 'test-correlation',
};

const login = (token: string) =>
  new TokenAuthenticator(database, envelope, clock).authenticate({
    authorization: `Bearer ${token}`,
    ip: '127.0.0.1',
  });

describe('the bootstrap token', () => {
  it('is made once, whoever starts at the same time, in a file only its owner reads, and is an admin', async () => {
    const file = join(folder, 'token');
    const made = await Promise.all([1, 2, 3].map(() => bootstrapAdmin({ transactions, envelope, file })));
    expect(made.filter(Boolean)).toHaveLength(1);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const principal = await login((await readFile(file, 'utf8')).trim());
    expect(principal?.role).toBe('admin');
    expect(principal?.may('cluster:revoke')).toBe(true);
  });
});

describe('an API token', () => {
  const tokens = () => new ApiTokens(database, transactions, envelope);

  it('is stored as a hash alone and never listed with its secret', async () => {
    const created = await tokens().create(caller, { name: 'ci', role: 'viewer' });
    const secret = created.token.split('_')[3] ?? '';
    const page = await tokens().list({ limit: 100 });
    const dump = JSON.stringify(page) + JSON.stringify(await database.query('SELECT * FROM audit_events'));
    expect(page.items.some((item) => item.id === created.id)).toBe(true);
    expect(dump).not.toContain(secret);
    expect((await login(created.token))?.may('cluster:update')).toBe(false);
  });

  it('counts no longer after it was revoked, as soon as the memory of it has lapsed', async () => {
    const created = await tokens().create(caller, { name: 'x', role: 'admin' });
    const authenticator = new TokenAuthenticator(database, envelope, clock);
    const attempt = () => authenticator.authenticate({ authorization: `Bearer ${created.token}`, ip: '' });
    expect(await attempt()).not.toBeNull();
    await tokens().revoke(caller, created.id);
    nowMs += 2_001;
    expect(await attempt()).toBeNull();
  });

  it('is refused alike when it is unknown, expired, of another kind, or has another secret', async () => {
    const created = await tokens().create(caller, { name: 'y', role: 'admin', expiresInMs: 60_000 });
    await database.query(`UPDATE api_tokens SET expires_at = now() - interval '1 second' WHERE id = $1`, [
      created.id,
    ]);
    for (const token of [created.token, created.token.replace('api', 'reg'), 'nonsense', '']) {
      expect(await login(token)).toBeNull();
    }
  });

  it('lists page by page', async () => {
    const all = await tokens().list({ limit: 100 });
    const first = await tokens().list({ limit: 1 });
    const rest = await tokens().list({ limit: 100, cursor: first.next ?? '' });
    expect([...first.items, ...rest.items]).toEqual(all.items);
  });
});
