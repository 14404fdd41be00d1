/** Contexts of the person's kubeconfig, reached by kubectl for the one thing that we need of them. */
import { execFile } from 'node:child_process';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { FleetCluster, StartedEngine } from './fleetCluster.ts';
import { EngineError } from './engineError.ts';
import { environmentOf } from './sample.ts';

const run = promisify(execFile);

export function useContexts(contexts: readonly string[]): Promise<StartedEngine> {
  const kubeconfig = process.env['KUBECONFIG'] ?? join(homedir(), '.kube', 'config');
  const clusters = contexts.map((context, index): FleetCluster => {
    const environment = environmentOf(index);
    return {
      name: nameOf(context),
      environment,
      labels: { environment },
      kubeconfig,
      context,
      ensureNamespace: (name) => ensureNamespaceByKubectl(kubeconfig, context, name),
    };
  });
  return Promise.resolve({
    clusters,
    ports: {},
    programs: [],
    emptied: [],
    stop: () => Promise.resolve(),
  });
}

function nameOf(context: string): string {
  return context
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '');
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
