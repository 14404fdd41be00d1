/**
 * Whether a branch was built upon or written anew, from the commits that are in the cache. A cache need not hold all of
 * them: what cannot be told is unknown, and never taken for a rewrite.
 */
import type { History } from './messages.ts';

/** Parents of a commit; null where it is not there. */
export type ParentsOf = (commit: string) => Promise<readonly string[] | null>;

const commitsMax = 20_000;

export async function historyBetween(
  from: string | null,
  to: string,
  parentsOf: ParentsOf,
): Promise<History> {
  if (from === null) return 'first';
  if (from === to) return 'same';
  const before = await walk([from], new Set(), parentsOf);
  // Back to an older commit.
  if (before.seen.has(to)) return 'rewritten';
  // What led to the last commit cannot have the last commit behind it, so the walk ends there.
  before.seen.delete(from);
  const after = await walk([to], before.seen, parentsOf, from);
  if (after.found) return 'continued';
  return after.isWhole ? 'rewritten' : 'unknown';
}

interface Walk {
  seen: Set<string>;
  found: boolean;
  /** No commit was missing, and none was left out. */
  isWhole: boolean;
}

async function walk(
  start: string[],
  ends: ReadonlySet<string>,
  parentsOf: ParentsOf,
  wanted?: string,
): Promise<Walk> {
  const seen = new Set(start);
  const open = [...start];
  let isWhole = true;
  for (let commit = open.pop(); commit !== undefined; commit = open.pop()) {
    if (commit === wanted) return { seen, found: true, isWhole };
    if (seen.size > commitsMax) return { seen, found: false, isWhole: false };
    const parents = await parentsOf(commit);
    if (parents === null) isWhole = false;
    for (const parent of parents ?? []) {
      if (seen.has(parent) || ends.has(parent)) continue;
      seen.add(parent);
      open.push(parent);
    }
  }
  return { seen, found: false, isWhole };
}
