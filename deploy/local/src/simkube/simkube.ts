/**
 * Simulated Kubernetes clusters in this process, each on a port of its own. Its folder holds what makes a second start the
 * same clusters: certificates, tokens, ports and a snapshot of each. One process at a time has the folder.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { tryLock, type FileLock } from '../processes/fileLock.ts';
import { controllersOfProcess } from './controllers/controllers.ts';
import { openAuditLog } from './server/audit.ts';
import { bootstrap } from './server/bootstrap.ts';
import { readOrMakeCertificates, writeCertificates, type Certificates } from './server/certificates.ts';
import { ClusterStore } from './server/clusterStore.ts';
import type { ServedCluster } from './server/exchange.ts';
import { Faults } from './server/faults.ts';
import type { Credentials } from './server/identity.ts';
import { startListener, type Listener } from './server/listen.ts';
import { readSnapshot, writeSnapshot } from './server/snapshot.ts';
import type { Clock, StartControllers } from './server/store.ts';
import { createTicker, type Ticker } from './server/ticker.ts';

export interface SimkubeOptions {
  dir: string;
  clusters: readonly { name: string; port?: number }[];
  clock?: Clock;
  /** Writes `audit.log` for each cluster. */
  audit?: boolean;
  /** False: nothing but the API server runs, no workload progresses. */
  controllers?: boolean;
  /** Sentences for people, such as of a snapshot that was set aside. */
  say?: (message: string) => void;
}

export interface SimkubeCluster {
  name: string;
  url: string;
  kubeconfig: string;
  auditLog: string;
}

export interface Simkube {
  clusters: SimkubeCluster[];
  /** Writes the snapshots and closes the ports. */
  stop(): Promise<void>;
}

export class SimkubeError extends Error {
  override readonly name = 'SimkubeError';
}

interface Running extends SimkubeCluster {
  dir: string;
  served: ServedCluster;
}

const saveDelayMs = 2_000;

