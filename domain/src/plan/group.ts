/** Targets with the same plan, together: what a person reads once instead of eight hundred times. */
import type { Digest } from '../digest/sha256.ts';
import { compareText } from '../object/identity.ts';
import { noTally, tallyKey, type FleetTally, type PlanState, type PlanVerdict } from './verdict.ts';

export interface TargetResult {
  /** Name. */
  cluster: string;
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
}

export const sampleMax = 5;
const verdictOrder: readonly PlanVerdict[] = ['failing', 'incomplete', 'changes', 'clean'];

export function groupFleet(results: readonly TargetResult[]): GroupedFleet {
  const tally = noTally();
  for (const { state, verdict } of results) tally[tallyKey(state, verdict)] += 1;
  const byDigest = Map.groupBy(
    results.filter(({ state }) => state === 'Answered'),
    ({ digest }) => digest ?? '',
  );
  const groups = [...byDigest].map(([digest, members]) => groupOf(digest, members));
  return { tally, groups: groups.sort(compareGroups) };
}

function groupOf(digest: Digest, members: readonly TargetResult[]): PlanGroup {
  const inOrder = members.toSorted((a, b) => compareText(a.cluster, b.cluster));
  const [first] = inOrder;
  return {
    digest,
    verdict: first?.verdict ?? 'incomplete',
    clusters: inOrder.length,
    sample: inOrder.slice(0, sampleMax).map(({ cluster }) => cluster),
    message: first?.message ?? '',
  };
}

function compareGroups(a: PlanGroup, b: PlanGroup): number {
  const byVerdict = verdictOrder.indexOf(a.verdict) - verdictOrder.indexOf(b.verdict);
  if (byVerdict !== 0) return byVerdict;
  if (a.clusters !== b.clusters) return b.clusters - a.clusters;
  return compareText(a.sample[0] ?? '', b.sample[0] ?? '');
}
