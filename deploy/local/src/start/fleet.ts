/**
 * Everything of a local fleet, started in order and stopped in the opposite one: Postgres, Git server and clusters side by
 * side, the hub, the sample's objects, an agent on each cluster.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Hub } from '../fleet/hub.ts';
import { startGitServer, type GitAccount, type GitServer } from '../git-server.ts';
import { allocatePort } from '../ports.ts';
import { startPostgres, type Postgres } from '../postgres.ts';
import { startAgents, type AgentProgram } from './agents.ts';
import { openConfigRepository, type ConfigRepository } from './configRepository.ts';
import type { EngineName, PreparedEngine } from './engine.ts';
import type { FleetCluster, StartedEngine } from './fleetCluster.ts';
import { FleetHub } from './fleetHub.ts';
import { ensureApplications, ensureRepository, sendWebhook } from './hubObjects.ts';
import { step } from './say.ts';
import { newSecret, type KeptState, type StateDir } from './state.ts';

export interface Fleet extends AsyncDisposable {
  engine: { name: EngineName; description: string };
  hub: () => Hub;
  /** Starts a hub that has ended again, where it was. */
  restartHub: () => Promise<void>;
  clusters: FleetCluster[];
  /** The programs that run the agents, and whose. */
  agents: AgentProgram[];
  config: ConfigRepository;
  hubLog: string;
}

export class PortTakenError extends Error {
  override readonly name = 'PortTakenError';
}

const NAMED_MAX = 6;
const GIT_USER = 'fleet';
/** The server is this fleet's alone, so its first database will do. */
const DATABASE = 'postgres';

export async function startFleet(state: StateDir, engine: PreparedEngine, shape: string): Promise<Fleet> {
  await using stack = new AsyncDisposableStack();
  const kept = state.kept ?? (await newState(shape));
  const account = { username: GIT_USER, password: kept.gitPassword };
  let hub: FleetHub | undefined;
  const onPush = () => {
    if (hub?.newest !== undefined) sendWebhook(hub.newest, kept.webhookSecret).catch(() => {});
  };
  const [postgres, git, clusters] = await startServers(
    stack,
    { dir: state.dir, kept, account },
    engine,
    onPush,
  );
  requireSamePort('Git server', git.port, kept.ports.git, state);
  await state.keep({
    ...kept,
    ports: { ...kept.ports, postgres: postgres.port, git: git.port, clusters: clusters.ports },
  });
  const config = await openConfigRepository(git, account, state.dir);
  hub = hubOf(state.dir, kept, postgres, git);
  const first = await startFirst(stack, hub);
  await step('repository and applications', async () => {
    await ensureRepository(first.client, config.url, account, kept.webhookSecret);
    await ensureApplications(first.client, clusters.clusters);
  });
  const agents = await step(`agents on ${namesOf(clusters.clusters)}`, () =>
    startAgents(stack, first, clusters.clusters, join(state.dir, 'agents')),
  );
  const owned = stack.move();
  const { name, description } = engine;
  return {
    engine: { name, description },
    hub: () => hub.newest ?? first,
    restartHub: async () => void (await hub.start()),
    clusters: clusters.clusters,
    agents,
    config,
    hubLog: hubLogOf(state.dir),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function hubLogOf(dir: string): string {
  return join(dir, 'hub', 'hub.log');
}

function hubOf(dir: string, { ports }: KeptState, postgres: Postgres, git: GitServer): FleetHub {
  return new FleetHub({
    dir: join(dir, 'hub'),
    databaseUrl: postgres.url(DATABASE),
    httpPort: ports.http,
    grpcPort: ports.grpc,
    env: { HUB_SOURCES_ALLOW: `127.0.0.1:${git.port}` },
    logFile: hubLogOf(dir),
  });
}

function startFirst(stack: AsyncDisposableStack, hub: FleetHub): Promise<Hub> {
  return step('hub', async () => {
    await hub.migrate();
    const first = await hub.start();
    stack.defer(() => hub.stop());
    return first;
  });
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
    ports: { postgres, git, http, grpc, clusters: {} },
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
  const clusters = step(`clusters: ${engine.description}`, async () => {
    const started = await engine.start(dir, kept.ports.clusters);
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

function namesOf(clusters: readonly FleetCluster[]): string {
  const names = clusters.map(({ name }) => name);
  return names.length <= NAMED_MAX ? names.join(', ') : `${names.length} clusters`;
}
