/**
 * Second half of a step, second part: whose turn is it, and what becomes of it. A target's turn comes when its wave is
 * open and there is room in flight; then it is assigned, or deferred, skipped or failed with a reason.
 */
import { concurrencyOf } from './amount.ts';
import {
  dropOf,
  inFlightCount,
  renderingOf,
  setOpen,
  setOutcomes,
  setTarget,
  tell,
  type Draft,
} from './draft.ts';
import { lastHealthy } from './entitled.ts';
import { membersOf, openWave } from './gates.ts';
import { deletesMax, isMassDrop } from './guards.ts';
import { tellOutcome } from './observe.ts';
import { finish, isInFlight, isUnderWay } from './outcome.ts';
import type { HeldDrop, Progress, Rollout, TargetOutcome, TargetState } from './state.ts';
import type { Assignment, AssignmentCause, Drop, Observation, Observations, Rendering } from './step.ts';

type Turn =
  /** Not yet: no room, something is still to be rendered or counted, or a question is open. */
  | { type: 'wait' }
  | { type: 'end'; outcome: TargetOutcome }
  | { type: 'assign'; rendering: Ready; drop: Drop };

export type Ready = Extract<Rendering, { state: 'Ready' }>;

/**
 * A change of labels or facts that yields another bundle: in flight or soaking, the target starts over with it. (What has
 * Succeeded stays so; the lane moves it.)
 */
export function reassignVariants(draft: Draft, seen: Observations): void {
  const { open } = draft.state;
  if (open === null || open.phase !== 'Running' || !seen.windowOpen) return;
  const inFlight = inFlightCount(open);
  const changed = new Map<string, TargetOutcome>();
  for (const outcome of open.outcomes.values()) {
    if (!isUnderWay(outcome.outcome)) continue;
    const after = startOver(draft, open, outcome, seen, inFlight + changed.size);
    if (after === outcome) continue;
    changed.set(outcome.target, after);
    tellOutcome(draft, after);
  }
  setOutcomes(draft, changed);
}

function startOver(
  draft: Draft,
  open: Rollout,
  outcome: TargetOutcome,
  seen: Observations,
  inFlight: number,
): TargetOutcome {
  const target = draft.targets.get(outcome.target);
  const rendering = renderingOf(draft, seen, outcome.revision, outcome.target);
  if (target === undefined || rendering.state === 'Pending') return outcome;
  if (rendering.state === 'Ready' && rendering.bundle === target.bundle) return outcome;
  const hasRoom =
    isInFlight(outcome.outcome) ||
    inFlight <
      concurrencyOf(
        open.strategy.waves[outcome.wave]?.maxConcurrent ?? 1,
        membersOf(open, outcome.wave).length,
      );
  if (!hasRoom) return outcome;
  const turn = takeTurn(draft, outcome, seen, 'wait');
  if (turn.type === 'wait') return outcome;
  return turn.type === 'end' ? turn.outcome : assignIn(draft, open, outcome, turn, seen);
}

/** Assigns in the open rollout as far as concurrency, windows and guards let it. */
export function assignRollout(draft: Draft, seen: Observations): void {
  const { open } = draft.state;
  if (open === null || open.phase !== 'Running' || !seen.windowOpen) return;
  for (let wave = 0; wave <= openWave(open); wave++) assignWave(draft, wave, seen);
}

function assignWave(draft: Draft, wave: number, seen: Observations): void {
  const { open } = draft.state;
  if (open === null) return;
  const carried = new Set(open.carried.map(({ target }) => target));
  const members = membersOf(open, wave);
  const pending = inTurn(
    members.filter(({ outcome }) => outcome === 'Pending'),
    carried,
    seen,
  );
  let room =
    concurrencyOf(open.strategy.waves[wave]?.maxConcurrent ?? 1, members.length) - inFlightCount(open);
  const changed = new Map<string, TargetOutcome>();
  for (const outcome of pending) {
    // A target still in flight from before takes its own place again: a newer revision pre-empts a stuck one.
    const needsRoom = carried.has(outcome.target) ? 0 : 1;
    if (room < needsRoom) break;
    const turn = takeTurn(draft, outcome, seen);
    if (turn.type === 'wait') continue;
    const after = turn.type === 'end' ? turn.outcome : assignIn(draft, open, outcome, turn, seen);
    if (turn.type === 'assign') room -= needsRoom;
    changed.set(outcome.target, after);
    tellOutcome(draft, after);
  }
  setOutcomes(draft, changed);
  dropCarried(draft, changed);
}

/** Targets in flight from before first, then by name. */
function inTurn(pending: TargetOutcome[], carried: ReadonlySet<string>, seen: Observations): TargetOutcome[] {
  return sortedBy(pending, ({ target }) => `${carried.has(target) ? 0 : 1} ${nameOf(seen, target)}`);
}

/** By cluster name, ids deciding between equal ones. */
export function nameOf(seen: Observations, target: string): string {
  return `${seen.targets.get(target)?.clusterName ?? ''} ${target}`;
}

/** Each key is made once: fleets are large and a step is short. */
export function sortedBy<T>(items: readonly T[], keyOf: (item: T) => string): T[] {
  return items
    .map((item) => ({ item, key: keyOf(item) }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ item }) => item);
}

