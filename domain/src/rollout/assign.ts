/**
 * Second half of a step, second part: what was decided about whose turn it is happens. What ends without an assignment
 * ends first and alone: it may break the budget, and nothing is assigned that the next moment would take back.
 */
import { setOpen, setOutcomes, setTarget, type Draft } from './draft.ts';
import { deletesMax } from './guards.ts';
import { tellOutcome } from './observe.ts';
import type { Progress, Rollout, TargetOutcome, TargetState } from './state.ts';
import type { Assignment, AssignmentCause, Observations } from './step.ts';
import { decide, type Candidate, type Decision } from './turns.ts';

/** One round in the open rollout, as far as concurrency, windows and guards let it. */
export function takeTurns(draft: Draft, seen: Observations): void {
  const { open } = draft.state;
  if (open === null || open.phase !== 'Running') return;
  const decisions = decide(draft, open, seen);
  // A question came up: whatever was decided before it is decided again with it.
  if (draft.state.open !== open) return;
  const ends = decisions.filter(({ type }) => type === 'end');
  const changed = new Map<string, TargetOutcome>();
  for (const decision of ends.length > 0 ? ends : decisions) {
    const after = decision.type === 'end' ? decision.outcome : assignIn(draft, open, decision, seen);
    changed.set(after.target, after);
    tellOutcome(draft, after);
  }
  setOutcomes(draft, changed);
  followCarried(draft);
}

function assignIn(
  draft: Draft,
  open: Rollout,
  decision: Extract<Decision, { type: 'assign' }>,
  seen: Observations,
): TargetOutcome {
  const { outcome, rendering, drop } = decision;
  const cause = outcome.reason === 'person' ? 'retry' : causeOf(open);
  const wave = open.strategy.waves[outcome.wave]?.name ?? '';
  const target = draft.targets.get(outcome.target);
  if (target === undefined) return outcome;
  const made = make(draft, { target, revision: outcome.revision, rendering, drop }, seen, {
    cause,
    reason: `${cause} of revision ${open.revision}, wave ${wave}`,
    rollout: open.id,
    wave,
  });
  if (target.lane !== null) setTarget(draft, target.id, { lane: null });
  return { ...outcome, ...begun(made.assignment, draft.nowMs) };
}

function causeOf(open: Rollout): AssignmentCause {
  return open.kind === 'rollback' ? 'rollback' : 'rollout';
}

/** Fields of a progress that has just been assigned. */
export function begun(assignment: number, nowMs: number): Omit<Progress, 'target' | 'revision'> {
  return {
    outcome: 'Assigned',
    reason: '',
    message: '',
    assignment,
    assignedAtMs: nowMs,
    echoedAtMs: null,
    soakedMs: 0,
    healthyFromMs: null,
    finishedAtMs: null,
  };
}

/** Makes the assignment and writes it to the target. */
export function make(
  draft: Draft,
  candidate: Candidate,
  seen: Observations,
  why: Pick<Assignment, 'cause' | 'reason' | 'rollout' | 'wave'>,
): Assignment {
  const { target, revision, rendering, drop } = candidate;
  const { inventoryUnconfirmed, confirmedDeletes = 0 } = seen.targets.get(target.id) ?? {};
  const mayPrune = seen.prune && inventoryUnconfirmed !== true;
  const { variant, bundle, sizeBytes } = rendering;
  const made: Assignment = {
    target: target.id,
    clusterId: target.clusterId,
    assignment: target.assignment + 1,
    revision,
    variant,
    bundle,
    sizeBytes,
    deletesMax: deletesMax(drop, mayPrune, confirmedDeletes),
    ...why,
  };
  draft.assignments.push(made);
  setTarget(draft, target.id, { assignment: made.assignment, revision, variant, bundle });
  return made;
}

/**
 * What was in flight from before and is assigned anew no longer counts as such: by the rollout it is its own outcome; by
 * the lane it stays in flight, and keeps its place, under its new assignment.
 */
export function followCarried(draft: Draft): void {
  const { open } = draft.state;
  if (open === null || open.carried.length === 0) return;
  const carried = open.carried.map((progress) => presentOf(progress, draft.targets.get(progress.target)));
  if (carried.every((progress, at) => progress === open.carried[at])) return;
  setOpen(draft, { carried: carried.filter((progress) => progress !== null) });
}

function presentOf(progress: Progress, target: TargetState | undefined): Progress | null {
  if (target === undefined || target.assignment === progress.assignment) return progress;
  return target.lane !== null && target.lane.assignment === target.assignment ? target.lane : null;
}
