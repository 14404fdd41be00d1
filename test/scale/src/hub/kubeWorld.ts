/**
 * A hub, a real API server with controllers, and a real agent between them, with a probe in the agent. Requests are counted
 * by the API server's own audit log.
 */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Target } from '@flotilla/client/types';
import { startAgent } from '@flotilla/local/fleet/agent';
import { ensureKubelab } from '@flotilla/local/kubelab/build';
import { readKubeconfig } from '@flotilla/local/kubelab/kubeconfig';
import type { ApiAccess } from '@flotilla/local/kubelab/api';
import { startLab, type LabCluster } from '@flotilla/local/kubelab/lab';
import { AuditLog } from '@flotilla/testkit/audit';
import { eventually } from '@flotilla/testkit/eventually';
import { root } from '@flotilla/testkit/root';
import { probeAt, type Probe } from '../probe/read.ts';
import { specOf, startWorld, type World } from './world.ts';

export interface KubeWorld extends AsyncDisposable {
  world: World;
  cluster: LabCluster;
  access: ApiAccess;
  audit: AuditLog;
  /** In the agent. */
  agent: Probe;
  /** Of the namespace that applications go to. */
  namespace: string;
  createApplication(name: string, folder: string): Promise<void>;
  /** Commits and asks the hub to look; when that was, in milliseconds since 1970. */
  push(files: Record<string, string | null>): Promise<{ commit: string; atMs: number }>;
  /** Resolves with the target once the hub shows this commit applied and healthy. */
  healthy(application: string, commit: string): Promise<Target>;
  /** When what is stored of a target was committed, in milliseconds since 1970. */
  reportedAtMs(application: string): Promise<number>;
}

const agentNamespace = 'flotilla-system';
const namespace = 'bench';
const timeoutMs = 120_000;
/** As it was built: stripping types in the agent's own process would cost it 17 MB. */
const probeFile = path.join(root, 'test/scale/dist/probe/probe.js');

export async function startKubeWorld(say: (text: string) => void): Promise<KubeWorld> {
  await using stack = new AsyncDisposableStack();
  const binDir = await ensureKubelab(say);
  const world = stack.use(await startWorld());
  const clusters = [{ name: 'bench', controllers: true }];
  const lab = await startLab({ binDir, dir: path.join(world.dir, 'kubelab'), clusters });
  stack.defer(() => lab.stop({ graceful: false }));
  const [cluster] = lab.clusters;
  if (cluster === undefined) throw new Error('the lab has no cluster');
  const agent = await startProbedAgent(world, cluster, stack);
  const owned = stack.move();
  return {
    world,
    cluster,
    access: await readKubeconfig(cluster.kubeconfig),
    audit: new AuditLog(cluster.auditLog, cluster.api),
    agent,
    namespace,
    ...actionsOn(world),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function startProbedAgent(
  world: World,
  cluster: LabCluster,
  stack: AsyncDisposableStack,
): Promise<Probe> {
  for (const name of [agentNamespace, namespace])
    await cluster.api.call('/api/v1/namespaces', { method: 'POST', body: { metadata: { name } } });
  const hub = world.hub();
  const { token } = await hub.client.registrationTokens.create({
    clusterName: 'bench',
    labels: { kube: 'yes' },
  });
  const dir = path.join(world.dir, 'agent');
  await mkdir(dir);
  const socket = path.join('/tmp', `flotilla-agent-${path.basename(world.dir)}.sock`);
  const agent = await startAgent({
    name: 'bench',
    dir,
    hubUrl: hub.url,
    caSha256: hub.caSha256,
    token,
    kubeconfig: cluster.kubeconfig,
    namespace: agentNamespace,
    logFile: path.join(dir, 'agent.log'),
    env: {
      NODE_OPTIONS: `--expose-gc --import=${pathToFileURL(probeFile).href}`,
      FLOTILLA_PROBE_SOCKET: socket,
      AGENT_LOG_LEVEL: 'warn',
    },
  });
  stack.defer(async () => void (await agent.crash()));
  await eventually(
    'the agent is connected',
    async () => {
      const seen = await hub.client.clusters.get('bench');
      return seen.connection === 'Connected' ? true : ([false, seen] as const);
    },
    { timeoutMs },
  );
  return probeAt(socket);
}

function actionsOn(world: World): Pick<KubeWorld, 'createApplication' | 'push' | 'healthy' | 'reportedAtMs'> {
  const { client } = world.hub();
  return {
    createApplication: async (name, folder) => {
      const spec = specOf({ kube: 'yes' });
      const sources = [
        { repository: 'config', ref: { branch: 'main' }, path: folder, directory: { recurse: true } },
      ];
      await client.applications.create({ name, spec: { ...spec, sources } });
    },
    push: async (files) => {
      const commit = await world.repository.commit({ files });
      const atMs = performance.timeOrigin + performance.now();
      await client.repositories.refresh('config');
      return { commit, atMs };
    },
    healthy: (application, commit) =>
      eventually(
        `${application} is healthy at ${commit.slice(0, 8)}`,
        async () => {
          const app = await client.applications.get(application);
          const [target] = await Array.fromAsync(client.applications.targets(application));
          const isThere =
            target !== undefined &&
            app.revision?.commit === commit &&
            target.live &&
            target.sync === 'Synced' &&
            target.health === 'Healthy' &&
            target.observedRevision === app.revision.number &&
            target.observedAssignment === target.assignment;
          return isThere
            ? target
            : ([false, { app: app.revision, conditions: app.conditions, target }] as const);
        },
        { timeoutMs },
      ),
    reportedAtMs: async (application) => {
      const [row] = await world.query<{ ms: number }>(
        `SELECT (extract(epoch FROM pg_xact_commit_timestamp(o.xmin)) * 1000)::float8 AS ms
           FROM target_observations o JOIN applications a ON a.id = o.application_id WHERE a.name = $1`,
        [application],
      );
      return row?.ms ?? Number.NaN;
    },
  };
}

export function configMaps(folder: string, count: number, value: string): Record<string, string> {
  return Object.fromEntries(
    Array.from({ length: count }, (_, index) => [
      `${folder}/object-${index}.yaml`,
      `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${folder}-${index}\ndata:\n  value: "${value}"\n  padding: "${'x'.repeat(400)}"\n`,
    ]),
  );
}
