/** The clusters of a local fleet: simulated or real ones, which are started here, or a person's own, which are only used. */
import { ensureKubelab } from '../kubelab/build.ts';
import { useContexts } from './contextsEngine.ts';
import type { StartedEngine } from './fleetCluster.ts';
import { startKubelab } from './kubelabEngine.ts';
import type { Engine } from './options.ts';
import { say } from './say.ts';
import { startSimulated } from './simEngine.ts';

export interface PreparedEngine {
  name: EngineName;
  /** One line for people, honest about what is real. */
  description: string;
  /** `ports` are those of the start before. */
  start: (dir: string, ports: Record<string, number>) => Promise<StartedEngine>;
}

export type EngineName = 'simkube' | 'kubelab' | 'kubeconfig';

/** What takes long and is done once: part of the set-up. */
export async function prepareEngine(
  engine: Engine,
  count: number,
  signal: AbortSignal,
): Promise<PreparedEngine> {
  switch (engine.kind) {
    case 'sim':
      return {
        name: 'simkube',
        description: 'simulated Kubernetes API servers (simkube); real ones: --engine kubelab',
        start: (dir, ports) => startSimulated(dir, count, ports),
      };
    case 'kubelab': {
      const binDir = await ensureKubelab(say, signal);
      return {
        name: 'kubelab',
        description: 'real Kubernetes API servers on this machine (kubelab), with simulated nodes',
        start: (dir) => startKubelab(binDir, dir, count),
      };
    }
    case 'kubeconfig':
      return {
        name: 'kubeconfig',
        description: 'clusters of yours, by kubeconfig',
        start: () => useContexts(engine.contexts),
      };
  }
}
