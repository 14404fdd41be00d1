/**
 * Everything of a local fleet, started in order and stopped in the opposite one: Postgres, Git server and clusters side by
 * side, the hub, the sample's objects, an agent on each cluster.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { HubError, migrateHub, startHub, type Hub } from '../fleet/hub.ts';
import { startGitServer, type GitAccount, type GitServer } from '../git-server.ts';
import { allocatePort } from '../ports.ts';
import { startPostgres, type Postgres } from '../postgres.ts';
import { openConfigRepository, type ConfigRepository } from './configRepository.ts';
import type { FleetCluster, PreparedEngine, StartedEngine } from './engine.ts';
import { ensureApplications, ensureRepository, sendWebhook, startAgentOn } from './hubObjects.ts';
import { step } from './say.ts';
import { newSecret, type KeptState, type StateDir } from './state.ts';

export interface Fleet extends AsyncDisposable {
  hub: () => Hub;
  /** Starts a hub that has ended again, where it was. */
  restartHub: () => Promise<void>;
  clusters: FleetCluster[];
  config: ConfigRepository;
  hubLog: string;
}

export class PortTakenError extends Error {
  override readonly name = 'PortTakenError';
}

const GIT_USER = 'fleet';
/** The server is this fleet's alone, so its first database will do. */
const DATABASE = 'postgres';

export async function startFleet(state: StateDir, engine: PreparedEngine, shape: string): Promise<Fleet> {
  await using stack = new AsyncDisposableStack();
  const kept = state.kept ?? (await newState(shape));
  const account = { username: GIT_USER, password: kept.gitPassword };
  const start = { dir: state.dir, kept, account };
  let hub: Hub | undefined;
  const onPush = () => {
    if (hub !== undefined) sendWebhook(hub, kept.webhookSecret).catch(() => {});
  };
  const [postgres, git, clusters] = await startServers(stack, start, engine, onPush);
  requireSamePort('Git server', git.port, kept.ports.git, state);
  await state.keep({ ...kept, ports: { ...kept.ports, postgres: postgres.port, git: git.port } });
  const config = await openConfigRepository(git, account, state.dir);
  const hubLog = join(state.dir, 'hub', 'hub.log');
  const startOurHub = async () => {
    hub = await startHub({
      dir: join(state.dir, 'hub'),
      databaseUrl: postgres.url(DATABASE),
      httpPort: kept.ports.http,
      grpcPort: kept.ports.grpc,
      env: { HUB_SOURCES_ALLOW: `127.0.0.1:${git.port}` },
      logFile: hubLog,
    });
    return hub;
  };
  const first = await step('hub', async () => {
    await migrateOrExplain(postgres.url(DATABASE));
    return startOurHub();
  });
  stack.defer(async () => void (await hub?.stop()));
  await step('repository and applications', async () => {
    await ensureRepository(first.client, config.url, account, kept.webhookSecret);
    await ensureApplications(first.client, clusters.clusters);
  });
  await step(`agents on ${clusters.clusters.map(({ name }) => name).join(', ')}`, () =>
    startAgents(stack, first, clusters.clusters, join(state.dir, 'agents')),
  );
  const owned = stack.move();
  return {
    hub: () => hub ?? first,
    restartHub: async () => void (await startOurHub()),
    clusters: clusters.clusters,
    config,
    hubLog,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** While nothing is released the first migration still changes: what an older checkout left is then of no use. */
async function migrateOrExplain(databaseUrl: string): Promise<void> {
  try {
    await migrateHub(databaseUrl);
  } catch (error) {
    if (!(error instanceof HubError)) throw error;
    throw new HubError(`${error.message}. To start over: npm start -- --fresh`, { cause: error });
  }
}

async function newState(shape: string): Promise<KeptState> {
  const [postgres, git, http, grpc] = [
    await allocatePort(),
    await allocatePort(),
    await allocatePort(),
    await allocatePort(),
  ];
  return {
    shape,
    ports: { postgres, git, http, grpc },
    gitPassword: newSecret(),
    webhookSecret: newSecret(),
  };
}

interface ServersStart {
  dir: string;
  kept: KeptState;
  account: GitAccount;
}

/** All are in the stack before a failure of one is thrown: else the others would stay. */
async function startServers(
  stack: AsyncDisposableStack,
  { dir, kept, account }: ServersStart,
  engine: PreparedEngine,
  onPush: () => void,
): Promise<[Postgres, GitServer, StartedEngine]> {
  const gitDir = join(dir, 'git');
  await mkdir(gitDir, { recursive: true });
  const postgres = step('Postgres', async () => {
    const server = await startPostgres({ dir: join(dir, 'postgres'), port: kept.ports.postgres });
    stack.defer(() => server.stop());
    return server;
  });
  const git = step('Git server', async () => {
    const server = await startGitServer({ dir: gitDir, account, port: kept.ports.git, onPush });
    stack.defer(() => server.stop());
    return server;
  });
  const clusters = step('clusters', async () => {
    const started = await engine.start(join(dir, 'kubelab'));
    stack.defer(() => started.stop());
    return started;
  });
  await Promise.allSettled([postgres, git, clusters]);
  return Promise.all([postgres, git, clusters]);
}

function requireSamePort(what: string, port: number, wanted: number, state: StateDir): void {
  if (port === wanted || state.kept === undefined) return;
  throw new PortTakenError(
    `port ${wanted}, which the ${what} of this fleet had, is in use: free it, or start over with --fresh`,
  );
}

async function startAgents(
  stack: AsyncDisposableStack,
  hub: Hub,
  clusters: readonly FleetCluster[],
  dir: string,
): Promise<void> {
  const starts = clusters.map(async (cluster) => {
    const agent = await startAgentOn(hub, cluster, join(dir, cluster.name));
    stack.defer(async () => void (await agent.stop()));
  });
  await Promise.allSettled(starts);
  await Promise.all(starts);
}
