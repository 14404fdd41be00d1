/** A database of its own for each test file, copied from the run's migrated template. */
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { currentRun } from './run.ts';

export interface TestDatabase extends AsyncDisposable {
  name: string;
  url: string;
  /** Rows of one statement, for looking at what a program wrote. */
  query: <T>(text: string, params?: unknown[]) => Promise<T[]>;
}

/** One of the run's server, which can be put back as it was. */
export interface RestorableDatabase extends TestDatabase {
  backUp: () => Promise<void>;
  /** As it was when `backUp` was called last, under the same name. Nobody may be connected who minds. */
  restore: () => Promise<void>;
}

async function administer(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

function urlOf(postgresUrl: string, database: string): string {
  const url = new URL(postgresUrl);
  url.pathname = `/${database}`;
  return url.href;
}

/** Postgres copies a template only while nobody is connected to it, and one copy at a time: wait for the other one. */
const copying = 'pg_advisory_lock(7061)';

export async function createDatabase(postgresUrl: string, name: string, template: string): Promise<string> {
  const client = new pg.Client({ connectionString: postgresUrl });
  await client.connect();
  try {
    await client.query(`SELECT ${copying}`);
    await client.query(
      `CREATE DATABASE ${client.escapeIdentifier(name)} TEMPLATE ${client.escapeIdentifier(template)}`,
    );
  } finally {
    await client.end();
  }
  return urlOf(postgresUrl, name);
}

/** Made from the template; dropped on disposal, also while programs are still connected. */
export async function testDatabase(): Promise<RestorableDatabase> {
  const run = currentRun();
  if (run.postgresUrl === null) throw new Error('this tier starts no Postgres: name the file x.db.test.ts');
  const postgresUrl = run.postgresUrl;
  const name = `test_${randomBytes(6).toString('hex')}`;
  const url = await createDatabase(postgresUrl, name, run.template);
  const { query, ...opened } = openDatabase(name, url);
  const drop = (dropped: string) =>
    administer(postgresUrl, `DROP DATABASE IF EXISTS "${dropped}" WITH (FORCE)`);
  const backup = `${name}_backup`;
  return {
    name,
    url,
    query,
    backUp: async () => {
      await drop(backup);
      await disconnect(postgresUrl, name);
      await createDatabase(postgresUrl, backup, name);
    },
    restore: async () => {
      await drop(name);
      await createDatabase(postgresUrl, name, backup);
    },
    async [Symbol.asyncDispose]() {
      await opened[Symbol.asyncDispose]();
      await drop(name);
      await drop(backup);
    },
  };
}

async function disconnect(postgresUrl: string, name: string): Promise<void> {
  await administer(
    postgresUrl,
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`,
  );
}

/** One that exists; disposal only ends its connections. */
export function openDatabase(name: string, url: string): TestDatabase {
  const pool = new pg.Pool({ connectionString: url, max: 2 });
  // A dropped database or a stopped server ends idle connections: the next query says so.
  pool.on('error', () => {});
  return {
    name,
    url,
    query: async <T>(text: string, params: unknown[] = []) => (await pool.query(text, params)).rows as T[],
    [Symbol.asyncDispose]: () => pool.end(),
  };
}
