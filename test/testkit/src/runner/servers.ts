/** What a test run needs beside the code: a Postgres with a migrated template, and real API servers. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import { startPostgres, type Postgres } from '@flotilla/local/postgres';
import { root } from '../root.ts';
import type { Run } from '../run.ts';
import { runTool } from './command.ts';

const template = 'flotilla_template';
/** Test files, hubs and agents of two workers, with some left over. */
const connectionsMax = 300;

export interface Servers extends AsyncDisposable {
  run: Run;
  runFile: string;
  /** Of the maintenance database. */
  postgresUrl: string;
}

async function migrateTemplate(postgres: Postgres): Promise<void> {
  const client = new pg.Client({ connectionString: postgres.url('postgres') });
  await client.connect();
  await client.query(`CREATE DATABASE ${template}`);
  await client.end();
  const env = { DATABASE_URL: postgres.url(template) };
  const migrated = await runTool('prisma/build/index.js', ['migrate', 'deploy'], { env });
  if (migrated.code !== 0) throw new Error(`migrating the template database failed:\n${migrated.output}`);
}

/** Servers of one run, under `.flotilla/test/<run>`; disposal stops them. */
export async function startServers(): Promise<Servers> {
  const id = `${new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '')}-${process.pid}`;
  const dir = path.join(root, '.flotilla/test', id);
  mkdirSync(dir, { recursive: true });
  const postgres = await startPostgres({ dir: path.join(dir, 'postgres'), fsync: false, connectionsMax });
  await migrateTemplate(postgres);
  const postgresUrl = postgres.url('postgres');
  const runFile = path.join(dir, 'run.json');
  const run: Run = { id, dir, postgresUrl, template, clusters: [] };
  writeFileSync(runFile, JSON.stringify(run));
  return { run, runFile, postgresUrl, [Symbol.asyncDispose]: () => postgres.stop() };
}