export async function startSimkube(options: SimkubeOptions): Promise<Simkube> {
  await mkdir(options.dir, { recursive: true, mode: 0o700 });
  const lock = takeFolder(options.dir);
  try {
    return await startInFolder(options, lock);
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** Two processes on one folder would write over each other's snapshots. */
function takeFolder(dir: string): FileLock {
  const lock = tryLock(join(dir, 'lock'));
  if (lock === undefined)
    throw new SimkubeError(
      `another simkube has the folder ${dir}: end that one first, or name another folder`,
    );
  return lock;
}

async function startInFolder(options: SimkubeOptions, lock: FileLock): Promise<Simkube> {
  const certificates = await readOrMakeCertificates(join(options.dir, 'certificates'));
  const listener = startListener(certificates);
  const ticker = createTicker();
  const running: Running[] = [];
  const startControllers = controllersOfProcess({
    caCertificate: () => certificates.caCert,
    onFailure: (error, cluster, key) =>
      console.error(JSON.stringify({ msg: 'a controller failed', cluster, key, error: String(error) })),
  });
  try {
    for (const { name, port } of options.clusters)
      running.push(
        await startCluster(options, { name, port, certificates, listener, ticker, startControllers }),
      );
  } catch (error) {
    await listener.stop();
    throw error;
  }
  const saver = startSaver(running);
  return {
    clusters: running.map(({ name, url, kubeconfig, auditLog }) => ({ name, url, kubeconfig, auditLog })),
    stop: async () => {
      for (const { served } of running) served.controllers?.stop();
      await listener.stop();
      await saver.stop();
      await Promise.all(running.map(({ served }) => served.audit?.close()));
      lock.release();
    },
  };
}

interface ClusterParts {
  name: string;
  port: number | undefined;
  certificates: Certificates;
  listener: Listener;
  ticker: Ticker;
  startControllers: StartControllers;
}

async function startCluster(options: SimkubeOptions, parts: ClusterParts): Promise<Running> {
  const { name, certificates } = parts;
  const dir = join(options.dir, name);
  await writeCertificates(join(dir, 'certificates'), certificates);
  const credentials = await readOrMakeCredentials(dir);
  const store = new ClusterStore(name, options.clock ?? { now: () => Date.now() });
  const found = await readSnapshot(dir, store);
  if (typeof found === 'object')
    options.say?.(
      `cluster ${name} starts empty: its snapshot cannot be used, ${found.why}; it was kept as ${found.setAside}`,
    );
  if (found !== 'continued') bootstrap(store);
  const auditLog = join(dir, 'audit.log');
  const served: ServedCluster = {
    store,
    credentials,
    faults: new Faults(),
    ticker: parts.ticker,
    audit: options.audit ? openAuditLog(auditLog) : undefined,
    controllers: options.controllers === false ? undefined : parts.startControllers(store),
  };
  const port = await listen(parts, served, dir);
  const url = `https://127.0.0.1:${port}`;
  const kubeconfig = join(dir, 'kubeconfig');
  await writeKubeconfig(kubeconfig, name, url, certificates, credentials);
  return { name, url, kubeconfig, auditLog, dir, served };
}

/** The port that was asked for, or that of last time, or any. */
async function listen(
  { name, port, listener }: ClusterParts,
  served: ServedCluster,
  dir: string,
): Promise<number> {
  const file = join(dir, 'port');
  const last = Number(await readFile(file, 'utf8').catch(() => '0')) || 0;
  let bound: number;
  try {
    bound = await listener.add(served, port ?? last);
  } catch (error) {
    if (port !== undefined)
      throw new SimkubeError(`port ${port} of cluster ${name} is in use`, { cause: error });
    bound = await listener.add(served, 0);
  }
  await writeFile(file, String(bound));
  return bound;
}

async function readOrMakeCredentials(dir: string): Promise<Credentials> {
  const file = join(dir, 'tokens.json');
  const text = await readFile(file, 'utf8').catch(() => undefined);
  const kept = text === undefined ? newTokens() : (JSON.parse(text) as ReturnType<typeof newTokens>);
  if (text === undefined) await writeFile(file, JSON.stringify(kept), { mode: 0o600 });
  return { adminToken: kept.admin, tokenKey: Buffer.from(kept.key, 'base64url') };
}

function newTokens(): { admin: string; key: string } {
  return { admin: randomBytes(24).toString('base64url'), key: randomBytes(32).toString('base64url') };
}

async function writeKubeconfig(
  file: string,
  name: string,
  url: string,
  certificates: Certificates,
  credentials: Credentials,
): Promise<void> {
  const encoded = (pem: string) => Buffer.from(pem).toString('base64');
  const user = {
    'client-certificate-data': encoded(certificates.clientCert),
    'client-key-data': encoded(certificates.clientKey),
    token: credentials.adminToken,
  };
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name, cluster: { server: url, 'certificate-authority-data': encoded(certificates.caCert) } },
    ],
    users: [{ name, user }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  };
  await writeFile(file, stringify(config), { mode: 0o600 });
}

interface Saver {
  stop(): Promise<void>;
}

/** Clusters that changed are written a moment later, all by one timer that runs only then. */
function startSaver(running: readonly Running[]): Saver {
  const dirty = new Set<Running>(running);
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();
  const save = async () => {
    timer = undefined;
    const now = [...dirty];
    dirty.clear();
    for (const { dir, served } of now) await writeSnapshot(dir, served.store);
  };
  const saveNext = () => {
    writing = writing.then(save).catch((error: unknown) => {
      console.error(JSON.stringify({ msg: 'a snapshot could not be written', error: String(error) }));
    });
  };
  for (const cluster of running) {
    cluster.served.store.state.onChange = () => {
      dirty.add(cluster);
      timer ??= setTimeout(saveNext, saveDelayMs).unref();
    };
  }
  saveNext();
  return {
    stop: async () => {
      clearTimeout(timer);
      saveNext();
      await writing;
    },
  };
}
