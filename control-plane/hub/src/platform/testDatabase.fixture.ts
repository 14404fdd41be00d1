/** A database of its own, migrated, for one test file; dropped when disposed. */
import { randomBytes } from 'node:crypto';
import { env } from 'node:process';
import pg from 'pg';
import { migrate } from './migrate.ts';

export interface TestDatabase extends AsyncDisposable {
  url: string;
}

/** The server is named by the test runner; without one, the throw-away one of a developer's machine. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const server = env['FLOTILLA_TEST_POSTGRES_URL'] || 'postgresql://app@127.0.0.1:55999/postgres';
  const template = env['FLOTILLA_TEST_TEMPLATE'] || 'template1';
  const name = `flotilla_test_${randomBytes(6).toString('hex')}`;
  await onServer(server, `CREATE DATABASE ${name} TEMPLATE ${template}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  await migrate(url.href);
  return {
    url: url.href,
    [Symbol.asyncDispose]: () => onServer(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  };
}

async function onServer(server: string, statement: string): Promise<void> {
  const connection = new pg.Client({ connectionString: server });
  await connection.connect();
  try {
    await connection.query(statement);
  } finally {
    await connection.end();
  }
}
