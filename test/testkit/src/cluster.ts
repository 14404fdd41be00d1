/**
 * API servers for a test file, of the engine that the run is on. One is leased to one file at a time, and each lease has an own agent namespace and
 * suffix, so that files need not clean up after themselves: what an earlier one left has other names.
 */
import { randomBytes } from 'node:crypto';
import { dirname, join } from 'node:path';
import { ApiConnection } from '@flotilla/local/kubelab/api';
import { readKubeconfig, writeKubeconfig } from '@flotilla/local/kubelab/kubeconfig';
import { ApiProxy } from './apiProxy.ts';
import { AuditLog, type AuditedRequest, type RequestFilter } from './audit.ts';
import { acquireLeases, releaseLease } from './lease.ts';
import { currentEngine, currentRun, type RunCluster } from './run.ts';

export interface LeasedCluster extends AsyncDisposable {
  name: string;
  url: string;
  kubeconfig: string;
  /** Of this lease alone; made by whoever needs it. */
  agentNamespace: string;
  suffix: string;
  /** `base-suffix`: for every namespace, CRD and cluster-scoped object of the file. */
  named: (base: string) => string;
  api: ApiConnection;
  audit: AuditLog;
  /** Requests since the lease began; see `AuditLog.requests`. */
  requests: (filter?: RequestFilter) => Promise<AuditedRequest[]>;
  /** A proxy in front of this API server, and a kubeconfig that goes through it. */
  proxied: () => Promise<{ proxy: ApiProxy; kubeconfig: string }>;
}

export class NoClusterError extends Error {
  override readonly name = 'NoClusterError';
}

/** All at once or none, so that two files never wait for each other. */
export async function leaseClusters(count = 1): Promise<LeasedCluster[]> {
  const run = currentRun();
  const { dir } = run;
  const engine = currentEngine();
  const clusters = run.clusters.filter((cluster) => cluster.engine === engine);
  if (clusters.length < count) {
    const has = `${clusters.length} of engine ${engine}`;
    throw new NoClusterError(`the test asks for ${count} clusters and this run has ${has}`);
  }
  const leased = await acquireLeases(
    join(dir, 'leases'),
    clusters.map(({ name }) => name),
    count,
  );
  return Promise.all(
    clusters.filter(({ name }) => leased.includes(name)).map((cluster) => openLease(cluster, dir)),
  );
}

export async function leaseCluster(): Promise<LeasedCluster> {
  const [cluster] = await leaseClusters(1);
  if (cluster === undefined) throw new NoClusterError('no cluster was leased');
  return cluster;
}

async function openLease({ name, kubeconfig, auditLog }: RunCluster, runDir: string): Promise<LeasedCluster> {
  const access = await readKubeconfig(kubeconfig);
  const api = new ApiConnection(access);
  const audit = new AuditLog(auditLog, api);
  await audit.mark({ restart: true });
  const suffix = randomBytes(3).toString('hex');
  const proxies: ApiProxy[] = [];
  return {
    name,
    url: access.url,
    kubeconfig,
    agentNamespace: `flotilla-${suffix}`,
    suffix,
    named: (base) => `${base}-${suffix}`,
    api,
    audit,
    requests: (filter) => audit.requests(filter),
    proxied: async () => {
      const certificatesDir = join(dirname(kubeconfig), 'certificates');
      const proxy = await ApiProxy.start({ url: access.url, certificatesDir });
      proxies.push(proxy);
      const file = join(runDir, `${name}-${suffix}-${proxies.length}.kubeconfig`);
      await writeKubeconfig(file, name, { ...access, url: proxy.url });
      return { proxy, kubeconfig: file };
    },
    async [Symbol.asyncDispose]() {
      for (const proxy of proxies) await proxy[Symbol.asyncDispose]();
      api.close();
      await releaseLease(join(runDir, 'leases'), name);
    },
  };
}
