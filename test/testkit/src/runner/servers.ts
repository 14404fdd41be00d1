/** What a test run needs beside the code: a Postgres with a migrated template, and real API servers. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import { ensureKubelab } from '@flotilla/local/kubelab/build';
import { startLab, type Lab } from '@flotilla/local/kubelab/lab';
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

const clusterNames = ['one', 'two', 'three'];

async function startClusters(dir: string): Promise<Lab> {
  const binDir = await ensureKubelab((message) => console.error(message));
  const clusters = clusterNames.map((name) => ({ name, controllers: true }));
  return startLab({ binDir, dir: path.join(dir, 'kubelab'), clusters, fsync: false });
}

/** Servers of one run, under `.flotilla/test/<run>`; disposal stops them. */
export async function startServers(needs: { clusters: boolean }): Promise<Servers> {
  const id = `${new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '')}-${process.pid}`;
  const dir = path.join(root, '.flotilla/test', id);
  mkdirSync(dir, { recursive: true });
  await using started = new AsyncDisposableStack();
  const postgres = await startPostgres({ dir: path.join(dir, 'postgres'), fsync: false, connectionsMax });
  started.defer(() => postgres.stop());
  await migrateTemplate(postgres);
  const postgresUrl = postgres.url('postgres');
  const lab = needs.clusters ? await startClusters(dir) : null;
  started.defer(async () => lab?.stop({ graceful: false }));
  const clusters = (lab?.clusters ?? []).map(({ name, kubeconfig, auditLog }) => ({
    name,
    kubeconfig,
    auditLog,
  }));
  const runFile = path.join(dir, 'run.json');
  const run: Run = { id, dir, postgresUrl, template, clusters };
  writeFileSync(runFile, JSON.stringify(run));
  const stack = started.move();
  return { run, runFile, postgresUrl, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}
