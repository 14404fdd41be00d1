/** Whether a fleet of this size fits into the memory that is free, asked before anything is started. */
import { OWN_PROCESS_MAX } from './agents.ts';
import type { Engine } from './options.ts';

export class MemoryShortError extends Error {
  override readonly name = 'MemoryShortError';
}

/** Measured with the sample's workloads: what runs anyway, and what each cluster costs beside it. */
const COST_MB: Record<Engine['kind'], { base: number; cluster: number }> = {
  sim: { base: 700, cluster: 6 },
  kubelab: { base: 600, cluster: 500 },
  kubeconfig: { base: 550, cluster: 0 },
};
const OWN_AGENT_MB = 110;
const AGENT_HOSTS_MB = 250;
const HOSTED_AGENT_MB = 4;
const MB = 1_000_000;

export function estimateMb(kind: Engine['kind'], clusters: number): number {
  const { base, cluster } = COST_MB[kind];
  return base + clusters * cluster + agentsMb(clusters);
}

function agentsMb(clusters: number): number {
  return clusters <= OWN_PROCESS_MAX ? clusters * OWN_AGENT_MB : AGENT_HOSTS_MB + clusters * HOSTED_AGENT_MB;
}

export function requireMemory(kind: Engine['kind'], clusters: number, availableBytes: number): void {
  const availableMb = Math.floor(availableBytes / MB);
  const neededMb = estimateMb(kind, clusters);
  if (neededMb <= availableMb) return;
  const fits = mostThatFit(kind, clusters, availableMb);
  const instead = fits > 0 ? `free some, or ask for --clusters ${fits}` : 'free some';
  throw new MemoryShortError(
    `${clusters} clusters need about ${neededMb} MB of memory, and ${availableMb} MB are free: ${instead}`,
  );
}

function mostThatFit(kind: Engine['kind'], clusters: number, availableMb: number): number {
  let fits = clusters - 1;
  while (fits > 0 && estimateMb(kind, fits) > availableMb) fits -= 1;
  return fits;
}
