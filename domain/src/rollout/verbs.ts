/**
 * What people and automation ask of a rollout, as pure transitions. A verb never assigns: it changes the state, and the
 * next step draws the consequences.
 */
import { draftOf, setOpen, setOutcomes, setTarget, stateOf, tell, noteSuccess, type Draft } from './draft.ts';
import { restartGates, waitingGates, waiveGates } from './checks.ts';
import { areOpenedDone, forgiveFailures, isUnapproved, openWave, setWave } from './gates.ts';
import { laneFailures } from './lane.ts';
import { tellOutcome } from './observe.ts';
import { finish, isFinished, isUnderWay } from './outcome.ts';
import { close, newRollout, openRollback, withdraw } from './phases.ts';
import { blockerOf, dropWaiting, freedBy, newestKnown, supersede, wait, type Proposal } from './proposal.ts';
import type { FleetState, Pin, Rollout, TargetOutcome } from './state.ts';
import type { Observations, RolloutEvent, VerbResult } from './step.ts';

type Seen = Pick<Observations, 'targets'>;

/**
 * A new revision is ready. Waits as AwaitingSync (manual sync); waits as Queued behind a rollback, behind what a person
 * paused, or by `queue`; else starts at once, superseding a forward rollout, also one that failures paused: a bad
 * revision must not stand in the way of the one that mends it.
 */
export function propose(state: FleetState, proposal: Proposal, seen: Seen, nowMs: number): VerbResult {
  if (state.rejected.includes(proposal.revision)) return refuse(`revision ${proposal.revision} is Rejected`);
  const freed = freedBy(proposal, state.waiting);
  const newest = newestKnown({ ...state, waiting: freed === null ? state.waiting : null });
  if (newest >= proposal.revision) return refuse(`revision ${newest} is as new or newer`);
  const draft = draftOf(freed === null ? state : { ...state, waiting: null }, nowMs);
  const rollout = freed ?? newRollout(proposal, nowMs);
  if (!proposal.automated) {
    wait(draft, { ...rollout, phase: 'AwaitingSync' }, 'waits for a person to sync');
    return done(draft);
  }
  const blocker = blockerOf(state.open, proposal.strategy);
  if (blocker === '') supersede(draft, rollout, seen);
  else wait(draft, { ...rollout, phase: 'Queued', phaseReason: blocker }, blocker);
  return done(draft);
}

/** A person starts a revision, also an older or Rejected one, over whatever is open, a rollback included. */
export function start(state: FleetState, proposal: Proposal, seen: Seen, nowMs: number): VerbResult {
  const draft = draftOf(state, nowMs);
  supersede(draft, newRollout(proposal, nowMs), seen);
  return done(draft);
}

/** A person starts the waiting rollout. */
export function startWaiting(state: FleetState, by: string, seen: Seen, nowMs: number): VerbResult {
  const { waiting } = state;
  if (waiting === null) return refuse('no rollout is waiting');
  const draft = draftOf({ ...state, waiting: null }, nowMs);
  supersede(draft, { ...waiting, createdBy: by }, seen);
  return done(draft);
}

export function pause(state: FleetState, by: string, reason: string, nowMs: number): VerbResult {
  if (state.open?.phase !== 'Running') return refuse('no rollout is running');
  const draft = draftOf(state, nowMs);
  setOpen(draft, { phase: 'Paused', phaseReason: reason, pausedBy: 'person' });
  tell(draft, 'Paused', `${by}: ${reason}`);
  return done(draft);
}

/** Failures so far are accepted: only new ones halt again. A gate that failed is checked again from the start. */
export function resume(state: FleetState, by: string, nowMs: number): VerbResult {
  if (state.open?.phase !== 'Paused') return refuse('no rollout is paused');
  const draft = draftOf(state, nowMs);
  const { strategy } = state.open;
  const waves = forgiveFailures(state.open).map((wave, at) => restartGates(strategy.waves[at], wave, nowMs));
  setOpen(draft, { phase: 'Running', phaseReason: '', pausedBy: null, waves });
  tell(draft, 'Resumed', by);
  return done(draft);
}

/** `wave` by name; counts only for the open rollout, so never for another revision. */
export function approve(state: FleetState, wave: string, by: string, nowMs: number): VerbResult {
  const at = state.open?.waves.findIndex(({ name }) => name === wave) ?? -1;
  const found = state.open?.waves[at];
  if (found === undefined) return refuse(`no open rollout has a wave ${wave}`);
  if (found.openedAtMs !== null) return refuse(`wave ${wave} has started already`);
  if (found.approval !== null) return refuse(`wave ${wave} is approved already, by ${found.approval.by}`);
  const draft = draftOf(state, nowMs);
  setWave(draft, at, { approval: { by, atMs: nowMs } });
  tell(draft, 'Approved', `wave ${wave} by ${by}`);
  return done(draft);
}

