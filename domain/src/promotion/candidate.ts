/**
 * Which revision goes on to a stage: one that Completed in the stage before, is not Rejected, is newer than all that this
 * stage was given, and with which the stage before has been healthy for as long as this one wants. The time counts only
 * while the stage before holds the revision, and starts over when that does badly. Pure and total: on its own result
 * with the same observations it changes nothing.
 */
import { formatDuration } from '../rollout/duration.ts';
import type { RolloutEvent, RolloutEventKind } from '../rollout/step.ts';
import type { Candidates, Ready, Soaking, StageBefore } from './candidates.ts';
import { heldRevision, isWellCompleted, unwellWith } from './holding.ts';
import type { Stage } from './stage.ts';

export interface CandidateInput {
  stage: Stage;
  before: StageBefore;
  /** Of all revisions that this stage was ever given or has waiting. */
  newestProposed: number;
}

export interface CandidateStep {
  candidates: Candidates;
  events: readonly RolloutEvent[];
}

export function stepCandidates(candidates: Candidates, input: CandidateInput, nowMs: number): CandidateStep {
  const events: RolloutEvent[] = [];
  const tell: Tell = (kind, { revision, rollout }, message) => {
    const detail = { revision, stage: input.stage.name };
    events.push({
      rollout: rollout ?? '',
      kind,
      target: '',
      message: `revision ${revision} ${message}`,
      detail,
    });
  };
  const ready = keepReady(candidates.ready, input, tell);
  const newerThan = Math.max(input.newestProposed, ready?.revision ?? 0);
  const held = stepSoaking(candidates.soaking, input, newerThan, nowMs, tell);
  const soaking = held ?? passedOn(input, newerThan, nowMs, tell);
  if (soaking === null || soaking.untilMs === null || soaking.untilMs > nowMs) {
    return { candidates: same(candidates, { soaking, ready }), events };
  }
  return { candidates: { soaking: null, ready: ripen(soaking, ready, input, nowMs, tell) }, events };
}

type Tell = (
  kind: RolloutEventKind,
  about: { revision: number; rollout: string | null },
  message: string,
) => void;

/** What waits for a person stays though the stage before moves on, as long as that has completed it: stages may be edited. */
function keepReady(ready: Ready | null, input: CandidateInput, tell: Tell): Ready | null {
  if (ready === null || ready.revision <= input.newestProposed) return null;
  const { name, fleet } = input.before;
  const isRejected = fleet.rejected.includes(ready.revision);
  if (!isRejected && fleet.completed.includes(ready.revision)) return ready;
  const why = isRejected ? 'it is Rejected' : `it is none of the last that ${name} completed`;
  tell('CandidateWithdrawn', ready, `does not go on to ${input.stage.name}: ${why}`);
  return null;
}

function stepSoaking(
  before: Soaking | null,
  input: CandidateInput,
  newerThan: number,
  nowMs: number,
  tell: Tell,
): Soaking | null {
  const revision = heldRevision(input.before.fleet);
  const isNews = revision !== null && revision > newerThan;
  const kept = isNews && before?.revision === revision ? before : null;
  if (before !== null && kept === null) withdraw(before, input, tell);
  if (!isNews) return null;
  const { name, rollouts, fleet, seen } = input.before;
  const begun = kept ?? beginning(revision, rollouts.get(revision) ?? null, nowMs);
  if (kept === null) announce(begun, input, tell);
  const heldBy = unwellWith(revision, name, fleet, seen).slice(0, 300);
  if (heldBy !== '') return held(begun, heldBy, input, tell);
  const healthyFromMs = begun.healthyFromMs ?? nowMs;
  const after = { ...begun, heldBy, healthyFromMs, untilMs: healthyFromMs + input.stage.soakMs };
  return after.untilMs === begun.untilMs && begun.heldBy === '' ? begun : after;
}

/**
 * A stage whose rollouts queue leaves what it completed in the very step in which it did. Where the next stage wants no soak
 * of its own, that is enough: soaks of the strategy were part of the rollout.
 */
function passedOn(
  { stage, before }: CandidateInput,
  newerThan: number,
  nowMs: number,
  tell: Tell,
): Soaking | null {
  if (stage.soakMs > 0 || heldRevision(before.fleet) !== null) return null;
  const completed = before.completedNow.findLast(
    ({ revision }) => revision > newerThan && !before.fleet.rejected.includes(revision),
  );
  if (completed === undefined) return null;
  const soaking = beginning(completed.revision, completed.id, nowMs);
  announce(soaking, { stage, before }, tell);
  if (isWellCompleted(completed)) return { ...soaking, healthyFromMs: nowMs, untilMs: nowMs };
  const why = `${before.name} moves on, and not every cluster did well with it`;
  tell('CandidateWithdrawn', soaking, `does not go on to ${stage.name}: ${why}`);
  return null;
}

function beginning(revision: number, rollout: string | null, sinceMs: number): Soaking {
  return { revision, rollout, sinceMs, healthyFromMs: null, untilMs: null, heldBy: '' };
}

function announce(
  soaking: Soaking,
  { stage, before }: Pick<CandidateInput, 'stage' | 'before'>,
  tell: Tell,
): void {
  const soak = stage.soakMs === 0 ? '' : `: it soaks in ${before.name} for ${formatDuration(stage.soakMs)}`;
  tell('Candidate', soaking, `is a candidate for ${stage.name}${soak}`);
}

/** Its time starts over when nothing holds it any more. */
function held(soaking: Soaking, heldBy: string, { stage }: CandidateInput, tell: Tell): Soaking {
  if (soaking.heldBy === heldBy) return soaking;
  if (soaking.heldBy === '')
    tell('CandidateHeld', soaking, `does not count as soaked for ${stage.name}: ${heldBy}`);
  return { ...soaking, heldBy, healthyFromMs: null, untilMs: null };
}

/** What was given to the stage meanwhile needs no word. */
function withdraw(soaking: Soaking, { stage, before, newestProposed }: CandidateInput, tell: Tell): void {
  if (soaking.revision <= newestProposed) return;
  const why = before.fleet.rejected.includes(soaking.revision)
    ? 'it is Rejected'
    : `${before.name} moves on before it has soaked`;
  tell('CandidateWithdrawn', soaking, `does not go on to ${stage.name}: ${why}`);
}

function ripen(
  { revision, rollout }: Soaking,
  before: Ready | null,
  { stage }: CandidateInput,
  nowMs: number,
  tell: Tell,
): Ready {
  if (before !== null)
    tell(
      'CandidateWithdrawn',
      before,
      `does not go on to ${stage.name}: revision ${revision} takes its place`,
    );
  const ready = { revision, rollout, sinceMs: nowMs };
  if (stage.approval) tell('AwaitingPromotion', ready, `waits for a person to promote it to ${stage.name}`);
  return ready;
}

function same(before: Candidates, after: Candidates): Candidates {
  return before.soaking === after.soaking && before.ready === after.ready ? before : after;
}
