/** Drift as people make it: a Deployment scaled by hand, past Git. How long it lasts is seen at the cluster itself. */
import { setTimeout as delay } from 'node:timers/promises';
import { ApiConnection } from '../kubelab/api.ts';
import { readKubeconfig } from '../kubelab/kubeconfig.ts';

export interface DriftMade {
  madeAtMs: number;
  /** Null: it was still there at the end. */
  revertedAfterMs: number | null;
}

export interface DriftOptions {
  kubeconfig: string;
  namespace: string;
  deployment: string;
  /** Who did it, by its field manager. */
  manager: string;
  timeoutMs: number;
}

const pollMs = 20;

export async function makeDrift(options: DriftOptions): Promise<DriftMade> {
  const { kubeconfig, namespace, deployment, manager, timeoutMs } = options;
  const api = new ApiConnection(await readKubeconfig(kubeconfig));
  const path = `/apis/apps/v1/namespaces/${namespace}/deployments/${deployment}`;
  const replicas = async () => (await api.call<{ spec: { replicas: number } }>(path)).spec.replicas;
  try {
    const wanted = await replicas();
    const body = { spec: { replicas: wanted === 1 ? 5 : 1 } };
    // Before the answer is here an agent may have seen it.
    const madeAtMs = Date.now();
    await api.call(`${path}?fieldManager=${manager}`, { method: 'PATCH', body });
    while (Date.now() - madeAtMs < timeoutMs) {
      if ((await replicas()) === wanted) return { madeAtMs, revertedAfterMs: Date.now() - madeAtMs };
      await delay(pollMs);
    }
    return { madeAtMs, revertedAfterMs: null };
  } finally {
    api.close();
  }
}