function takeTurn(draft: Draft, outcome: TargetOutcome, seen: Observations, whenAway?: 'wait'): Turn {
  const target = draft.targets.get(outcome.target);
  const observation = seen.targets.get(outcome.target);
  if (target === undefined || observation === undefined) return { type: 'wait' };
  const refused = refusal(draft, outcome, target, observation);
  // What is under way already stays so while its cluster is away or held.
  if (refused !== null) return whenAway === undefined ? refused : { type: 'wait' };
  const rendering = renderingOf(draft, seen, outcome.revision, target.id);
  if (rendering.state === 'Pending') return { type: 'wait' };
  if (rendering.state === 'Failed') {
    return { type: 'end', outcome: finish(outcome, 'Failed', 'render', rendering.message, draft.nowMs) };
  }
  const drop = dropOf(draft, seen, observation.reported?.bundle ?? null, rendering.bundle);
  if (drop === null) return { type: 'wait' };
  const candidate = { target, rendering, drop, revision: outcome.revision };
  if (isHeld(draft, 'rollout', candidate, seen)) return { type: 'wait' };
  return { type: 'assign', rendering, drop };
}

/** Who is not moved at all when its turn comes. */
function refusal(
  draft: Draft,
  outcome: TargetOutcome,
  target: TargetState,
  observation: Observation,
): Turn | null {
  const skip = (reason: 'pinned' | 'paused', message: string): Turn => ({
    type: 'end',
    outcome: finish(outcome, 'Skipped', reason, message, draft.nowMs),
  });
  if (target.pin !== null)
    return skip('pinned', `pinned at revision ${target.pin.revision}: ${target.pin.reason}`);
  if (observation.clusterState === 'Paused') return skip('paused', 'the cluster is paused');
  if (observation.clusterState === 'Active' && observation.connection === 'Connected') return null;
  switch (draft.state.open?.strategy.offline ?? 'defer') {
    case 'wait':
      return { type: 'wait' };
    case 'defer':
      return {
        type: 'end',
        outcome: finish(outcome, 'Deferred', 'offline', offlineMessage(observation), draft.nowMs),
      };
    case 'fail':
      return {
        type: 'end',
        outcome: finish(outcome, 'Failed', 'offline', offlineMessage(observation), draft.nowMs),
      };
  }
}

function offlineMessage(observation: Observation): string {
  return observation.connection === 'Connected'
    ? `the cluster is ${observation.clusterState}`
    : 'the cluster is offline';
}

export interface Candidate {
  target: TargetState;
  revision: number;
  rendering: Ready;
  drop: Drop;
}

/** True while a person must answer for this revision; the question is asked once for the fleet. */
export function isHeld(
  draft: Draft,
  place: 'rollout' | 'lane',
  candidate: Candidate,
  seen: Observations,
): boolean {
  const { revision, drop } = candidate;
  if (draft.state.confirmedDrops.includes(revision)) return false;
  if (wasHealthyHere(draft, candidate, seen)) return false;
  const held = (place === 'rollout' ? draft.state.open?.heldDrops : draft.state.laneDrops) ?? [];
  if (held.some((question) => question.revision === revision)) return true;
  if (!isMassDrop(drop)) return false;
  ask(draft, place, [...held, { revision, ...drop, sinceMs: draft.nowMs }]);
  const message = `revision ${revision} drops ${drop.dropped} of ${drop.total} objects and waits for confirmation`;
  const about = place === 'lane' ? { rollout: '' } : {};
  tell(draft, 'DropHeld', message, { ...about, target: candidate.target.id, detail: { revision, ...drop } });
  return true;
}

function ask(draft: Draft, place: 'rollout' | 'lane', questions: readonly HeldDrop[]): void {
  if (place === 'rollout') setOpen(draft, { heldDrops: questions });
  else draft.state = { ...draft.state, laneDrops: questions };
}

/** Going back to a bundle that was healthy there needs no confirmation. */
function wasHealthyHere(
  draft: Draft,
  { target, revision, rendering }: Candidate,
  seen: Observations,
): boolean {
  if (target.healthy.includes(revision)) return true;
  const last = lastHealthy(target, draft.state.rejected);
  if (last === null) return false;
  const before = seen.render(last, target.id);
  return before.state === 'Ready' && before.bundle === rendering.bundle;
}

function assignIn(
  draft: Draft,
  open: Rollout,
  outcome: TargetOutcome,
  turn: Extract<Turn, { type: 'assign' }>,
  seen: Observations,
): TargetOutcome {
  const cause = outcome.reason === 'person' ? 'retry' : causeOf(open);
  const wave = open.strategy.waves[outcome.wave]?.name ?? '';
  const target = draft.targets.get(outcome.target);
  if (target === undefined) return outcome;
  const made = make(draft, { target, revision: outcome.revision, ...turn }, seen, {
    cause,
    reason: `${cause} of revision ${open.revision}, wave ${wave}`,
    rollout: open.id,
    wave,
  });
  setTarget(draft, target.id, { lane: null });
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
  const mayPrune = seen.prune && seen.targets.get(target.id)?.inventoryUnconfirmed !== true;
  const { variant, bundle, sizeBytes } = rendering;
  const made: Assignment = {
    target: target.id,
    clusterId: target.clusterId,
    assignment: target.assignment + 1,
    revision,
    variant,
    bundle,
    sizeBytes,
    deletesMax: deletesMax(drop, mayPrune),
    ...why,
  };
  draft.assignments.push(made);
  setTarget(draft, target.id, { assignment: made.assignment, revision, variant, bundle });
  return made;
}

function dropCarried(draft: Draft, assigned: ReadonlyMap<string, TargetOutcome>): void {
  const { open } = draft.state;
  if (open === null || !open.carried.some(({ target }) => isAnew(assigned.get(target)))) return;
  setOpen(draft, { carried: open.carried.filter(({ target }) => !isAnew(assigned.get(target))) });
}

function isAnew(outcome: TargetOutcome | undefined): boolean {
  return outcome?.outcome === 'Assigned';
}
