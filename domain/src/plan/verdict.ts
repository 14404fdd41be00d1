/**
 * What a plan comes to, for one target and for a fleet. One that would fail anywhere is failing; where somebody has not
 * answered nothing better than incomplete can be said.
 */
import type { PlanCounts } from './plan.ts';

export const planVerdicts = ['clean', 'changes', 'failing', 'incomplete'] as const;
export type PlanVerdict = (typeof planVerdicts)[number];

export function verdictOfTarget(counts: PlanCounts): PlanVerdict {
  if (counts.fail > 0) return 'failing';
  if (counts.unknown > 0) return 'incomplete';
  return counts.delete + counts.change + counts.create + counts.run > 0 ? 'changes' : 'clean';
}

/**
 * Of one target: `Waiting` for its answer, `Answered`, `Offline` when it was asked, `NoAnswer` in time, or `Error`: it could
 * not find out.
 */
export const planStates = ['Waiting', 'Answered', 'Offline', 'NoAnswer', 'Error'] as const;
export type PlanState = (typeof planStates)[number];

/** Targets by what they came to. */
export type FleetTally = Record<PlanVerdict | 'waiting' | 'offline' | 'noAnswer' | 'error', number>;

export function noTally(): FleetTally {
  return { clean: 0, changes: 0, failing: 0, incomplete: 0, waiting: 0, offline: 0, noAnswer: 0, error: 0 };
}

/** Where the same key of the tally counts a target. */
export function tallyKey(state: PlanState, verdict: PlanVerdict | null): keyof FleetTally {
  switch (state) {
    case 'Waiting':
      return 'waiting';
    case 'Offline':
      return 'offline';
    case 'NoAnswer':
      return 'noAnswer';
    case 'Error':
      // What does not render for a cluster would fail there, and no agent has to be asked.
      return verdict === 'failing' ? 'failing' : 'error';
    case 'Answered':
      return verdict ?? 'incomplete';
  }
}

/** `ignoreOffline`: for those who know that some cluster is always away. */
export function verdictOfFleet(tally: FleetTally, ignoreOffline = false): PlanVerdict {
  if (tally.failing > 0) return 'failing';
  const unheard = tally.incomplete + tally.waiting + tally.noAnswer + tally.error;
  if (unheard > 0 || (tally.offline > 0 && !ignoreOffline)) return 'incomplete';
  return tally.changes > 0 ? 'changes' : 'clean';
}
