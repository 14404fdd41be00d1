/**
 * A whole Flotilla for one test file: a hub on a database of its own, a Git server with one repository, and agents as
 * programs on leased real clusters. Everything has the file's suffix, so that nothing needs to be cleaned up.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Target } from '@flotilla/client/types';
import { startAgent, type Agent } from '@flotilla/local/fleet/agent';
import { startHub, type Hub, type HubOptions } from '@flotilla/local/fleet/hub';
import type { GitRepository } from '@flotilla/local/git/repository';
import { leaseClusters, type LeasedCluster } from './cluster.ts';
import { eventually } from './eventually.ts';
import { startTestGitServer, type TestGitServer } from './gitServer.ts';
import { testDatabase, type TestDatabase } from './postgres.ts';
import { currentRun } from './run.ts';

export interface FleetOptions {
  clusters?: number;
  hubEnv?: HubOptions['env'];
  /** Of the repository `config`: 5 s where left out. */
  pollIntervalMs?: number;
  webhookSecret?: string;
  /** Another than a copy of the run's template; the fleet disposes of it. */
  database?: TestDatabase;
  /** Puts a proxy of the test's between each agent and its API server. */
  kubeconfigOf?: (cluster: LeasedCluster) => Promise<string>;
}

export interface ApplicationOptions {
  name?: string;
  path?: string;
  branch?: string;
  /** Merged over the defaults: automated, prune and self-heal on. */
  syncPolicy?: Record<string, unknown>;
  spec?: Record<string, unknown>;
}

/** Bounds of the design, three times over. */
const enrolledTimeoutMs = 60_000;
const settledTimeoutMs = 90_000;

export class Fleet implements AsyncDisposable {
  readonly dir: string;
  readonly database: TestDatabase;
  readonly git: TestGitServer;
  readonly repository: GitRepository;
  readonly clusters: LeasedCluster[];
  readonly agents = new Map<string, Agent>();
  readonly suffix: string;
  hub: Hub;
  readonly #hubEnv: HubOptions['env'];
  readonly #kubeconfigOf: (cluster: LeasedCluster) => Promise<string>;
  readonly #kubeconfigs = new Map<string, string>();
  readonly #stack: AsyncDisposableStack;

  private constructor(
    parts: Pick<Fleet, 'dir' | 'database' | 'git' | 'repository' | 'clusters' | 'hub'>,
    options: FleetOptions,
    stack: AsyncDisposableStack,
  ) {
    this.dir = parts.dir;
    this.database = parts.database;
    this.git = parts.git;
    this.repository = parts.repository;
    this.clusters = parts.clusters;
    this.hub = parts.hub;
    this.suffix = parts.clusters[0]?.suffix ?? 'none';
    this.#hubEnv = options.hubEnv ?? {};
    this.#kubeconfigOf = options.kubeconfigOf ?? ((cluster) => Promise.resolve(cluster.kubeconfig));
    this.#stack = stack;
  }

