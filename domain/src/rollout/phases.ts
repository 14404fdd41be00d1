/**
 * How a rollout begins and ends: one open at most, one waiting at most. Closing withdraws a revision where it was not
 * assigned and moves nothing that was; a rollback opens in the same step that closes what it undoes.
 */
import { setTarget, tell, type Draft } from './draft.ts';
import { lastHealthy } from './entitled.ts';
import { isInFlight, isUnderWay } from './outcome.ts';
import type {
  ClosedPhase,
  OutcomeReason,
  OutcomeType,
  Progress,
  Rollout,
  TargetOutcome,
  TargetState,
} from './state.ts';
import type { Observations } from './step.ts';
import type { Strategy } from './strategy.ts';
import { wavesOf, type WaveMember } from './waves.ts';

type Seen = Pick<Observations, 'targets'>;

/** Opens a forward rollout over all targets that have not left. Whatever was open must be closed before. */
export function openForward(draft: Draft, rollout: Rollout, seen: Seen, carried: readonly Progress[]): void {
  const members = [...draft.targets.values()].filter((target) => !target.leaving);
  const waves = wavesOf(
    rollout.strategy,
    members.map((target) => memberOf(target, seen)),
  );
  const outcomes = members.map((target) => pendingOf(target, rollout.revision, waves.get(target.id) ?? 0));
  open(draft, rollout, outcomes, carried);
  if (draft.state.rejected.includes(rollout.revision)) {
    draft.state = {
      ...draft.state,
      rejected: draft.state.rejected.filter((revision) => revision !== rollout.revision),
    };
  }
  const detail = { revision: rollout.revision, targets: outcomes.length };
  tell(
    draft,
    'Started',
    `revision ${rollout.revision} to ${outcomes.length} targets, by ${rollout.createdBy}`,
    { detail },
  );
}

/**
 * Undoes `of`: its revision becomes Rejected, and every target that was assigned it goes back to what was last healthy
 * there, in the same waves. No soak, no approval, no gate and no window of a wave: the way back leads to what is known to run. Its first failure pauses it.
 */
export function openRollback(
  draft: Draft,
  of: Rollout,
  id: string,
  by: string,
  reason: string,
  seen: Seen,
): void {
  const { rejected } = draft.state;
  if (!rejected.includes(of.revision)) draft.state = { ...draft.state, rejected: [...rejected, of.revision] };
  tell(draft, 'Rejected', `revision ${of.revision} is rejected: ${reason}`, { rollout: of.id });
  const carried = of.phase === 'Running' || of.phase === 'Paused' ? close(draft, 'RolledBack', reason) : [];
  const strategy = rollbackStrategy(of.strategy);
  const members = [...draft.targets.values()].filter(
    (target) => target.revision === of.revision && !target.leaving,
  );
  const computed = wavesOf(
    strategy,
    members.map((target) => memberOf(target, seen)),
  );
  const outcomes = members.flatMap((target) => {
    const revision = lastHealthy(target, draft.state.rejected);
    const wave = of.outcomes.get(target.id)?.wave ?? computed.get(target.id) ?? strategy.waves.length - 1;
    return revision === null ? [] : [pendingOf(target, revision, wave)];
  });
  const rollout: Rollout = {
    ...newRollout({ id, revision: of.revision, strategy, by }, draft.nowMs),
    kind: 'rollback',
    of: of.id,
  };
  open(draft, rollout, outcomes, carried);
  const stay = members.length - outcomes.length;
  const rest = stay === 0 ? '' : `; ${stay} have nothing healthy to go back to and stay as they are`;
  const detail = { undone: of.revision, targets: outcomes.length, stay };
  tell(
    draft,
    'Started',
    `rollback of revision ${of.revision} on ${outcomes.length} targets${rest}: ${reason}`,
    { detail },
  );
}

/** Closes the open rollout; returns what of it is still in flight, for whoever supersedes it. */
export function close(draft: Draft, phase: ClosedPhase, reason: string): readonly Progress[] {
  const { open: rollout } = draft.state;
  if (rollout === null) return [];
  const outcomes = new Map<string, TargetOutcome>();
  for (const outcome of rollout.outcomes.values()) {
    outcomes.set(
      outcome.target,
      closedOutcome(outcome, phase, canGoBack(draft, rollout, outcome), draft.nowMs),
    );
    if (outcome.assignment === null && phase !== 'Completed') withdraw(draft, outcome);
  }
  const closed: Rollout = {
    ...rollout,
    phase,
    phaseReason: reason,
    pausedBy: null,
    closedAtMs: draft.nowMs,
    outcomes,
  };
  draft.state = {
    ...draft.state,
    open: null,
    closed: [...draft.state.closed, { ...closed, carried: [], heldDrops: [] }],
  };
  if (phase === 'Completed' && rollout.kind === 'forward') noteCompleted(draft, rollout.revision);
  tell(draft, 'Closed', reason === '' ? phase : `${phase}: ${reason}`, {
    rollout: rollout.id,
    detail: { phase },
  });
  return [...rollout.carried, ...[...rollout.outcomes.values()].filter(({ outcome }) => isInFlight(outcome))];
}

