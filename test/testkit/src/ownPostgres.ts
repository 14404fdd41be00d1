/** A Postgres server of one test file, for faults of Postgres itself; durable, unlike the one that the run shares. */
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { migrateHub } from '@flotilla/local/fleet/hub';
import { startPostgres, type Postgres } from '@flotilla/local/postgres';
import { openDatabase, type TestDatabase } from './postgres.ts';
import { currentRun } from './run.ts';

export interface OwnPostgres {
  /** Migrated. Its disposal stops the server. */
  database: TestDatabase;
  /** As by a power cut. */
  crash: () => Promise<void>;
  /** With its data, on its port. */
  restart: () => Promise<void>;
}

const databaseName = 'flotilla';

export async function startOwnPostgres(): Promise<OwnPostgres> {
  const dir = await mkdtemp(join(currentRun().dir, 'postgres-'));
  let postgres: Postgres = await startPostgres({ dir });
  const { port } = postgres;
  await using stack = new AsyncDisposableStack();
  stack.defer(() => postgres.stop());
  const maintenance = stack.use(openDatabase('postgres', postgres.url('postgres')));
  await maintenance.query(`CREATE DATABASE ${databaseName}`);
  const url = postgres.url(databaseName);
  await migrateHub(url);
  const { query } = stack.use(openDatabase(databaseName, url));
  const all = stack.move();
  return {
    database: { name: databaseName, url, query, [Symbol.asyncDispose]: () => all.disposeAsync() },
    crash: () => postgres.crash(),
    restart: async () => {
      postgres = await startPostgres({ dir, port });
    },
  };
}
