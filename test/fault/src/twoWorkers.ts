/**
 * A hub of three processes on one database, one that people speak to and two that do the work, and clusters that exist
 * as rows: what their agents would report is written as ingest writes it, and every report hints both workers at once.
 */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { startHub, type Hub } from '@flotilla/local/fleet/hub';
import { eventually } from '@flotilla/testkit/eventually';
import { startTestGitServer } from '@flotilla/testkit/gitServer';
import { configMap } from '@flotilla/testkit/manifests';
import { testDatabase, type TestDatabase } from '@flotilla/testkit/postgres';
import { currentRun } from '@flotilla/testkit/run';
import { stopAtRow } from '@flotilla/testkit/rowStop';
import { logTransitions } from '@flotilla/testkit/transitions';

export interface TwoWorkers extends AsyncDisposable {
  database: TestDatabase;
  workers: readonly Worker[];
  clusters: number;
  waves: number;
  /** The number of the revision that it becomes. */
  push: () => Promise<number>;
  /** Its rollout has begun. */
  begun: (revision: number) => Promise<unknown>;
  completed: (revision: number) => Promise<void>;
  isCompleted: (revision: number) => Promise<boolean>;
}

export interface Worker {
  stop: () => Promise<void>;
  goOn: () => Promise<void>;
  name: string;
  isWaiting: () => Promise<boolean>;
  output: () => string;
}

export interface StoppedTick {
  worker: Worker;
  /** The other worker has come to wait for the stopped one, or has gone on without it. */
  otherHadItsTurn: () => Promise<boolean>;
  /** A step was saved since the stop. */
  movedOn: () => Promise<boolean>;
}

const clusters = 10;
const strategy = {
  maxConcurrent: 2,
  waves: [
    { name: 'canary', clusters: { names: ['c0'] } },
    { name: 'early', clusters: { names: ['c1', 'c2', 'c3', 'c4'] } },
  ],
};