/**
 * Skips the rest of the soak of every target that is soaking and reported healthy now; where none is, the gates that the
 * next wave waits for.
 */
export function promote(state: FleetState, by: string, nowMs: number): VerbResult {
  const soaking = [...(state.open?.outcomes.values() ?? [])].filter(
    ({ outcome, healthyFromMs }) => outcome === 'Soaking' && healthyFromMs !== null,
  );
  if (soaking.length === 0) return passGates(state, by, nowMs);
  const draft = draftOf(state, nowMs);
  const message = `promoted by ${by}`;
  const outcomes = soaking.map((outcome) => finish(outcome, 'Succeeded', '', message, nowMs));
  for (const { target, revision } of outcomes) noteSuccess(draft, target, revision);
  setOutcomes(draft, new Map(outcomes.map((outcome) => [outcome.target, outcome])));
  tell(draft, 'Promoted', `${soaking.length} targets, by ${by}`);
  return done(draft);
}

function passGates(state: FleetState, by: string, nowMs: number): VerbResult {
  const { open } = state;
  const at = open === null ? -1 : openWave(open) + 1;
  const wave = open?.strategy.waves[at];
  const progress = open?.waves[at];
  const refusal = 'no target is soaking, and no wave waits for a gate';
  if (open === null || wave === undefined || progress === undefined) return refuse(refusal);
  const gates = waitingGates(wave, progress);
  if (gates.length === 0 || !areOpenedDone(open) || isUnapproved(open, wave, at)) return refuse(refusal);
  const draft = draftOf(state, nowMs);
  setWave(draft, at, { gates: waiveGates(wave, progress, by, () => true) });
  tell(
    draft,
    'Promoted',
    `wave ${wave.name} past ${gates.map(({ gate }) => `gate ${gate.name}`).join(', ')}, by ${by}`,
  );
  return done(draft);
}

/** Withdraws the revision where it was not assigned and moves nothing that was. A waiting rollout simply goes. */
export function abort(state: FleetState, by: string, reason: string, nowMs: number): VerbResult {
  const draft = draftOf(state, nowMs);
  const words = reason === '' ? by : `${by}: ${reason}`;
  if (state.open !== null) close(draft, 'Aborted', words);
  else if (state.waiting !== null) dropWaiting(draft, 'Aborted', words);
  else return refuse('no rollout is open or waiting');
  return done(draft);
}

/** Undoes the open rollout `of`, or, with none open, the one given; its revision becomes Rejected. */
export function rollback(
  state: FleetState,
  options: { id: string; of: Rollout; by: string; reason: string },
  seen: Seen,
  nowMs: number,
): VerbResult {
  const { id, of, by, reason } = options;
  if (of.kind === 'rollback') return refuse('a rollback cannot be rolled back: start a revision instead');
  if (state.open !== null && state.open.id !== of.id)
    return refuse('another rollout is open: abort it first');
  const draft = draftOf(state, nowMs);
  openRollback(draft, state.open ?? of, id, by, reason, seen);
  return done(draft);
}

/** A target gets another assignment: in the open rollout where its turn has been, else in the lane. */
export function retry(state: FleetState, target: string, by: string, nowMs: number): VerbResult {
  const draft = draftOf(state, nowMs);
  const refused = retryIn(draft, target, by);
  return refused === '' ? done(draft) : refuse(refused);
}

/** `retry` of many at once (sync now); those that refuse are left out. */
export function retryAll(
  state: FleetState,
  targets: readonly string[],
  by: string,
  nowMs: number,
): { state: FleetState; events: readonly RolloutEvent[]; retried: readonly string[] } {
  const draft = draftOf(state, nowMs);
  const retried = targets.filter((target) => retryIn(draft, target, by) === '');
  return { state: stateOf(draft), events: draft.events, retried };
}

/** Leaves a target out of the open rollout: it is not given the revision, and what it was given before comes back. */
export function skip(
  state: FleetState,
  target: string,
  by: string,
  reason: string,
  nowMs: number,
): VerbResult {
  const outcome = state.open?.outcomes.get(target);
  if (outcome === undefined) return refuse('the target is not part of an open rollout');
  if (outcome.outcome === 'Succeeded' || outcome.outcome === 'Skipped')
    return refuse(`the target is ${outcome.outcome}`);
  if (isUnderWay(outcome.outcome)) return refuse('the target was assigned already');
  const draft = draftOf(state, nowMs);
  const skipped = finish(outcome, 'Skipped', 'person', `${by}: ${reason}`, nowMs);
  if (outcome.assignment === null) withdraw(draft, outcome);
  setOutcomes(draft, new Map([[target, skipped]]));
  tellOutcome(draft, skipped);
  return done(draft);
}

