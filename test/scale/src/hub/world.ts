/**
 * A hub with a Postgres and a Git server of its own, as programs, with a probe in the hub. Postgres keeps its promises (it
 * syncs), as it would for real; commit times are tracked, so that delays can be measured by rows.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL, fileURLToPath } from 'node:url';
import type { NewApplication } from '@flotilla/client/client';
import { migrateHub, startHub, type Hub } from '@flotilla/local/fleet/hub';
import { startGitServer } from '@flotilla/local/git-server';
import type { GitRepository } from '@flotilla/local/git/repository';
import { startPostgres } from '@flotilla/local/postgres';
import { root } from '@flotilla/testkit/root';
import pg from 'pg';
import { probeAt, type Probe } from '../probe/read.ts';

export interface World extends AsyncDisposable {
  dir: string;
  hub(): Hub;
  probe: Probe;
  pool: pg.Pool;
  databaseUrl: string;
  repository: GitRepository;
  repositoryUrl: string;
  /** PEM of the hub's CA. */
  caPem: string;
  query<T>(text: string, params?: unknown[]): Promise<T[]>;
  /** Stops the hub without a goodbye and starts it where it was. */
  restartHub(): Promise<void>;
  /** An application of one config map on the clusters with these labels, all at once. */
  createApplication(name: string, labels: Record<string, string>): Promise<void>;
  /** A file with a token for that many agents. */
  enrolmentToken(uses: number, labels: Record<string, string>): Promise<string>;
}

const probeFile = fileURLToPath(new URL('../probe/probe.ts', import.meta.url));
const scratch = path.join(root, '.flotilla/bench');

export interface WorldOptions {
  /** Of the hub, as in HUB_ROLES; all where left out. */
  roles?: string;
}

export async function startWorld(options: WorldOptions = {}): Promise<World> {
  await using stack = new AsyncDisposableStack();
  await mkdir(scratch, { recursive: true });
  const dir = await mkdtemp(path.join(scratch, 'run-'));
  stack.defer(() => rm(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 }));
  const databaseUrl = await startDatabase(dir, stack);
  await migrateHub(databaseUrl);
  const git = await startGitServer({ dir: path.join(dir, 'git') });
  stack.defer(() => git.stop());
  const repository = await git.createRepository('config');
  await repository.commit({ files: { 'app/settings.yaml': settings('0') } });
  const hub = await startProbedHub(dir, databaseUrl, options);
  await hub.client.repositories.create({
    name: 'config',
    url: git.urlOf('config'),
    pollIntervalMs: 3_600_000,
  });
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 4 });
  pool.on('error', () => undefined);
  return worldOf(
    { dir, databaseUrl, repository, repositoryUrl: git.urlOf('config'), pool },
    hub,
    stack.move(),
  );
}

async function worldOf(
  parts: Pick<World, 'dir' | 'databaseUrl' | 'repository' | 'repositoryUrl' | 'pool'>,
  started: Hub,
  stack: AsyncDisposableStack,
): Promise<World> {
  let hub = started;
  const { dir, databaseUrl, pool } = parts;
  return {
    ...parts,
    hub: () => hub,
    probe: probeAt(socketOf(dir)),
    caPem: await readFile(hub.caFile, 'utf8'),
    query: async <T>(text: string, params: unknown[] = []) => (await pool.query(text, params)).rows as T[],
    restartHub: async () => {
      const ports = { httpPort: portOf(hub.http), grpcPort: portOf(hub.grpc) };
      await hub.crash();
      hub = await startProbedHub(dir, databaseUrl, ports);
    },
    createApplication: async (name, labels) => {
      await hub.client.applications.create({ name, spec: specOf(labels) });
    },
    enrolmentToken: async (uses, labels) => {
      const { token } = await hub.client.registrationTokens.create({ maxUses: uses, labels });
      const file = path.join(dir, `token-${String(performance.now())}`);
      await writeFile(file, token, { mode: 0o600 });
      return file;
    },
    [Symbol.asyncDispose]: async () => {
      await pool.end();
      await hub.program.stop({ signal: 'SIGKILL' });
      await stack.disposeAsync();
    },
  };
}

async function startDatabase(dir: string, stack: AsyncDisposableStack): Promise<string> {
  const options = { dir: path.join(dir, 'postgres'), connectionsMax: 100 };
  const first = await startPostgres(options);
  const admin = new pg.Client({ connectionString: first.url('postgres') });
  await admin.connect();
  await admin.query('CREATE DATABASE flotilla');
  await admin.query('ALTER SYSTEM SET track_commit_timestamp = on');
  await admin.end();
  await first.stop();
  const postgres = await startPostgres({ ...options, port: first.port });
  stack.defer(() => postgres.crash());
  return postgres.url('flotilla');
}

function startProbedHub(
  dir: string,
  databaseUrl: string,
  { roles, ...ports }: WorldOptions & { httpPort?: number; grpcPort?: number },
): Promise<Hub> {
  return startHub({
    dir: path.join(dir, 'hub'),
    databaseUrl,
    logFile: path.join(dir, 'hub.log'),
    ...ports,
    env: {
      NODE_OPTIONS: `--expose-gc --import=${pathToFileURL(probeFile).href}`,
      FLOTILLA_PROBE_SOCKET: socketOf(dir),
      HUB_LOG_LEVEL: 'warn',
      HUB_ROLES: roles,
    },
  });
}

/** Short: a socket's path has a limit of some hundred bytes. */
function socketOf(dir: string): string {
  return path.join('/tmp', `flotilla-${path.basename(dir)}.sock`);
}

function portOf(address: string): number {
  return Number(address.split(':').at(-1));
}

export function settings(value: string): string {
  return `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\ndata:\n  value: "${value}"\n`;
}

export function specOf(matchLabels: Record<string, string>): NewApplication['spec'] {
  return {
    sources: [{ repository: 'config', ref: { branch: 'main' }, path: 'app' }],
    placement: { clusters: { selector: { matchLabels } } },
    destination: { namespace: 'bench' },
    syncPolicy: { automated: true, prune: true, selfHeal: true, syncOptions: { createNamespace: true } },
  };
}
