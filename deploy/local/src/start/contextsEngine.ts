/** Contexts of the person's kubeconfig, reached by kubectl for the little that we need of them. */
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
      ensureNamespace: async (name) =>
        void (await askedByKubectl({ kubeconfig, context }, ['create', 'namespace', name], 'AlreadyExists')),
      hasSecret: (namespace, secret) =>
        askedByKubectl({ kubeconfig, context }, ['get', 'secret', secret, '-n', namespace], 'NotFound'),
    };
  });
  return Promise.resolve({
    clusters,
    ports: {},
    programs: [],
    stop: () => Promise.resolve(),
  });
}

function nameOf(context: string): string {
  return context
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '');
}

/** False where the answer is `otherwise`, which is no failure. */
async function askedByKubectl(
  { kubeconfig, context }: { kubeconfig: string; context: string },
  args: readonly string[],
  otherwise: string,
): Promise<boolean> {
  try {
    await run('kubectl', [`--kubeconfig=${kubeconfig}`, `--context=${context}`, ...args]);
    return true;
  } catch (error) {
    const { stderr = '', code } = error as { stderr?: string; code?: unknown };
    if (stderr.includes(otherwise)) return false;
    if (code === 'ENOENT')
      throw new EngineError('--engine kubeconfig needs kubectl on the PATH', { cause: error });
    throw new EngineError(`cluster ${context} refused kubectl ${args.join(' ')}: ${stderr.trim()}`, {
      cause: error,
    });
  }
}