export function pin(state: FleetState, target: string, at: Pin, by: string, nowMs: number): VerbResult {
  if (!state.targets.has(target)) return refuse('no such target');
  if (at.expiresAtMs !== null && at.expiresAtMs <= nowMs) return refuse('the pin would have expired already');
  const draft = draftOf(state, nowMs);
  setTarget(draft, target, { pin: at });
  tell(draft, 'Pinned', `at revision ${at.revision} by ${by}: ${at.reason}`, { target, rollout: '' });
  return done(draft);
}

export function unpin(state: FleetState, target: string, by: string, nowMs: number): VerbResult {
  if ((state.targets.get(target)?.pin ?? null) === null) return refuse('the target is not pinned');
  const draft = draftOf(state, nowMs);
  setTarget(draft, target, { pin: null });
  tell(draft, 'Unpinned', `by ${by}`, { target, rollout: '' });
  return done(draft);
}

/** Answers the question of the drop guard for one revision, for the whole fleet. */
export function confirmDrop(state: FleetState, revision: number, by: string, nowMs: number): VerbResult {
  const isAsked = [...(state.open?.heldDrops ?? []), ...state.laneDrops].some(
    (held) => held.revision === revision,
  );
  if (!isAsked) return refuse(`nothing of revision ${revision} waits for confirmation`);
  const draft = draftOf(state, nowMs);
  const others = state.laneDrops.filter((held) => held.revision !== revision);
  draft.state = { ...draft.state, confirmedDrops: [...state.confirmedDrops, revision], laneDrops: others };
  setOpen(draft, { heldDrops: (state.open?.heldDrops ?? []).filter((held) => held.revision !== revision) });
  tell(draft, 'Confirmed', `the drop of objects of revision ${revision}, by ${by}`);
  return done(draft);
}

/** Accepts the failures in the lane, so that it moves on. */
export function resumeLane(state: FleetState, by: string, nowMs: number): VerbResult {
  const failures = laneFailures(state.targets);
  if (failures <= state.laneForgiven) return refuse('nothing holds the lane');
  const draft = draftOf({ ...state, laneForgiven: failures }, nowMs);
  tell(draft, 'Resumed', `the lane, by ${by}`, { rollout: '' });
  return done(draft);
}

/** Why not; '' when it was done. */
function retryIn(draft: Draft, target: string, by: string): string {
  const found = draft.targets.get(target);
  if (found === undefined || found.leaving) return 'no such target';
  const outcome = draft.state.open?.outcomes.get(target);
  if (outcome?.outcome === 'Failed' || outcome?.outcome === 'Skipped' || outcome?.outcome === 'Deferred') {
    retryInRollout(draft, outcome, by);
    return '';
  }
  if (outcome !== undefined && !isFinished(outcome.outcome)) return `the target is ${outcome.outcome}`;
  if (found.entitled === null) return 'no revision belongs on this target yet';
  if (found.lane !== null && isUnderWay(found.lane.outcome)) return `the target is ${found.lane.outcome}`;
  askLane(draft, target, found.entitled);
  tell(draft, 'Retried', `by ${by}`, { target, rollout: '' });
  return '';
}

function retryInRollout(draft: Draft, outcome: TargetOutcome, by: string): void {
  const { open } = draft.state;
  if (open === null) return;
  const target = draft.targets.get(outcome.target);
  const isOpened = outcome.wave <= openWave(open);
  const again: TargetOutcome = {
    ...outcome,
    outcome: 'Pending',
    reason: 'person',
    message: '',
    assignment: null,
    finishedAtMs: null,
    givenBefore: target?.given === outcome.revision ? outcome.givenBefore : (target?.given ?? null),
  };
  if (isOpened) setTarget(draft, outcome.target, { given: outcome.revision });
  setOutcomes(draft, new Map([[outcome.target, again]]));
  tell(draft, 'Retried', `by ${by}`, { target: outcome.target });
}

function askLane(draft: Draft, target: string, revision: number): void {
  const cleared = {
    soakedMs: 0,
    healthyFromMs: null,
    finishedAtMs: null,
    assignedAtMs: null,
    echoedAtMs: null,
  };
  const asked = {
    target,
    revision,
    outcome: 'Pending',
    reason: 'person',
    message: '',
    assignment: null,
  } as const;
  setTarget(draft, target, { lane: { ...asked, ...cleared } });
}

function refuse(reason: string): VerbResult {
  return { ok: false, reason };
}

function done(draft: Draft): VerbResult {
  return { ok: true, state: stateOf(draft), events: draft.events };
}
