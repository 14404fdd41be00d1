/** Simulated clusters: one program for all of them, each on the port that it had. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { startSimkubeProgram } from '../fleet/simkube.ts';
import { ApiConnection, type ApiAccess } from '../kubelab/api.ts';
import type { SimkubeCluster } from '../simkube/simkube.ts';
import { planClusters } from './clusterNames.ts';
import type { FleetCluster, StartedEngine } from './fleetCluster.ts';
import { ensureNamespaceByApi, hasSecretByApi } from './clusterObjects.ts';
import { say } from './say.ts';

export async function startSimulated(
  dir: string,
  count: number,
  ports: Record<string, number>,
): Promise<StartedEngine> {
  const plans = planClusters(count);
  const named = plans.map(({ name }) => ({ name, port: ports[name] }));
  const simkube = await startSimkubeProgram({ dir: join(dir, 'simkube'), clusters: named });
  for (const note of simkube.notes) say(`  ${note}`);
  const found = new Map(simkube.clusters.map((cluster) => [cluster.name, cluster]));
  const clusters = plans.flatMap(({ name, environment, region }): FleetCluster[] => {
    const cluster = found.get(name);
    if (cluster === undefined) return [];
    const { kubeconfig } = cluster;
    return [
      {
        name,
        environment,
        labels: { environment, region },
        kubeconfig,
        ensureNamespace: (namespace) => withApi(cluster, (api) => ensureNamespaceByApi(api, namespace)),
        hasSecret: (namespace, secret) => withApi(cluster, (api) => hasSecretByApi(api, namespace, secret)),
      },
    ];
  });
  return {
    clusters,
    ports: Object.fromEntries(simkube.clusters.map(({ name, url }) => [name, Number(new URL(url).port)])),
    programs: [simkube.program],
    stop: async () => void (await simkube.program.stop({ timeoutMs: STOP_TIMEOUT_MS })),
  };
}

/** It writes a snapshot of each cluster. */
const STOP_TIMEOUT_MS = 30_000;

async function withApi<T>(cluster: SimkubeCluster, work: (api: ApiConnection) => Promise<T>): Promise<T> {
  const api = new ApiConnection(await accessOf(cluster));
  try {
    return await work(api);
  } finally {
    api.close();
  }
}

interface Kubeconfig {
  clusters: { cluster: { 'certificate-authority-data': string } }[];
  users: { user: { token: string } }[];
}

async function accessOf({ url, kubeconfig }: SimkubeCluster): Promise<ApiAccess> {
  const { clusters, users } = parse(await readFile(kubeconfig, 'utf8')) as Kubeconfig;
  const ca = Buffer.from(clusters[0]?.cluster['certificate-authority-data'] ?? '', 'base64').toString('utf8');
  return { url, ca, token: users[0]?.user.token ?? '' };
}
