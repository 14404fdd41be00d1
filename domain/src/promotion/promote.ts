/** How a revision enters a stage: by itself once it has soaked, or because a person promotes it. */
import { newestKnown, type Proposal } from '../rollout/proposal.ts';
import type { FleetState, Rollout } from '../rollout/state.ts';
import type { Observations, RolloutEvent, VerbResult } from '../rollout/step.ts';
import { propose, start } from '../rollout/verbs.ts';
import { stepCandidates, type CandidateInput } from './candidate.ts';
import type { Candidates } from './candidates.ts';

type Seen = Pick<Observations, 'targets'>;

export interface PromotionInput extends CandidateInput {
  automated: boolean;
  /** Fresh. */
  rolloutId: string;
}

export interface Promoted {
  state: FleetState;
  candidates: Candidates;
  events: readonly RolloutEvent[];
}

/** Before a step of the stage. What waits for a person only because sync was manual is proposed again when it no longer is. */
export function stepPromotion(
  state: FleetState,
  candidates: Candidates,
  input: PromotionInput,
  seen: Seen,
  nowMs: number,
): Promoted {
  const newestProposed = Math.max(input.newestProposed, newestKnown(state));
  const stepped = stepCandidates(candidates, { ...input, newestProposed }, nowMs);
  const { ready } = stepped.candidates;
  const goesOn = ready !== null && !input.stage.approval ? ready.revision : null;
  const isFreed = input.automated && state.waiting?.phase === 'AwaitingSync';
  const revision = goesOn ?? (isFreed ? (state.waiting?.revision ?? null) : null);
  const unmoved = { state, ...stepped };
  if (revision === null) return unmoved;
  const result = propose(state, proposalOf(input, revision, input.automated, 'automation'), seen, nowMs);
  if (!result.ok) return unmoved;
  const told = goesOn === null ? [] : [promotedEvent(result.state, revision, input, 'after its soak')];
  return {
    state: result.state,
    candidates: goesOn === null ? stepped.candidates : { ...stepped.candidates, ready: null },
    events: [...stepped.events, ...told, ...result.events],
  };
}

export type PersonsPromotion = ({ ok: true; revision: number } & Promoted) | { ok: false; reason: string };

/** `revision` null: the candidate, also before it has soaked. Starts at once, also where sync is manual. */
export function promoteTo(
  state: FleetState,
  candidates: Candidates,
  input: Omit<PromotionInput, 'automated'> & { revision: number | null; by: string },
  seen: Seen,
  nowMs: number,
): PersonsPromotion {
  const { stage, by } = input;
  const revision = input.revision ?? candidates.ready?.revision ?? candidates.soaking?.revision ?? null;
  if (revision === null)
    return { ok: false, reason: `no revision waits for ${stage.name}: ${choices(input)}` };
  const refused = refusal(state, revision, input);
  if (refused !== '') return { ok: false, reason: refused };
  const result = enter(state, proposalOf(input, revision, true, by), seen, nowMs);
  if (!result.ok) return result;
  const isEarly = candidates.soaking?.revision === revision;
  const how = isEarly ? `by ${by}, before it had soaked` : `by ${by}`;
  return {
    ok: true,
    revision,
    state: result.state,
    candidates: leftOf(candidates, revision),
    events: [promotedEvent(result.state, revision, input, how), ...result.events],
  };
}

/** Queues behind what a newer revision queues behind; an older one is a person's word, and goes over it. */
function enter(state: FleetState, proposal: Proposal, seen: Seen, nowMs: number): VerbResult {
  const { waiting } = state;
  const isWaiting = waiting?.phase === 'AwaitingSync' && waiting.revision === proposal.revision;
  const newest = newestKnown(isWaiting ? { ...state, waiting: null } : state);
  return proposal.revision > newest
    ? propose(state, proposal, seen, nowMs)
    : start(state, proposal, seen, nowMs);
}

function refusal(state: FleetState, revision: number, input: Omit<PromotionInput, 'automated'>): string {
  const { stage, before } = input;
  const way = `start it there by "rollout start --stage ${stage.name} --revision ${revision}"`;
  if (before.fleet.rejected.includes(revision)) return `revision ${revision} is Rejected: ${way} if you must`;
  if (!before.fleet.completed.includes(revision))
    return `revision ${revision} was not completed in ${before.name} (${choices(input)}), or long ago: ${way}`;
  if (state.open?.kind === 'forward' && state.open.revision === revision)
    return `revision ${revision} is on its way in ${stage.name} already`;
  if (state.waiting?.phase === 'Queued' && state.waiting.revision === revision)
    return `revision ${revision} waits in ${stage.name} already: ${state.waiting.phaseReason}`;
  const isHeld = state.open === null && state.completed[0] === revision;
  return isHeld ? `${stage.name} has revision ${revision} already` : '';
}

function choices({ before }: Pick<CandidateInput, 'before'>): string {
  const { completed, rejected } = before.fleet;
  const usable = completed.filter((revision) => !rejected.includes(revision));
  return usable.length === 0
    ? `nothing was completed in ${before.name} yet`
    : `completed in ${before.name}: ${usable.join(', ')}`;
}

function leftOf({ soaking, ready }: Candidates, promoted: number): Candidates {
  return {
    soaking: soaking !== null && soaking.revision > promoted ? soaking : null,
    ready: ready !== null && ready.revision > promoted ? ready : null,
  };
}

function proposalOf(
  { rolloutId: id, stage: { strategy } }: Pick<PromotionInput, 'rolloutId' | 'stage'>,
  revision: number,
  automated: boolean,
  by: string,
): Proposal {
  return { id, revision, strategy, automated, by };
}

function promotedEvent(
  after: FleetState,
  revision: number,
  { stage, before }: Pick<CandidateInput, 'stage' | 'before'>,
  how: string,
): RolloutEvent {
  const isOf = (rollout: Rollout | null) => rollout?.kind === 'forward' && rollout.revision === revision;
  const rollout = [after.open, after.waiting].find(isOf)?.id ?? '';
  const message = `revision ${revision} from ${before.name} to ${stage.name}, ${how}`;
  return { rollout, kind: 'StagePromoted', target: '', message, detail: { revision, stage: stage.name } };
}
