/** Real API servers on this machine, which find their own ports again. */
import { join } from 'node:path';
import { startLab } from '../kubelab/lab.ts';
import { planClusters } from './clusterNames.ts';
import type { FleetCluster, StartedEngine } from './fleetCluster.ts';
import { ensureNamespaceByApi } from './namespace.ts';

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
    const ensureNamespace = (namespace: string) => ensureNamespaceByApi(api, namespace);
    return [{ name, environment, labels: { environment, region }, kubeconfig, ensureNamespace }];
  });
  return { clusters, ports: {}, programs: [], emptied: [], stop: () => lab.stop() };
}
