/**
 * The outcomes of a rollout, counted: all that a description or an estimate needs of them, so that nobody loads ten
 * thousand rows to show a line. A store may count them itself; `tallyOf` says what it must come to.
 */
import { failuresIn, membersOf } from './gates.ts';
import { isFinished, isInFlight } from './outcome.ts';
import type { OutcomeType, Rollout, TargetOutcome } from './state.ts';

export interface WaveTally {
  /** Only outcomes that occur. */
  counts: Partial<Record<OutcomeType, number>>;
  /** Failed, or bad again after they had Succeeded. */
  failures: number;
  /** When the first and the last of those in flight were assigned, in ms; null: none is. */
  assignedFirstMs: number | null;
  assignedLastMs: number | null;
  /** `soak` after this the last of those that are soaking has soaked long enough, in ms; null: none is healthy now. */
  soakFromMs: number | null;
}

export interface RolloutTally {
  /** One for each wave; empty while the rollout waits. */
  waves: readonly WaveTally[];
  /** Median time from the assignment of a target until it was healthy, in ms; null: none was yet. */
  healthyAfterMs: number | null;
}

export const emptyTally: WaveTally = {
  counts: {},
  failures: 0,
  assignedFirstMs: null,
  assignedLastMs: null,
  soakFromMs: null,
};

export function tallyOf(rollout: Rollout): RolloutTally {
  return {
    waves: rollout.waves.map((_, at) => waveTallyOf(membersOf(rollout, at))),
    healthyAfterMs: medianOf([...rollout.outcomes.values()].flatMap(healthyAfter)),
  };
}

export function countOf({ counts }: WaveTally, isCounted: (outcome: OutcomeType) => boolean): number {
  let sum = 0;
  for (const [outcome, count] of Object.entries(counts)) if (isCounted(outcome as OutcomeType)) sum += count;
  return sum;
}

export function isDone(tally: WaveTally): boolean {
  return countOf(tally, (outcome) => !isFinished(outcome)) === 0;
}

function waveTallyOf(members: readonly TargetOutcome[]): WaveTally {
  const counts: Partial<Record<OutcomeType, number>> = {};
  for (const { outcome } of members) counts[outcome] = (counts[outcome] ?? 0) + 1;
  const assigned = members
    .filter(({ outcome }) => isInFlight(outcome))
    .flatMap(({ assignedAtMs }) => assignedAtMs ?? []);
  const soakingFrom = members
    .filter(({ outcome }) => outcome === 'Soaking')
    .flatMap(({ healthyFromMs, soakedMs }) => (healthyFromMs === null ? [] : healthyFromMs - soakedMs));
  return {
    counts,
    failures: failuresIn(members).length,
    assignedFirstMs: assigned.length === 0 ? null : Math.min(...assigned),
    assignedLastMs: assigned.length === 0 ? null : Math.max(...assigned),
    soakFromMs: soakingFrom.length === 0 ? null : Math.max(...soakingFrom),
  };
}

/** A soak that was interrupted counts from where it would have begun on end. */
function healthyAfter({ outcome, assignedAtMs, healthyFromMs, soakedMs }: TargetOutcome): number[] {
  const isHealthy = outcome === 'Succeeded' || outcome === 'Soaking';
  if (!isHealthy || assignedAtMs === null || healthyFromMs === null) return [];
  return [Math.max(0, healthyFromMs - soakedMs - assignedAtMs)];
}

/** The lower of the two in the middle. */
function medianOf(values: readonly number[]): number | null {
  return values.toSorted((a, b) => a - b)[Math.ceil(values.length / 2) - 1] ?? null;
}