/** The revision comes off a target to which it was given but never assigned. */
export function withdraw(draft: Draft, outcome: TargetOutcome): void {
  const target = draft.targets.get(outcome.target);
  if (target !== undefined && target.given === outcome.revision && target.given !== outcome.givenBefore) {
    setTarget(draft, outcome.target, { given: outcome.givenBefore });
  }
}

export function newRollout(
  from: { id: string; revision: number; strategy: Strategy; by: string },
  nowMs: number,
): Rollout {
  return {
    id: from.id,
    kind: 'forward',
    of: null,
    revision: from.revision,
    strategy: from.strategy,
    phase: 'Queued',
    phaseReason: '',
    pausedBy: null,
    createdBy: from.by,
    createdAtMs: nowMs,
    startedAtMs: null,
    closedAtMs: null,
    waves: [],
    outcomes: new Map(),
    carried: [],
    heldDrops: [],
  };
}

export function pendingOf(target: TargetState, revision: number, wave: number): TargetOutcome {
  return {
    target: target.id,
    revision,
    outcome: 'Pending',
    reason: '',
    message: '',
    assignment: null,
    assignedAtMs: null,
    echoedAtMs: null,
    soakedMs: 0,
    healthyFromMs: null,
    finishedAtMs: null,
    wave,
    regressedAtMs: null,
    givenBefore: target.given,
  };
}

export function memberOf(target: TargetState, seen: Seen): WaveMember {
  const observation = seen.targets.get(target.id);
  return { id: target.id, clusterName: observation?.clusterName ?? '', labels: observation?.labels ?? {} };
}

function open(
  draft: Draft,
  rollout: Rollout,
  outcomes: readonly TargetOutcome[],
  carried: readonly Progress[],
): void {
  const waves = rollout.strategy.waves.map(({ name }) => ({
    name,
    openedAtMs: null,
    approval: null,
    forgiven: 0,
    announced: '',
    announcedUntilMs: null,
  }));
  draft.state = {
    ...draft.state,
    open: {
      ...rollout,
      phase: 'Running',
      phaseReason: '',
      startedAtMs: draft.nowMs,
      waves,
      outcomes: new Map(outcomes.map((outcome) => [outcome.target, outcome])),
      carried: carried.map(asProgress),
    },
  };
}

/** An outcome of the superseded rollout without what only belongs to its waves. */
function asProgress(progress: Progress): Progress {
  const { target, revision, outcome, reason, message, assignment, assignedAtMs, echoedAtMs } = progress;
  const { soakedMs, healthyFromMs, finishedAtMs } = progress;
  const made = { target, revision, outcome, reason, message, assignment, assignedAtMs };
  return { ...made, echoedAtMs, soakedMs, healthyFromMs, finishedAtMs };
}

function rollbackStrategy(strategy: Strategy): Strategy {
  const waves = strategy.waves.map((wave) => ({
    ...wave,
    soakMs: 0,
    approval: false,
    gates: [],
    windows: [],
    maxFailures: 0,
  }));
  return { ...strategy, waves, onFailure: 'pause' };
}

function closedOutcome(
  outcome: TargetOutcome,
  phase: ClosedPhase,
  goesBack: boolean,
  nowMs: number,
): TargetOutcome {
  const end = (type: OutcomeType, reason: OutcomeReason): TargetOutcome => ({
    ...outcome,
    outcome: type,
    reason,
    finishedAtMs: outcome.finishedAtMs ?? nowMs,
  });
  const isUnassigned = outcome.outcome === 'Pending' || outcome.outcome === 'Deferred';
  switch (phase) {
    case 'Completed':
      return outcome;
    case 'Superseded':
      return isUnassigned || isUnderWay(outcome.outcome) ? end('Superseded', '') : outcome;
    case 'RolledBack':
      if (isUnassigned) return end('Skipped', 'withdrawn');
      return goesBack ? end('RolledBack', outcome.reason) : outcome;
    case 'Aborted':
      return isUnassigned ? end('Skipped', 'withdrawn') : outcome;
  }
}

function canGoBack(draft: Draft, rollout: Rollout, outcome: TargetOutcome): boolean {
  const target = draft.targets.get(outcome.target);
  if (target === undefined || outcome.assignment === null || target.revision !== rollout.revision)
    return false;
  return lastHealthy(target, draft.state.rejected) !== null;
}

function noteCompleted(draft: Draft, revision: number): void {
  const completed = [revision, ...draft.state.completed.filter((earlier) => earlier !== revision)].slice(
    0,
    10,
  );
  draft.state = { ...draft.state, completed };
}