  /** A hub with a repository `config`, and an enrolled agent on each leased cluster. */
  static async start(options: FleetOptions = {}): Promise<Fleet> {
    await using stack = new AsyncDisposableStack();
    const dir = await mkdtemp(join(currentRun().dir, 'fleet-'));
    stack.defer(() => rm(dir, { recursive: true, force: true }));
    const database = stack.use(options.database ?? (await testDatabase()));
    const git = stack.use(await startTestGitServer());
    const repository = await git.server.createRepository('config');
    const clusters = await leaseClusters(options.clusters ?? 1);
    for (const cluster of clusters) stack.use(cluster);
    const hub = await startHub({
      dir: join(dir, 'hub'),
      databaseUrl: database.url,
      env: options.hubEnv ?? {},
    });
    const fleet = new Fleet({ dir, database, git, repository, clusters, hub }, options, stack.move());
    await fleet.#begin(options).catch(async (error: unknown) => {
      await fleet[Symbol.asyncDispose]();
      throw error;
    });
    return fleet;
  }

  async #begin({ pollIntervalMs = 5000, webhookSecret }: FleetOptions): Promise<void> {
    await this.hub.client.repositories.create({
      name: 'config',
      url: this.git.server.urlOf('config'),
      pollIntervalMs,
      ...(webhookSecret === undefined ? {} : { webhookSecret }),
    });
    for (const cluster of this.clusters) await this.enrol(cluster);
  }

  nameOf(cluster: LeasedCluster): string {
    return cluster.named(cluster.name);
  }

  /** Starts an agent by a one-use token and waits until the hub sees it connected. */
  async enrol(cluster: LeasedCluster): Promise<void> {
    const name = this.nameOf(cluster);
    const { token } = await this.hub.client.registrationTokens.create({
      clusterName: name,
      labels: { env: 'test' },
    });
    await cluster.api.call('/api/v1/namespaces', {
      method: 'POST',
      body: { metadata: { name: cluster.agentNamespace } },
    });
    await this.startAgent(cluster, token);
    await this.connected(cluster);
  }

  /** `pod` names another pod of it, with a volume of its own. */
  async startAgent(cluster: LeasedCluster, token?: string, pod = ''): Promise<Agent> {
    const name = this.nameOf(cluster);
    const kubeconfig = this.#kubeconfigs.get(name) ?? (await this.#kubeconfigOf(cluster));
    this.#kubeconfigs.set(name, kubeconfig);
    const agent = await startAgent({
      name,
      dir: join(this.dir, name + pod),
      hubUrl: this.hub.url,
      caSha256: this.hub.caSha256,
      kubeconfig,
      namespace: cluster.agentNamespace,
      ...(token === undefined ? {} : { token }),
    });
    this.agents.set(name, agent);
    return agent;
  }

  /** Where an agent keeps its snapshot and bundles. */
  dataDirOf(cluster: LeasedCluster): string {
    return join(this.dir, this.nameOf(cluster), 'data');
  }

  agentOf(cluster: LeasedCluster): Agent {
    const agent = this.agents.get(this.nameOf(cluster));
    if (!agent) throw new Error(`no agent runs on ${this.nameOf(cluster)}`);
    return agent;
  }

  /** On the addresses that agents know. */
  async startHub(): Promise<void> {
    const [, httpPort] = this.hub.http.split(':');
    const [, grpcPort] = this.hub.grpc.split(':');
    this.hub = await startHub({
      dir: join(this.dir, 'hub'),
      databaseUrl: this.database.url,
      httpPort: Number(httpPort),
      grpcPort: Number(grpcPort),
      env: this.#hubEnv ?? {},
    });
  }

  async connected(cluster: LeasedCluster): Promise<void> {
    const name = this.nameOf(cluster);
    await eventually(
      `${name} is connected`,
      async () => {
        const seen = await this.hub.client.clusters.get(name);
        return seen.connection === 'Connected' ? seen : ([false, seen] as const);
      },
      { timeoutMs: enrolledTimeoutMs },
    );
  }

  /** `web` on every cluster, from `path` of the repository, into a namespace of this file. */
  async createApplication(options: ApplicationOptions = {}): Promise<string> {
    const name = options.name ?? 'web';
    await this.hub.client.applications.create({
      name,
      spec: {
        sources: [
          {
            repository: 'config',
            ref: { branch: options.branch ?? 'main' },
            path: options.path ?? name,
            directory: { recurse: true },
          },
        ],
        placement: { clusters: { selector: { matchLabels: { env: 'test' } } } },
        destination: { namespace: this.namespaceOf(name) },
        syncPolicy: {
          automated: true,
          prune: true,
          selfHeal: true,
          syncOptions: { createNamespace: true },
          ...options.syncPolicy,
        },
        ...options.spec,
      },
    });
    return name;
  }

  namespaceOf(application: string): string {
    return `${application}-${this.suffix}`;
  }

  /** Commits to the repository and asks the hub to look; the commit's hash. */
  async push(files: Record<string, string | null>, message?: string): Promise<string> {
    const commit = await this.repository.commit({ files, ...(message === undefined ? {} : { message }) });
    await this.hub.client.repositories.refresh('config');
    return commit;
  }

  async targetsOf(application: string): Promise<Target[]> {
    return Array.fromAsync(this.hub.client.applications.targets(application));
  }

  /** Waits until every cluster is Synced and Healthy at the revision of this commit, as the hub shows it. */
  settled(application: string, commit: string): Promise<Target[]> {
    return this.#settled('everywhere', application, commit, (targets) =>
      targets.length === this.clusters.length ? targets : null,
    );
  }

  /** As `settled`, for one cluster. */
  async settledOn(cluster: LeasedCluster, application: string, commit: string): Promise<void> {
    const name = this.nameOf(cluster);
    await this.#settled(`on ${name}`, application, commit, (targets) => {
      const own = targets.filter((target) => target.cluster === name);
      return own.length === 1 ? own : null;
    });
  }

  #settled(
    where: string,
    application: string,
    commit: string,
    choose: (targets: Target[]) => Target[] | null,
  ): Promise<Target[]> {
    return eventually(
      `${application} is Synced and Healthy ${where} at ${commit.slice(0, 8)}`,
      async () => {
        const app = await this.hub.client.applications.get(application);
        const targets = await this.targetsOf(application);
        const chosen = choose(targets);
        const isThere = (target: Target) =>
          target.live &&
          target.sync === 'Synced' &&
          target.health === 'Healthy' &&
          target.observedRevision === app.revision?.number &&
          target.observedAssignment === target.assignment;
        const done = app.revision?.commit === commit && chosen?.every(isThere) === true;
        const seen = { revision: app.revision, conditions: app.conditions, rollout: app.rollout, targets };
        return done ? chosen : ([false, seen] as const);
      },
      { timeoutMs: settledTimeoutMs },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const agent of this.agents.values()) await agent.stop();
    await this.hub.stop();
    await this.#stack.disposeAsync();
  }
}
