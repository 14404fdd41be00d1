/** Real API servers on this machine, which find their own ports again. */
import { join } from 'node:path';
import { startLab } from '../kubelab/lab.ts';
import { planClusters } from './clusterNames.ts';
import type { FleetCluster, StartedEngine } from './fleetCluster.ts';
import { ensureNamespaceByApi, hasSecretByApi } from './clusterObjects.ts';

export async function startKubelab(binDir: string, dir: string, count: number): Promise<StartedEngine> {
  const plans = planClusters(count);
  const lab = await startLab({
    binDir,
    dir: join(dir, 'kubelab'),
    clusters: plans.map(({ name }) => ({ name, controllers: true })),
  });
  const clusters = plans.flatMap(({ name, environment, region }): FleetCluster[] => {
    const cluster = lab.clusters.find((candidate) => candidate.name === name);
    if (cluster === undefined) return [];
    const { kubeconfig, api } = cluster;
    return [
      {
        name,
        environment,
        labels: { environment, region },
        kubeconfig,
        ensureNamespace: (namespace) => ensureNamespaceByApi(api, namespace),
        hasSecret: (namespace, secret) => hasSecretByApi(api, namespace, secret),
      },
    ];
  });
  return { clusters, ports: {}, programs: [], stop: () => lab.stop() };
}
