/** The clusters of a local fleet: kubelab's, which are started here, or a person's own, which are only used. */
import { execFile } from 'node:child_process';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ensureKubelab } from '../kubelab/build.ts';
import { startLab } from '../kubelab/lab.ts';
import type { Engine } from './options.ts';
import { environmentOf } from './sample.ts';
import { say } from './say.ts';

const run = promisify(execFile);

export interface FleetCluster {
  name: string;
  environment: string;
  kubeconfig: string;
  context?: string;
  /** Makes a namespace unless it is there. */
  ensureNamespace: (name: string) => Promise<void>;
}

export interface StartedEngine {
  clusters: FleetCluster[];
  stop: () => Promise<void>;
}

export interface PreparedEngine {
  start: (dir: string) => Promise<StartedEngine>;
}

export class EngineError extends Error {
  override readonly name = 'EngineError';
}

/** What takes long and is done once: part of the set-up. */
export async function prepareEngine(
  engine: Engine,
  count: number,
  signal: AbortSignal,
): Promise<PreparedEngine> {
  if (engine.kind === 'kubeconfig') return { start: () => useContexts(engine.contexts) };
  const binDir = await ensureKubelab(say, signal);
  return { start: (dir) => startKubelab(binDir, dir, count) };
}

async function startKubelab(binDir: string, dir: string, count: number): Promise<StartedEngine> {
  const environments = Array.from({ length: count }, (_, index) => environmentOf(index));
  const names = environments.map((environment, index) =>
    index < 3 ? environment : `${environment}-${index + 1}`,
  );
  const lab = await startLab({ binDir, dir, clusters: names.map((name) => ({ name, controllers: true })) });
  const clusters = lab.clusters.map((cluster, index): FleetCluster => ({
    name: cluster.name,
    environment: environmentOf(index),
    kubeconfig: cluster.kubeconfig,
    ensureNamespace: async (name) => {
      const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
      const { status } = await cluster.api.send('/api/v1/namespaces', { method: 'POST', body });
      if (status !== 201 && status !== 409) throw new EngineError(`namespace ${name} was answered ${status}`);
    },
  }));
  return { clusters, stop: () => lab.stop() };
}

/** Contexts of the person's kubeconfig, reached by kubectl for the one thing that we need of them. */
function useContexts(contexts: string[]): Promise<StartedEngine> {
  const kubeconfig = process.env['KUBECONFIG'] ?? join(homedir(), '.kube', 'config');
  const clusters = contexts.map((context, index): FleetCluster => ({
    name: context
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, '-')
      .replaceAll(/^-|-$/g, ''),
    environment: environmentOf(index),
    kubeconfig,
    context,
    ensureNamespace: (name) => ensureNamespaceByKubectl(kubeconfig, context, name),
  }));
  return Promise.resolve({ clusters, stop: () => Promise.resolve() });
}

async function ensureNamespaceByKubectl(kubeconfig: string, context: string, name: string): Promise<void> {
  const access = [`--kubeconfig=${kubeconfig}`, `--context=${context}`];
  try {
    await run('kubectl', [...access, 'create', 'namespace', name]);
  } catch (error) {
    const { stderr = '', code } = error as { stderr?: string; code?: unknown };
    if (stderr.includes('AlreadyExists')) return;
    if (code === 'ENOENT')
      throw new EngineError('--engine kubeconfig needs kubectl on the PATH', { cause: error });
    throw new EngineError(`cluster ${context} refused namespace ${name}: ${stderr.trim()}`, { cause: error });
  }
}
