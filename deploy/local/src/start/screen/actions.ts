/** What the keys do on the local fleet: each is what a person would do from a shell. */
import { makeDrift } from '../drift.ts';
import type { Fleet } from '../fleet.ts';
import { NAMESPACE } from '../sample.ts';
import { spellShort } from './text.ts';
import { commitWords } from './words.ts';

const DEPLOYMENT = 'web';
const DEPLOYMENT_FILE = 'shop/deployment.yaml';
const MANAGER = 'kubectl-scale';
const DRIFT_TIMEOUT_MS = 20_000;

/** Two replicas of the shop become three, and three become two; what was pushed, in words. */
export async function pushChange({ config }: Pick<Fleet, 'config'>): Promise<string> {
  let message = '';
  const commit = await config.push(async (read) => {
    const text = await read(DEPLOYMENT_FILE);
    const replicas = text.includes('replicas: 2') ? 3 : 2;
    message = `Scale ${DEPLOYMENT} to ${replicas}`;
    return { message, files: { [DEPLOYMENT_FILE]: text.replace(/replicas: \d+/, `replicas: ${replicas}`) } };
  });
  return `pushed ${commitWords({ commit, message })}`;
}

export interface DriftTold {
  madeAtMs: number;
  isReverted: boolean;
  words: string;
}

/** Scales the shop of one cluster by hand and sees it put back. */
export async function driftOn(cluster: { name: string; kubeconfig: string }): Promise<DriftTold> {
  const { madeAtMs, revertedAfterMs } = await makeDrift({
    kubeconfig: cluster.kubeconfig,
    namespace: NAMESPACE,
    deployment: DEPLOYMENT,
    manager: MANAGER,
    timeoutMs: DRIFT_TIMEOUT_MS,
  });
  const what = `${cluster.name}: deployment ${DEPLOYMENT} scaled by ${MANAGER}`;
  const end =
    revertedAfterMs === null
      ? `and still so after ${DRIFT_TIMEOUT_MS / 1000} s`
      : `put back after ${spellShort(revertedAfterMs)}`;
  return { madeAtMs, isReverted: revertedAfterMs !== null, words: `${what}, ${end}` };
}

/** As a power cut would, or back where it was; '' where the fleet itself shows what was done. */
export async function toggleHub(fleet: Pick<Fleet, 'hub' | 'restartHub'>): Promise<string> {
  if (fleet.hub().program.hasExited()) {
    await fleet.restartHub();
    return '';
  }
  await fleet.hub().crash();
  return 'the hub was killed, as by a power cut';
}
