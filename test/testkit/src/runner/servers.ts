/**
 * What a test run needs beside the code: a Postgres with a migrated template, and API servers of each engine. The real
 * ones are built while other tiers run: only who needs them waits.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import { migrateHub } from '@flotilla/local/fleet/hub';
import { ensureKubelab, GoMissingError } from '@flotilla/local/kubelab/build';
import { startLab } from '@flotilla/local/kubelab/lab';
import { startPostgres, type Postgres } from '@flotilla/local/postgres';
import { root } from '../root.ts';
import { runVariable, type Engine, type Run, type RunCluster } from '../run.ts';
import { startSimClusters } from './simClusters.ts';

const template = 'flotilla_template';
/** Test files, hubs and agents of two workers, with some left over. */
const connectionsMax = 300;
const clusterNames = ['one', 'two', 'three'];

export type ClustersOutcome = { outcome: 'started' } | { outcome: 'missing'; reason: string };

export interface Servers extends AsyncDisposable {
  run: Run;
  runFile: string;
  /** Of the maintenance database. */
  postgresUrl: string;
  /** Starts the clusters of an engine, once. Without a Go to build them they are missing; other failures throw. */
  startClusters: (engine: Engine) => Promise<ClustersOutcome>;
}

async function migrateTemplate(postgres: Postgres): Promise<void> {
  const client = new pg.Client({ connectionString: postgres.url('postgres') });
  await client.connect();
  await client.query(`CREATE DATABASE ${template}`);
  await client.end();
  await migrateHub(postgres.url(template));
}

type Binaries = { outcome: 'built'; binDir: string } | { outcome: 'missing'; reason: string };

/** Never rejects before somebody asks for it. */
function buildInBackground(signal: AbortSignal): Promise<Binaries> {
  const building = ensureKubelab((message) => console.error(message), signal).then(
    (binDir): Binaries => ({ outcome: 'built', binDir }),
    (error: unknown): Binaries => {
      if (!(error instanceof GoMissingError)) throw error;
      return { outcome: 'missing', reason: error.message };
    },
  );
  building.catch(() => {});
  return building;
}

type Started =
  | { outcome: 'started'; clusters: RunCluster[]; stop: () => Promise<unknown> }
  | { outcome: 'missing'; reason: string };

async function startReal(dir: string, binaries: Promise<Binaries> | null): Promise<Started> {
  const built = await binaries;
  if (built?.outcome !== 'built') return { outcome: 'missing', reason: built?.reason ?? 'not asked for' };
  const wanted = clusterNames.map((name) => ({ name, controllers: true }));
  const lab = await startLab({
    binDir: built.binDir,
    dir: path.join(dir, 'kubelab'),
    clusters: wanted,
    fsync: false,
  });
  const clusters = lab.clusters.map(({ name, kubeconfig, auditLog }): RunCluster => ({
    name,
    engine: 'real',
    kubeconfig,
    auditLog,
  }));
  return { outcome: 'started', clusters, stop: () => lab.stop({ graceful: false }) };
}

async function startSim(dir: string): Promise<Started> {
  const names = clusterNames.map((name) => `sim-${name}`);
  const { clusters, program } = await startSimClusters(path.join(dir, 'simkube'), names);
  return { outcome: 'started', clusters, stop: () => program.stop() };
}

/** Names this run to every process that it starts, so that none can be left behind unseen. */
function openRun(): { run: Run; runFile: string } {
  const id = `${new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '')}-${process.pid}`;
  const dir = path.join(root, '.flotilla/test', id);
  mkdirSync(dir, { recursive: true });
  const runFile = path.join(dir, 'run.json');
  process.env[runVariable] = runFile;
  return { run: { id, dir, postgresUrl: null, template, clusters: [] }, runFile };
}

/** Servers of one run, under `.flotilla/test/<run>`; disposal stops them. */
export async function startServers(needs: { engines: readonly Engine[] }): Promise<Servers> {
  const { run, runFile } = openRun();
  await using started = new AsyncDisposableStack();
  const giveUp = new AbortController();
  started.defer(() => giveUp.abort());
  const binaries = needs.engines.includes('real') ? buildInBackground(giveUp.signal) : null;
  const dir = path.join(run.dir, 'postgres');
  const postgres = await startPostgres({ dir, fsync: false, connectionsMax });
  started.defer(() => postgres.stop());
  await migrateTemplate(postgres);
  const postgresUrl = postgres.url('postgres');
  run.postgresUrl = postgresUrl;
  writeFileSync(runFile, JSON.stringify(run));
  const startClusters = async (engine: Engine): Promise<ClustersOutcome> => {
    const outcome = engine === 'sim' ? await startSim(run.dir) : await startReal(run.dir, binaries);
    if (outcome.outcome === 'missing') return outcome;
    stack.defer(async () => void (await outcome.stop()));
    run.clusters = [...run.clusters, ...outcome.clusters];
    writeFileSync(runFile, JSON.stringify(run));
    return { outcome: 'started' };
  };
  const stack = started.move();
  return { run, runFile, postgresUrl, startClusters, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}