export async function startTwoWorkers(): Promise<TwoWorkers> {
  await using stack = new AsyncDisposableStack();
  const dir = await mkdtemp(join(currentRun().dir, 'workers-'));
  stack.defer(() => rm(dir, { recursive: true, force: true }));
  const database = stack.use(await testDatabase());
  await logTransitions(database);
  const git = stack.use(await startTestGitServer());
  const repository = await git.server.createRepository('config');
  const start = async (name: string, role: string): Promise<Hub> => {
    const databaseUrl = `${database.url}?application_name=${name}`;
    const env = { HUB_ROLES: role, HUB_GRPC_PUBLIC_URL: 'https://127.0.0.1:1' };
    return stack.use(await startHub({ dir: join(dir, 'hub'), databaseUrl, env }));
  };
  const { client } = await start('api', 'api');
  const workers: Worker[] = [];
  for (const name of ['worker-one', 'worker-two'])
    workers.push(workerOf(name, await start(name, 'worker'), database));
  // One that is still stopped would not end when it is asked to.
  stack.defer(async () => {
    for (const worker of workers) await worker.goOn();
  });
  await insertClusters(database);
  let revision = 0;
  const push = async (): Promise<number> => {
    revision += 1;
    await repository.commit({
      files: { 'web/settings.yaml': configMap('settings', { step: String(revision) }) },
    });
    if (revision > 1) await client.repositories.refresh('config');
    return revision;
  };
  await push();
  await client.repositories.create({
    name: 'config',
    url: git.server.urlOf('config'),
    pollIntervalMs: 3_600_000,
  });
  await client.applications.create({ name: 'web', spec: applicationSpec });
  const reporting = startReporting(database);
  stack.defer(reporting.stop);
  const all = stack.move();
  return {
    database,
    workers,
    clusters,
    waves: strategy.waves.length + 1,
    push,
    begun: (number) =>
      eventually(`the rollout of revision ${number} has begun`, async () => {
        const rollouts = await database.query(
          `SELECT 1 FROM rollouts WHERE revision_number = $1 AND phase = 'Running'`,
          [number],
        );
        return rollouts.length > 0;
      }),
    completed: (number) => completed(database, number),
    isCompleted: async (number) => (await notCompleted(database, number)) === null,
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

/**
 * Stops the worker that ticks next after it has loaded the fleet's rows and before it saves: what it reads of outcomes
 * waits for a lock of the test's, which is let go once the process has stopped.
 */
export async function stopInTick(fleet: TwoWorkers): Promise<StoppedTick> {
  await using stack = new AsyncDisposableStack();
  const client = new pg.Client({ connectionString: fleet.database.url });
  await client.connect();
  stack.defer(() => client.end());
  await client.query('BEGIN');
  await client.query('LOCK TABLE rollout_targets IN ACCESS EXCLUSIVE MODE');
  const { pid, worker, other } = await workerAt(fleet, `l.relation = 'rollout_targets'::regclass`);
  await worker.stop();
  const before = await versionOf(fleet.database);
  await client.query('ROLLBACK');
  await eventually('its transaction has loaded, and is open', async () => {
    const [row] = await fleet.database.query<{ state: string }>(
      'SELECT state FROM pg_stat_activity WHERE pid = $1',
      [pid],
    );
    return row?.state === 'idle in transaction' ? true : ([false, row] as const);
  });
  const movedOn = async () => (await versionOf(fleet.database)) > before;
  return { worker, movedOn, otherHadItsTurn: async () => (await other.isWaiting()) || movedOn() };
}

/** Stops the worker that renders next, in the transaction that stores what it made. */
export async function stopInRendering(fleet: TwoWorkers): Promise<Worker> {
  const stop = await stopAtRow(fleet.database.url, { table: 'variants', event: 'INSERT', at: 'row' });
  await fleet.push();
  await stop.reached;
  const { worker } = await workerAt(fleet, `l.locktype = 'advisory'`);
  await worker.stop();
  await stop.release();
  return worker;
}

/** The first that waits for such a lock. */
async function workerAt(
  fleet: TwoWorkers,
  lock: string,
): Promise<{ pid: number; worker: Worker; other: Worker }> {
  const { pid, name } = await eventually(`a worker waits where ${lock}`, async () => {
    const [first] = await fleet.database.query<{ pid: number; name: string }>(
      `SELECT a.pid, a.application_name AS name FROM pg_locks l JOIN pg_stat_activity a USING (pid)
       WHERE ${lock} AND NOT l.granted AND a.application_name LIKE 'worker-%'`,
    );
    return first ?? ([false, 'nobody waits'] as const);
  });
  const worker = fleet.workers.find((one) => one.name === name);
  const other = fleet.workers.find((one) => one.name !== name);
  if (worker === undefined || other === undefined) throw new Error(`no worker is called ${name}`);
  return { pid, worker, other };
}

function workerOf(name: string, { program }: Hub, database: TestDatabase): Worker {
  return {
    name,
    output: program.output,
    stop: async () => {
      program.kill('SIGSTOP');
      await eventually(`${name} has stopped`, () => isStopped(program.pid));
    },
    goOn: () => Promise.resolve(program.kill('SIGCONT')),
    isWaiting: async () => {
      const waiting = await database.query(
        `SELECT 1 FROM pg_stat_activity WHERE application_name = $1 AND wait_event_type = 'Lock'`,
        [name],
      );
      return waiting.length > 0;
    },
  };
}

async function isStopped(pid: number): Promise<boolean> {
  const { stdout } = await promisify(execFile)('ps', ['-o', 'stat=', '-p', String(pid)]);
  return stdout.trim().startsWith('T');
}

async function versionOf(database: TestDatabase): Promise<number> {
  const [row] = await database.query<{ version: number }>(
    'SELECT rollout_version::int AS version FROM applications',
  );
  return row?.version ?? 0;
}

async function completed(database: TestDatabase, revision: number): Promise<void> {
  await eventually(
    `revision ${revision} is rolled out`,
    async () => {
      const rollouts = await notCompleted(database, revision);
      return rollouts === null ? true : ([false, rollouts] as const);
    },
    { timeoutMs: 90_000 },
  );
}

/** All rollouts, as far as they have come; null once the last one is of this revision and complete. */
async function notCompleted(database: TestDatabase, revision: number): Promise<object[] | null> {
  const rollouts = await database.query<{ revision: number; phase: string }>(
    `SELECT revision_number AS revision, phase, phase_reason FROM rollouts ORDER BY created_at`,
  );
  const last = rollouts.at(-1);
  return last?.revision === revision && last.phase === 'Completed' ? null : rollouts;
}

async function insertClusters(database: TestDatabase): Promise<void> {
  for (let at = 0; at < clusters; at++)
    await database.query(
      `INSERT INTO clusters (id, name, project_id, labels, state, fence, confirmed_fence, connected_at, last_seen_at)
       SELECT $1::uuid, $2, id, '{"env": "test"}', 'Active', 1, 1, now(), now() + interval '1 day' FROM projects
       WHERE name = 'default'`,
      [randomUUID(), `c${at}`],
    );
}

const applicationSpec = {
  sources: [{ repository: 'config', ref: { branch: 'main' }, path: 'web' }],
  placement: { clusters: { selector: { matchLabels: { env: 'test' } } } },
  destination: { namespace: 'web' },
  syncPolicy: { automated: true, prune: true },
  strategy,
};

const reportEveryMs = 150;

/** One target at a time does what it was assigned, so that a rollout has as many steps as it has targets. */
function startReporting(database: TestDatabase): { stop: () => Promise<void> } {
  const ending = new AbortController();
  const reporting = (async () => {
    while (!ending.signal.aborted) {
      await database.query(reportSql);
      await database.query(`SELECT pg_notify('flotilla_hints', jsonb_build_object('from', 'agents', 'kind', 'rollout',
        'ids', jsonb_agg(id))::text) FROM applications`);
      await delay(reportEveryMs, undefined, { signal: ending.signal }).catch(() => undefined);
    }
  })();
  reporting.catch(() => undefined);
  return {
    stop: async () => {
      ending.abort();
      await reporting;
    },
  };
}

const reportSql = `
  INSERT INTO target_observations (target_id, cluster_id, application_id, fence, seq, digest, assignment, revision_number,
    bundle, sync, health, state, operation_phase)
  SELECT t.id, t.cluster_id, t.application_id, 1, 1, '', t.assignment, t.revision_number, t.bundle, 'Synced', 'Healthy',
    jsonb_build_object('operation', jsonb_build_object('assignment', t.assignment, 'phase', 'Succeeded', 'message', '')),
    'Succeeded'
  FROM targets t LEFT JOIN target_observations o ON o.target_id = t.id
  WHERE t.revision_number IS NOT NULL AND o.assignment IS DISTINCT FROM t.assignment ORDER BY t.id LIMIT 1
  ON CONFLICT (target_id) DO UPDATE SET assignment = excluded.assignment, revision_number = excluded.revision_number,
    bundle = excluded.bundle, state = excluded.state, seq = target_observations.seq + 1`;
