/**
 * The lane: targets outside any rollout go to what they are entitled to. Joiners whose wave has passed, returning,
 * re-labelled, unpinned and resumed ones. It has a concurrency and a failure budget of its own; failures hold it and
 * never reopen a rollout.
 */
import { concurrencyOf, failuresOf } from './amount.ts';
import { begun, followCarried, make } from './assign.ts';
import { dropOf, renderingOf, setTarget, tell, type Draft } from './draft.ts';
import { entitled } from './entitled.ts';
import { openWave } from './gates.ts';
import { tellLane } from './observe.ts';
import { isInFlight, isUnderWay } from './outcome.ts';
import type { FleetState, Progress, TargetState } from './state.ts';
import type { Observation, Observations } from './step.ts';
import type { Strategy } from './strategy.ts';
import { closedBy } from './windows.ts';
import { isHeld, nameOf, sortedBy, type Candidate } from './turns.ts';

export function assignLane(draft: Draft, strategy: Strategy, seen: Observations): void {
  if (isLaneHeld(draft.state, draft.targets, strategy)) return;
  let room = concurrencyOf(strategy.lane.maxConcurrent, draft.targets.size) - inFlightInLane(draft.targets);
  for (const target of inOrder(draft, seen)) {
    if (room <= 0) break;
    if (assignOne(draft, target, strategy, seen)) room -= 1;
  }
  followCarried(draft);
}

/** More failures in the lane than it may have, those aside that a person accepted. */
export function isLaneHeld(
  state: Pick<FleetState, 'laneForgiven'>,
  targets: ReadonlyMap<string, TargetState>,
  strategy: Strategy,
): boolean {
  const failures = laneFailures(targets) - state.laneForgiven;
  return failures > 0 && failures > failuresOf(strategy.lane.maxFailures, targets.size);
}

/** Targets whose present assignment was made by the lane and failed. */
export function laneFailures(targets: ReadonlyMap<string, TargetState>): number {
  let count = 0;
  for (const { lane, assignment, leaving } of targets.values()) {
    if (leaving || lane === null || lane.outcome !== 'Failed') continue;
    if (lane.assignment !== null && lane.assignment === assignment) count += 1;
  }
  return count;
}

/** Says once that the lane is held: in the step in which it became so. */
export function announceLane(draft: Draft, strategy: Strategy): void {
  const wasHeld = isLaneHeld(draft.before, draft.before.targets, strategy);
  if (wasHeld || !isLaneHeld(draft.state, draft.targets, strategy)) return;
  tell(draft, 'LaneHeld', `the lane is held: ${laneFailures(draft.targets)} failed outside any rollout`, {
    rollout: '',
  });
}

/** Where the target is to go outside any rollout now; null: it is where it belongs, or a rollout's business. */
export function laneGoal(
  target: TargetState,
  fleet: Pick<FleetState, 'open' | 'completed' | 'rejected'>,
): number | null {
  if (target.leaving || (target.lane !== null && isUnderWay(target.lane.outcome))) return null;
  return isRolloutsBusiness(target, fleet.open) ? null : entitled(target, fleet);
}

function isRolloutsBusiness(target: TargetState, open: FleetState['open']): boolean {
  const outcome = open?.outcomes.get(target.id);
  if (open === null || outcome === undefined) return false;
  if (isUnderWay(outcome.outcome) || outcome.outcome === 'Failed') return true;
  if (outcome.outcome !== 'Pending') return false;
  return open.kind === 'rollback' || outcome.wave <= openWave(open);
}

function inOrder(draft: Draft, seen: Observations): TargetState[] {
  const candidates = [...draft.targets.values()].filter(
    (target) => isReachable(seen.targets.get(target.id)) && isMisplaced(draft, target, seen),
  );
  return sortedBy(candidates, ({ id }) => nameOf(seen, id));
}

/** Most targets, most of the time, are where they belong: they are passed over before anything is sorted. */
function isMisplaced(draft: Draft, target: TargetState, seen: Observations): boolean {
  const goal = laneGoal(target, draft.state);
  if (goal === null) return false;
  if (target.revision !== goal || target.lane?.outcome === 'Pending') return true;
  const rendering = seen.render(goal, target.id);
  return rendering.state !== 'Ready' || rendering.bundle !== target.bundle;
}

function isReachable(observation: Observation | undefined): boolean {
  return observation?.clusterState === 'Active' && observation.connection === 'Connected';
}

/** True when an assignment was made. */
function assignOne(draft: Draft, target: TargetState, strategy: Strategy, seen: Observations): boolean {
  const revision = laneGoal(target, draft.state);
  if (revision === null) return false;
  const isAsked = target.lane?.outcome === 'Pending';
  const asker = isAsked ? 'person' : 'automation';
  if (closedBy(draft, seen, target.id, strategy.windows, asker).words !== '') return false;
  const rendering = renderingOf(draft, seen, revision, target.id);
  if (rendering.state === 'Pending') return false;
  if (rendering.state === 'Failed') return failRender(draft, target, revision, rendering.message);
  if (!isAsked && target.revision === revision && target.bundle === rendering.bundle) return false;
  const drop = dropOf(draft, seen, seen.targets.get(target.id)?.reported?.bundle ?? null, rendering.bundle);
  if (drop === null) return false;
  const candidate: Candidate = { target, revision, rendering, drop };
  if (isHeld(draft, 'lane', candidate, seen)) return false;
  const cause = isAsked ? 'retry' : 'lane';
  const reason = isAsked ? `asked for again at revision ${revision}` : `entitled to revision ${revision}`;
  const made = make(draft, candidate, seen, { cause, reason, rollout: null, wave: '' });
  const progress: Progress = { target: target.id, revision, ...begun(made.assignment, draft.nowMs) };
  setTarget(draft, target.id, { lane: progress });
  tellLane(draft, progress);
  return true;
}

/** Noted once; the target keeps the bundle it has, and the lane goes on. */
function failRender(draft: Draft, target: TargetState, revision: number, message: string): boolean {
  const isNoted =
    target.lane?.outcome === 'Failed' && target.lane.reason === 'render' && target.lane.revision === revision;
  if (isNoted) return false;
  const progress: Progress = {
    target: target.id,
    revision,
    ...begun(0, draft.nowMs),
    assignment: null,
    assignedAtMs: null,
    outcome: 'Failed',
    reason: 'render',
    message,
    finishedAtMs: draft.nowMs,
  };
  setTarget(draft, target.id, { lane: progress });
  tellLane(draft, progress);
  return false;
}

function inFlightInLane(targets: ReadonlyMap<string, TargetState>): number {
  return [...targets.values()].filter(({ lane }) => lane !== null && isInFlight(lane.outcome)).length;
}
