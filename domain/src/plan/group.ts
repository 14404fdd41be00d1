/** Targets with the same plan, together: what a person reads once instead of eight hundred times. */
import type { Digest } from '../digest/sha256.ts';
import { compareText } from '../object/identity.ts';
import { noTally, tallyKey, type FleetTally, type PlanState, type PlanVerdict } from './verdict.ts';

/** Some targets with the same result: one, or as many as a store has counted. */
export interface ResultPart {
  clusters: number;
  /** The first few names in order. */
  sample: string[];
  state: PlanState;
  /** Of its plan, once answered. */
  digest: Digest | null;
  verdict: PlanVerdict | null;
  /** What is wrong, in the words of whoever said so; '' where nothing is. */
  message: string;
}

export interface PlanGroup {
  digest: Digest;
  verdict: PlanVerdict;
  clusters: number;
  /** The first few names in order. */
  sample: string[];
  message: string;
}

export interface GroupedFleet {
  tally: FleetTally;
  /** Those that would fail first, then by size, then by the first name. */
  groups: PlanGroup[];
  /** What is wrong where it does not even render, in the words of the first; '' where it renders everywhere. */
  unrendered: string;
}

export const sampleMax = 5;
const verdictOrder: readonly PlanVerdict[] = ['failing', 'incomplete', 'changes', 'clean'];

export function groupFleet(parts: readonly ResultPart[]): GroupedFleet {
  const tally = noTally();
  for (const { state, verdict, clusters } of parts) tally[tallyKey(state, verdict)] += clusters;
  const byDigest = Map.groupBy(
    parts.filter(({ state }) => state === 'Answered'),
    ({ digest }) => digest ?? '',
  );
  const groups = [...byDigest].map(([digest, members]) => groupOf(digest, members));
  const [unrendered] = parts
    .filter(({ state, verdict }) => state === 'Error' && verdict === 'failing')
    .toSorted((a, b) => compareText(a.sample[0] ?? '', b.sample[0] ?? ''));
  return { tally, groups: groups.sort(compareGroups), unrendered: unrendered?.message ?? '' };
}

function groupOf(digest: Digest, members: readonly ResultPart[]): PlanGroup {
  const inOrder = members.toSorted((a, b) => compareText(a.sample[0] ?? '', b.sample[0] ?? ''));
  const [first] = inOrder;
  return {
    digest,
    verdict: first?.verdict ?? 'incomplete',
    clusters: inOrder.reduce((sum, { clusters }) => sum + clusters, 0),
    sample: inOrder
      .flatMap(({ sample }) => sample)
      .sort(compareText)
      .slice(0, sampleMax),
    message: first?.message ?? '',
  };
}

function compareGroups(a: PlanGroup, b: PlanGroup): number {
  const byVerdict = verdictOrder.indexOf(a.verdict) - verdictOrder.indexOf(b.verdict);
  if (byVerdict !== 0) return byVerdict;
  if (a.clusters !== b.clusters) return b.clusters - a.clusters;
  return compareText(a.sample[0] ?? '', b.sample[0] ?? '');
}
