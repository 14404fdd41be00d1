/**
 * Whose turn is it, and what is to become of it: assigned, or deferred, skipped or failed with a reason. A target's turn
 * comes when its wave is open and there is room in flight.
 */
import { concurrencyOf } from './amount.ts';
import { dropOf, inFlightCount, renderingOf, setOpen, tell, type Draft } from './draft.ts';
import { lastHealthy } from './entitled.ts';
import { announce, membersOf, openWave } from './gates.ts';
import { isMassDrop } from './guards.ts';
import { finish, isInFlight, isUnderWay } from './outcome.ts';
import type { HeldDrop, Rollout, TargetOutcome, TargetState } from './state.ts';
import type { Drop, Observation, Observations, Rendering } from './step.ts';
import { askerOf, closedBy, noHold, type Hold } from './windows.ts';

export type Ready = Extract<Rendering, { state: 'Ready' }>;

export type Decision =
  | { type: 'end'; outcome: TargetOutcome }
  | { type: 'assign'; outcome: TargetOutcome; rendering: Ready; drop: Drop };

/** Not yet: something is still to be rendered or counted, a question is open, or the cluster or a window is waited for. */
type Turn = Decision | { type: 'wait'; closed?: Hold };

/** Everything that is decided now about the open rollout, in the order in which it is to happen. */
export function decide(draft: Draft, open: Rollout, seen: Observations): Decision[] {
  const room = { inFlight: inFlightCount(open) };
  const decisions = decideVariants(draft, open, seen, room);
  for (let wave = 0; wave <= openWave(open); wave++)
    decisions.push(...decideWave(draft, open, wave, seen, room));
  return decisions;
}

/**
 * A change of labels or facts that yields another bundle: in flight or soaking, the target starts over with it. (What has
 * Succeeded stays so; the lane moves it.)
 */
function decideVariants(
  draft: Draft,
  open: Rollout,
  seen: Observations,
  room: { inFlight: number },
): Decision[] {
  const decisions: Decision[] = [];
  for (const outcome of open.outcomes.values()) {
    if (!isUnderWay(outcome.outcome) || !hasOtherVariant(draft, outcome, seen)) continue;
    const needsRoom = isInFlight(outcome.outcome) ? 0 : 1;
    if (room.inFlight + needsRoom > roomIn(open, outcome.wave)) continue;
    const turn = takeTurn(draft, outcome, seen, 'wait');
    if (turn.type === 'wait') continue;
    if (turn.type === 'assign') room.inFlight += needsRoom;
    decisions.push(turn);
  }
  return decisions;
}

function hasOtherVariant(draft: Draft, outcome: TargetOutcome, seen: Observations): boolean {
  const rendering = renderingOf(draft, seen, outcome.revision, outcome.target);
  if (rendering.state === 'Pending') return false;
  return rendering.state === 'Failed' || rendering.bundle !== draft.targets.get(outcome.target)?.bundle;
}

function decideWave(
  draft: Draft,
  open: Rollout,
  wave: number,
  seen: Observations,
  room: { inFlight: number },
): Decision[] {
  const carried = new Set(open.carried.map(({ target }) => target));
  const pending = membersOf(open, wave).filter(({ outcome }) => outcome === 'Pending');
  const limit = pending.length === 0 ? 0 : roomIn(open, wave);
  const decisions: Decision[] = [];
  let closed = noHold;
  for (const outcome of inTurn(pending, carried, seen)) {
    // A target still in flight from before takes its own place again: a newer revision pre-empts a stuck one.
    const needsRoom = carried.has(outcome.target) ? 0 : 1;
    if (room.inFlight + needsRoom > limit && needsRoom > 0) break;
    const turn = takeTurn(draft, outcome, seen);
    if (turn.type === 'wait' && closed.words === '') closed = turn.closed ?? noHold;
    if (turn.type === 'wait') continue;
    if (turn.type === 'assign') room.inFlight += needsRoom;
    decisions.push(turn);
  }
  announce(draft, wave, closed);
  return decisions;
}

function roomIn(open: Rollout, wave: number): number {
  return concurrencyOf(open.strategy.waves[wave]?.maxConcurrent ?? 1, membersOf(open, wave).length);
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
  const closed = closedFor(draft, outcome, seen);
  if (closed.words !== '') return { type: 'wait', closed };
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
  return { type: 'assign', outcome, rendering, drop };
}

/** Nothing happens to a target, not even that it is passed over, while its window is closed. */
function closedFor(draft: Draft, outcome: TargetOutcome, seen: Observations): Hold {
  const { open } = draft.state;
  if (open === null) return noHold;
  const windows = open.strategy.waves[outcome.wave]?.windows ?? [];
  return closedBy(
    draft,
    seen,
    outcome.target,
    windows,
    outcome.reason === 'person' ? 'person' : askerOf(open),
  );
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
  // The revision stays and the bundle does not: what was healthy here was another variant of it.
  if (target.revision === revision && target.bundle !== rendering.bundle) return false;
  if (target.healthy.includes(revision)) return true;
  const last = lastHealthy(target, draft.state.rejected);
  if (last === null) return false;
  const before = seen.render(last, target.id);
  return before.state === 'Ready' && before.bundle === rendering.bundle;
}
