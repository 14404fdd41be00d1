/**
 * A set of real Kubernetes clusters on this machine: one etcd, an API server for each, and controllers where asked for.
 *
 * They stop in the order that lets each end in peace: controllers, API servers, then their etcd. A folder that exists is
 * continued, on the same ports where they are free.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Program } from '../processes/program.ts';
import type { ApiConnection } from './api.ts';
import { startApiServer, type ApiServer } from './apiServer.ts';
import { startControllers } from './controllers.ts';
import { startEtcd } from './etcd.ts';

export interface LabOptions {
  /** From `ensureKubelab`. */
  binDir: string;
  /** Folder of the clusters' data, logs and kubeconfigs. */
  dir: string;
  clusters: readonly { name: string; controllers: boolean }[];
  /** False gives up durability for speed: for clusters that are thrown away. */
  fsync?: boolean;
}

export interface LabCluster {
  name: string;
  url: string;
  controllers: boolean;
  kubeconfig: string;
  /** JSON lines of audit events, see audit-policy.yaml. */
  auditLog: string;
  api: ApiConnection;
}

export interface Lab {
  clusters: LabCluster[];
  /** With `graceful: false` everything is killed: for clusters that are thrown away. */
  stop: (options?: { graceful?: boolean }) => Promise<void>;
}

const STOP_TIMEOUT_MS = 8000;

export async function startLab(options: LabOptions): Promise<Lab> {
  await mkdir(options.dir, { recursive: true, mode: 0o700 });
  const tiers: Program[][] = [[], [], []];
  const [controllers, servers, stores] = tiers as [Program[], Program[], Program[]];
  const { binDir, dir, fsync = true } = options;
  try {
    const etcd = await startEtcd({ binDir, dir: join(dir, 'etcd'), fsync });
    stores.push(etcd.program);
    const clusters = await allOrFirstFailure(
      options.clusters.map(async ({ name, controllers: live }) => {
        const server = await startCluster(options, etcd.url, name);
        servers.push(server.program);
        if (live) controllers.push(...(await startControllers(server, binDir)));
        const { access, kubeconfig, auditLog, api } = server;
        return { name, url: access.url, controllers: live, kubeconfig, auditLog, api };
      }),
    );
    return { clusters, stop: (how) => stopAll(tiers, clusters, how) };
  } catch (error) {
    await stopAll(tiers, [], { graceful: false });
    throw error;
  }
}

/** Waits for all, so that a failure finds every started program in its list. */
async function allOrFirstFailure<T>(work: Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(work);
  return Promise.all(work);
}

async function startCluster(options: LabOptions, etcdUrl: string, name: string): Promise<ApiServer> {
  const dir = join(options.dir, name);
  const portFile = join(dir, 'port');
  const port = Number(await readFile(portFile, 'utf8').catch(() => ''));
  const server = await startApiServer({
    name,
    binDir: options.binDir,
    dir,
    etcdUrl,
    ...(port > 0 ? { port } : {}),
  });
  await writeFile(portFile, String(server.port));
  return server;
}

async function stopAll(
  tiers: Program[][],
  clusters: LabCluster[],
  { graceful = true }: { graceful?: boolean } = {},
): Promise<void> {
  for (const cluster of clusters) cluster.api.close();
  const signal = graceful ? 'SIGTERM' : 'SIGKILL';
  for (const programs of tiers) {
    await Promise.all(programs.map((program) => program.stop({ signal, timeoutMs: STOP_TIMEOUT_MS })));
  }
}
