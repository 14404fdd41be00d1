/**
 * Everything of a local fleet, started in order and stopped in the opposite one: Postgres, Git server and clusters side by
 * side, the hub, the sample's objects, an agent on each cluster.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Hub, HubOptions } from '../fleet/hub.ts';
import { startGitServer, type GitAccount, type GitServer } from '../git-server.ts';
import { startPostgres, type Postgres } from '../postgres.ts';
import { startAgents, type AgentProgram } from './agents.ts';
import { openConfigRepository, type ConfigRepository } from './configRepository.ts';
import type { EngineName, PreparedEngine } from './engine.ts';
import type { FleetCluster, StartedEngine } from './fleetCluster.ts';
import { FleetHub } from './fleetHub.ts';
import { ensureApplications, ensureRepository, sendWebhook } from './hubObjects.ts';
import { say, step } from './say.ts';
import { portTaken, requireFreePorts } from './portsInUse.ts';
import { ProgramWatch, type EndedProgram } from './programWatch.ts';
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
  /** Calls it for every program of the fleet that ends, the hub's too, unless the fleet is stopped. */
  onProgramEnd: (listener: (ended: EndedProgram) => void) => void;
}

const NAMED_MAX = 6;
const GIT_USER = 'fleet';
/** The server is this fleet's alone, so its first database will do. */
const DATABASE = 'postgres';

export async function startFleet(state: StateDir, engine: PreparedEngine, shape: string): Promise<Fleet> {
  if (state.kept !== undefined) await requireFreePorts(state.kept);
  await using stack = new AsyncDisposableStack();
  const programs = new ProgramWatch();
  try {
    const parts = await startParts(stack, { state, engine, shape, programs });
    stack.defer(() => programs.end());
    return fleetOf(parts, stack.move());
  } catch (error) {
    const blamed = await programs.blame(error);
    programs.end();
    throw blamed;
  }
}

interface FleetStart {
  state: StateDir;
  engine: PreparedEngine;
  shape: string;
  programs: ProgramWatch;
}

type FleetParts = Omit<Fleet, 'hub' | 'restartHub' | 'onProgramEnd' | typeof Symbol.asyncDispose> & {
  fleetHub: FleetHub;
  first: Hub;
  programs: ProgramWatch;
};

async function startParts(stack: AsyncDisposableStack, start: FleetStart): Promise<FleetParts> {
  const { state, engine, shape, programs } = start;
  const kept = state.kept ?? newState(shape);
  const account = { username: GIT_USER, password: kept.gitPassword };
  let fleetHub: FleetHub | undefined;
  const onPush = () => {
    if (fleetHub?.newest !== undefined) sendWebhook(fleetHub.newest, kept.webhookSecret).catch(() => {});
  };
  const servers = { dir: state.dir, kept, account, engine, programs, onPush };
  const [postgres, git, clusters] = await startServers(stack, servers);
  if (isOther(git.port, kept.ports.git)) throw portTaken('the Git server', kept.ports.git);
  const ports = { ...kept.ports, postgres: postgres.port, git: git.port, clusters: clusters.ports };
  await state.keep({ ...kept, ports });
  const config = await openConfigRepository(git, account, state.dir);
  fleetHub = new FleetHub(hubOptions(state.dir, kept, postgres, git), programs);
  const first = await startFirst(stack, fleetHub);
  const { httpPort: http, grpcPort: grpc } = fleetHub.ports();
  await state.keep({ ...kept, ports: { ...ports, http, grpc } });
  await step('repository and applications', async () => {
    await ensureRepository(first.client, config.url, account, kept.webhookSecret);
    await ensureApplications(first.client, clusters.clusters);
  });
  const agents = await step(`agents on ${namesOf(clusters.clusters)}`, () =>
    startAgents(stack, first, clusters.clusters, join(state.dir, 'agents')),
  );
  for (const { program } of agents) programs.add('agents', program);
  const { name, description } = engine;
  return {
    engine: { name, description },
    clusters: clusters.clusters,
    agents,
    config,
    hubLog: hubLogOf(state.dir),
    fleetHub,
    first,
    programs,
  };
}

function fleetOf({ fleetHub, first, programs, ...parts }: FleetParts, owned: AsyncDisposableStack): Fleet {
  return {
    ...parts,
    hub: () => fleetHub.newest ?? first,
    restartHub: async () => void (await fleetHub.start()),
    onProgramEnd: (listener) => programs.onEnd(listener),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function hubLogOf(dir: string): string {
  return join(dir, 'hub', 'hub.log');
}

function hubOptions(dir: string, { ports }: KeptState, postgres: Postgres, git: GitServer): HubOptions {
  return {
    dir: join(dir, 'hub'),
    databaseUrl: postgres.url(DATABASE),
    httpPort: ports.http,
    grpcPort: ports.grpc,
    env: { HUB_SOURCES_ALLOW: `127.0.0.1:${git.port}` },
    logFile: hubLogOf(dir),
  };
}

function startFirst(stack: AsyncDisposableStack, hub: FleetHub): Promise<Hub> {
  return step('hub', async () => {
    await hub.migrate();
    const first = await hub.start();
    stack.defer(() => hub.stop());
    return first;
  });
}

function newState(shape: string): KeptState {
  return {
    shape,
    ports: { postgres: 0, git: 0, http: 0, grpc: 0, clusters: {} },
    gitPassword: newSecret(),
    webhookSecret: newSecret(),
  };
}

function isOther(port: number, wanted: number): boolean {
  return wanted !== 0 && port !== wanted;
}

function asked(port: number): { port?: number } {
  return port === 0 ? {} : { port };
}

interface ServersStart {
  dir: string;
  kept: KeptState;
  account: GitAccount;
  engine: PreparedEngine;
  programs: ProgramWatch;
  onPush: () => void;
}

/** All are in the stack before a failure of one is thrown: else the others would stay. */
async function startServers(
  stack: AsyncDisposableStack,
  { dir, kept, account, engine, programs, onPush }: ServersStart,
): Promise<[Postgres, GitServer, StartedEngine]> {
  const gitDir = join(dir, 'git');
  await mkdir(gitDir, { recursive: true });
  const postgres = step('Postgres', async () => {
    const server = await startPostgres({ dir: join(dir, 'postgres'), ...asked(kept.ports.postgres) });
    stack.defer(() => server.stop());
    programs.add('servers', server.program, 'Postgres');
    if (isOther(server.port, kept.ports.postgres))
      say(`  port ${kept.ports.postgres} is in use: Postgres is on ${server.port} from now on`);
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
    for (const program of started.programs) programs.add('servers', program);
    return started;
  });
  await Promise.allSettled([postgres, git, clusters]);
  return Promise.all([postgres, git, clusters]);
}

function namesOf(clusters: readonly FleetCluster[]): string {
  const names = clusters.map(({ name }) => name);
  return names.length <= NAMED_MAX ? names.join(', ') : `${names.length} clusters`;
}
