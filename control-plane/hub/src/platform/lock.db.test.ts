import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { Locks } from './lock.ts';
import { Loggers } from './logger.ts';
import { Database } from './prisma.ts';
import { createTestDatabase, type TestDatabase } from './testDatabase.fixture.ts';

let own: TestDatabase;
let here: Locks;
let there: Locks;

beforeAll(async () => {
  own = await createTestDatabase();
  const logger = new Loggers('silent').for('test');
  here = new Locks({ url: own.url, logger });
  there = new Locks({ url: own.url, logger });
});

afterAll(async () => {
  await here.close();
  await there.close();
  await own[Symbol.asyncDispose]();
});

test('a lock is held by one, in this process and in others, until the work has ended', async () => {
  const work = Promise.withResolvers<string>();
  const first = here.tryLock('a', () => work.promise);
  await here.tryLock('b', () => Promise.resolve());
  expect(await here.tryLock('a', () => Promise.resolve('again'))).toEqual({ held: false });
  expect(await there.tryLock('a', () => Promise.resolve('elsewhere'))).toEqual({ held: false });
  work.resolve('done');
  expect(await first).toEqual({ held: true, value: 'done' });
  expect(await there.tryLock('a', () => Promise.resolve('elsewhere'))).toEqual({
    held: true,
    value: 'elsewhere',
  });
});

test('work that fails gives its lock back', async () => {
  await expect(here.tryLock('a', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await there.tryLock('a', () => Promise.resolve(1))).toEqual({ held: true, value: 1 });
});

test('a lost connection loses its locks, and the next lock connects again', async () => {
  const work = Promise.withResolvers<void>();
  const first = here.tryLock('a', () => work.promise);
  await here.tryLock('b', () => Promise.resolve());
  const database = new Database(own.url, 1);
  await database.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'flotilla-hub-locks' AND datname = current_database()`,
  );
  await database.close();
  work.resolve();
  expect(await first).toEqual({ held: true, value: undefined });
  expect(
    await here
      .tryLock('a', () => Promise.resolve(2))
      .catch(() => here.tryLock('a', () => Promise.resolve(2))),
  ).toEqual({ held: true, value: 2 });
});

test('work may take longer than a process may be silent: one that lives says so', async () => {
  const logger = new Loggers('silent').for('test');
  await using stack = new AsyncDisposableStack();
  const living = new Locks({ url: own.url, logger, silentMsMax: 400 });
  stack.defer(() => living.close());
  const work = Promise.withResolvers<void>();
  const kept = living.tryLock('kept', () => work.promise);
  const silent = new pg.Client({ connectionString: own.url });
  const ended = new Promise((resolve) => silent.on('error', () => undefined).once('end', resolve));
  await silent.connect();
  await silent.query('SET idle_session_timeout = 1200');
  await ended;
  expect(await there.tryLock('kept', () => Promise.resolve())).toEqual({ held: false });
  work.resolve();
  await kept;
});
