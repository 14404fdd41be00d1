/**
 * Guards against deleting by mistake, counted here, where a person is: what a revision drops of the bundle in force, and
 * how many objects a prune pass of an assignment may delete.
 */
import type { Drop } from './step.ts';

const shareMax = 0.2;
const countMax = 10;
/** From this many objects on, more than half is too many. */
const halfFrom = 5;

/** More than 20 % and more than 10 objects, or more than half of five or more: asks a person once. */
export function isMassDrop({ dropped, total }: Drop): boolean {
  if (total >= halfFrom && dropped > total / 2) return true;
  return dropped > shareMax * total && dropped > countMax;
}

/** The most that may go of so many without asking. */
export function unaskedMax(total: number): number {
  const byShare = Math.max(Math.floor(shareMax * total), countMax);
  return total >= halfFrom ? Math.min(byShare, Math.floor(total / 2)) : byShare;
}

/** `deletesMax` of an assignment: what was counted and allowed, never less than what needs no question. */
export function deletesMax(drop: Drop, mayPrune: boolean, confirmed = 0): number {
  return mayPrune ? Math.max(drop.dropped + confirmed, unaskedMax(drop.total)) : 0;
}
