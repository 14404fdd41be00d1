/** What an engine gives to a local fleet. */
import type { Program } from '../processes/program.ts';

export interface FleetCluster {
  name: string;
  environment: string;
  /** What a rollout's waves can be told by. */
  labels: Record<string, string>;
  kubeconfig: string;
  context?: string;
  /** Makes a namespace unless it is there. */
  ensureNamespace: (name: string) => Promise<void>;
  hasSecret: (namespace: string, name: string) => Promise<boolean>;
}

export interface StartedEngine {
  clusters: FleetCluster[];
  /** Where each cluster listens, to be asked for again; none where the engine finds its own again. */
  ports: Record<string, number>;
  /** Whose end is the end of clusters. */
  programs: Program[];
  stop: () => Promise<void>;
}
