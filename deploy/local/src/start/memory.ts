/** Whether a fleet of this size fits into the memory that is free, asked before anything is started. */
import type { Engine } from './options.ts';

export class MemoryShortError extends Error {
  override readonly name = 'MemoryShortError';
}

/** Measured, resident and with the sample's workloads: what runs anyway, and what each further cluster costs. */
const COST_MB: Record<Engine['kind'], { base: number; cluster: number }> = {
  sim: { base: 750, cluster: 7 },
  kubelab: { base: 650, cluster: 600 },
  kubeconfig: { base: 550, cluster: 110 },
};
/** Agents that are few have a process of their own. */
const OWN_AGENT_MB = 110;
const OWN_AGENTS_MAX = 6;
const MB = 1_000_000;

export function estimateMb(kind: Engine['kind'], clusters: number): number {
  const { base, cluster } = COST_MB[kind];
  const ownAgents = kind === 'sim' ? Math.min(clusters, OWN_AGENTS_MAX) * OWN_AGENT_MB : 0;
  return base + ownAgents + clusters * cluster;
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
