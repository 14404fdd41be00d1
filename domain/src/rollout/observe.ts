/** First half of a step: what was observed becomes outcomes. Judges every assignment under way and draws no consequence. */
import { noteSuccess, setOpen, setOutcomes, setTarget, tell, type Draft } from './draft.ts';
import { carriedRules, laneRules, waveRules } from './judgeRules.ts';
import { finish, isDegraded, isInFlight, judge } from './outcome.ts';
import { memberOf, pendingOf, withdraw } from './phases.ts';
import type { Progress, Rollout, TargetOutcome } from './state.ts';
import type { Observation, Observations } from './step.ts';
import type { Strategy } from './strategy.ts';
import { membersOf, openWave } from './gates.ts';
import { waveOfJoiner } from './waves.ts';

/** The outcomes of the open rollout: leavers go, assignments are judged, successes that turned bad are noted. */
export function observeRollout(draft: Draft, seen: Observations): void {
  const { open } = draft.state;
  if (open === null) return;
  const changed = new Map<string, TargetOutcome>();
  for (const outcome of open.outcomes.values()) {
    const after = observeOutcome(draft, open, outcome, seen);
    if (after !== outcome) changed.set(outcome.target, after);
  }
  setOutcomes(draft, changed);
  observeCarried(draft, seen);
}

/** Targets that joined the placement get the first matching wave, unless that has passed: then they are the lane's. */
export function observeJoiners(draft: Draft, seen: Observations): void {
  const { open } = draft.state;
  if (open === null || open.kind !== 'forward') return;
  const joined = new Map<string, TargetOutcome>();
  for (const target of draft.targets.values()) {
    if (target.leaving || open.outcomes.has(target.id) || !seen.targets.has(target.id)) continue;
    const wave = waveOfJoiner(open.strategy, memberOf(target, seen));
    if (hasPassed(open, wave)) continue;
    joined.set(target.id, pendingOf(target, open.revision, wave));
    if (wave === openWave(open)) setTarget(draft, target.id, { given: open.revision });
    const name = open.strategy.waves[wave]?.name ?? '';
    tell(draft, 'Joined', `joins in wave ${name}`, { target: target.id, detail: { wave: name } });
  }
  setOutcomes(draft, joined);
}

/** An empty wave passes without its gate being asked, so nobody may slip in behind it. */
function hasPassed(open: Rollout, wave: number): boolean {
  const present = openWave(open);
  return wave < present || (wave === present && membersOf(open, wave).length === 0);
}

/** Assignments outside any rollout. A failure on a target that Succeeded in the open rollout counts there as well. */
export function observeLane(draft: Draft, strategy: Strategy, seen: Observations): void {
  const rules = laneRules(strategy, seen);
  for (const target of draft.targets.values()) {
    if (target.lane === null) continue;
    const observation = seen.targets.get(target.id);
    const after = judge(target.lane, observation, rules, draft.nowMs);
    if (after === target.lane) continue;
    setTarget(draft, target.id, { lane: after });
    if (after.outcome === 'Succeeded') noteSuccess(draft, target.id, after.revision);
    if (after.outcome !== target.lane.outcome) tellLane(draft, after);
    if (after.outcome === 'Failed') noteRegression(draft, target.id, after.message);
  }
}

/** Pins whose time is over come off. */
export function observePins(draft: Draft): void {
  for (const target of draft.targets.values()) {
    const expiresAtMs = target.pin?.expiresAtMs ?? null;
    if (expiresAtMs === null || expiresAtMs > draft.nowMs) continue;
    setTarget(draft, target.id, { pin: null });
    tell(draft, 'Unpinned', 'the pin expired', { rollout: '', target: target.id });
  }
}

function observeOutcome(
  draft: Draft,
  open: Rollout,
  outcome: TargetOutcome,
  seen: Observations,
): TargetOutcome {
  const target = draft.targets.get(outcome.target);
  if (target === undefined || target.leaving) return leave(draft, outcome);
  const observation = seen.targets.get(outcome.target);
  if (outcome.outcome === 'Succeeded') return observeSuccess(draft, outcome, target.assignment, observation);
  const after = judge(outcome, observation, waveRules(open, outcome, seen), draft.nowMs);
  if (after.outcome === outcome.outcome) return after;
  if (after.outcome === 'Succeeded') noteSuccess(draft, outcome.target, outcome.revision);
  tellOutcome(draft, after);
  return after;
}

function observeSuccess(
  draft: Draft,
  outcome: TargetOutcome,
  assignment: number,
  observation: Observation | undefined,
): TargetOutcome {
  if (outcome.regressedAtMs !== null || outcome.assignment !== assignment) return outcome;
  if (isDegraded(outcome, observation, draft.nowMs)) {
    const message = observation?.reported?.healthMessage ?? '';
    tell(draft, 'Regressed', `degraded after it had succeeded: ${message}`, { target: outcome.target });
    return { ...outcome, regressedAtMs: draft.nowMs };
  }
  return outcome;
}

function leave(draft: Draft, outcome: TargetOutcome): TargetOutcome {
  const { outcome: type, reason } = outcome;
  if (type === 'Succeeded' || (type === 'Skipped' && reason === 'left')) return outcome;
  if (outcome.assignment === null) withdraw(draft, outcome);
  tell(draft, 'Left', 'left the placement', { target: outcome.target });
  return finish(outcome, 'Skipped', 'left', 'left the placement', draft.nowMs);
}

/** What superseded rollouts still have in flight: ends here, or when the target is assigned anew. */
function observeCarried(draft: Draft, seen: Observations): void {
  const { open } = draft.state;
  if (open === null || open.carried.length === 0) return;
  const rules = carriedRules(open, seen);
  const judged = open.carried.map((progress) => {
    const target = draft.targets.get(progress.target);
    if (target === undefined || target.leaving || target.assignment !== progress.assignment) return null;
    const observation = seen.targets.get(progress.target);
    const after = judge(progress, observation, rules, draft.nowMs);
    return isInFlight(after.outcome) ? after : null;
  });
  const left = judged.filter((progress) => progress !== null);
  const isSame =
    left.length === open.carried.length && left.every((progress, at) => progress === open.carried[at]);
  if (!isSame) setOpen(draft, { carried: left });
}

function noteRegression(draft: Draft, targetId: string, message: string): void {
  const outcome = draft.state.open?.outcomes.get(targetId);
  if (outcome === undefined || outcome.outcome !== 'Succeeded' || outcome.regressedAtMs !== null) return;
  setOutcomes(draft, new Map([[targetId, { ...outcome, regressedAtMs: draft.nowMs }]]));
  tell(draft, 'Regressed', `failed after it had succeeded: ${message}`, { target: targetId });
}

export function tellOutcome(draft: Draft, outcome: TargetOutcome): void {
  const { target, revision, reason, message, assignment } = outcome;
  const words = [outcome.outcome, reason === '' ? '' : `(${reason})`].join('');
  const detail = { outcome: outcome.outcome, reason, revision, assignment, wave: outcome.wave };
  tell(draft, 'Outcome', message === '' ? words : `${words}: ${message}`, { target, detail });
}

export function tellLane(draft: Draft, progress: Progress): void {
  const { target, revision, outcome, reason, message, assignment } = progress;
  const words = message === '' ? outcome : `${outcome}: ${message}`;
  tell(draft, 'Lane', words, { rollout: '', target, detail: { outcome, reason, revision, assignment } });
}
