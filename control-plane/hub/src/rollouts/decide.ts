/**
 * What one look decides: each stage in turn takes what is ready for it, answers what people asked, and steps; a later stage
 * sees how the one before it stands. The decisions are domain/promotion's and domain/rollout's.
 */
import { randomUUID } from 'node:crypto';

import type { StageMemory } from '@flotilla/domain/promotion/arrange';
import type { StageBefore } from '@flotilla/domain/promotion/candidates';
import { dropRejected } from '@flotilla/domain/promotion/dropRejected';
import { stepPromotion } from '@flotilla/domain/promotion/promote';
import { next } from '@flotilla/domain/rollout/next';
import type { FleetState } from '@flotilla/domain/rollout/state';
import type { Assignment, RolloutEvent, Step, Wanted } from '@flotilla/domain/rollout/step';

import type { HubTransaction } from '../platform/transaction.ts';
import { foreseenDrops } from './drops.ts';
import type { StoredApplicationState } from './fleetRows.ts';
import type { Context, StageContext, TickOptions } from './load.ts';
import { askedOf, proposeNewest, syncNow, type Asked } from './propose.ts';

export interface Decided {
  stages: readonly DecidedStage[];
  assignments: readonly Assignment[];
  events: readonly RolloutEvent[];
  wanted: Pick<Wanted, 'renders' | 'checks'>;
  wakeAtMs: number | null;
  /** Options of `sync now` by target, of assignments that are still to be made. */
  operations: NonNullable<StoredApplicationState['operations']>;
}

export interface DecidedStage {
  memory: StageMemory;
  after: FleetState;
}

interface Taken extends DecidedStage {
  step: Step;
  events: readonly RolloutEvent[];
  asked: readonly string[];
  wakeAtMs: number | null;
}

export async function decide(options: TickOptions, tx: HubTransaction, context: Context): Promise<Decided> {
  const taken: Taken[] = [];
  for (const own of context.stages) taken.push(await takeStage(options, tx, context, own, taken));
  const operations = { ...context.application.rolloutState.operations };
  const { syncRequest: request } = context.application;
  for (const id of taken.flatMap(({ asked }) => asked)) {
    if (request !== null) operations[id] = { force: request.force, initiatedBy: request.by };
  }
  return {
    stages: taken,
    assignments: taken.flatMap(({ step }) => step.assignments),
    events: [...context.endings, ...taken.flatMap(({ events }) => events)],
    wanted: {
      renders: taken.flatMap(({ step }) => step.wanted.renders),
      checks: taken.flatMap(({ step }) => step.wanted.checks),
    },
    wakeAtMs: earliest([...taken.map(({ wakeAtMs }) => wakeAtMs), againAtMs(taken, context.nowMs)]),
    operations,
  };
}

/** What a later stage rejects is Rejected everywhere, also in those that have been looked at. */
function againAtMs(taken: readonly Taken[], nowMs: number): number | null {
  return taken[0]?.after.rejected === taken.at(-1)?.after.rejected ? null : nowMs;
}

async function takeStage(
  options: TickOptions,
  tx: HubTransaction,
  context: Context,
  own: StageContext,
  earlier: readonly Taken[],
): Promise<Taken> {
  const { nowMs, application } = context;
  const before = earlier.at(-1)?.after;
  const { state, events } = dropRejected(
    before === undefined ? own.state : sharing(own.state, before),
    nowMs,
  );
  const proposed =
    before === undefined ? takeNewest(context, own, state) : takeNext(context, own, state, before);
  const { syncRequest: request } = application;
  const asked =
    request === null
      ? { ...proposed, events: [], targets: [] }
      : syncNow(proposed.state, request, mayReapply(context), own.seen, nowMs);
  const step = await stepFully(options, tx, context, own, asked.state);
  return {
    memory: proposed.memory,
    after: step.state,
    step,
    events: [...events, ...proposed.events, ...asked.events, ...step.events],
    asked: asked.targets,
    wakeAtMs: earliest([step.wakeAtMs, proposed.memory.candidates.soaking?.untilMs ?? null]),
  };
}

/** What is Rejected and which drops were confirmed is the whole application's. */
export function sharing(state: FleetState, { rejected, confirmedDrops }: FleetState): FleetState {
  if (state.rejected === rejected && state.confirmedDrops === confirmedDrops) return state;
  return { ...state, rejected, confirmedDrops };
}

type Proposed = Asked & { memory: StageMemory };

/** The first stage takes every revision. */
function takeNewest(
  { application, revisions, nowMs }: Context,
  own: StageContext,
  state: FleetState,
): Proposed {
  const { stage, memory, newestProposed, seen } = own;
  const { automated } = application.spec.syncPolicy;
  const input = { strategy: stage.strategy, automated, revisions, newestProposed, rolloutId: randomUUID() };
  return { ...proposeNewest(state, input, seen, nowMs), memory };
}

/** A later one what has come through the stage before. */
function takeNext(context: Context, own: StageContext, state: FleetState, before: FleetState): Proposed {
  const { stage, memory, newestProposed, seen } = own;
  const input = {
    stage,
    before: stageBefore(context, own, before),
    newestProposed,
    automated: context.application.spec.syncPolicy.automated,
    rolloutId: randomUUID(),
  };
  const promoted = stepPromotion(state, memory.candidates, input, seen, context.nowMs);
  const { candidates } = promoted;
  return { ...promoted, memory: candidates === memory.candidates ? memory : { ...memory, candidates } };
}

/** The stage whose revisions go on to this one, as it is after its own step. */
export function stageBefore({ stages }: Context, own: StageContext, fleet: FleetState): StageBefore {
  const { stage, seen, rollouts } = stages[stages.indexOf(own) - 1]!;
  const completed = fleet.closed.filter(({ phase, kind }) => phase === 'Completed' && kind === 'forward');
  const all = new Map([...rollouts, ...completed.map(({ revision, id }) => [revision, id] as const)]);
  return { name: stage.name, fleet, seen, rollouts: all, completedNow: completed };
}

/** With several stages: where one that was asked for has something waiting, the others are left alone. */
function mayReapply({ application: { syncRequest: request }, stages }: Context): boolean {
  return !stages.some(
    ({ state }) =>
      state.waiting !== null &&
      request !== null &&
      (request.clusters === null || askedOf(state, request).length > 0),
  );
}

/** Counts what a step asks for and steps again: each pair is counted once, so this ends. */
async function stepFully(
  { drops }: TickOptions,
  tx: HubTransaction,
  { application, revisions, nowMs }: Context,
  { before, stage, seen }: StageContext,
  state: FleetState,
): Promise<Step> {
  const { open } = state;
  const opened = open !== null && open.id !== before.open?.id ? open.revision : null;
  const bundle = opened === null ? null : (revisions.get(opened)?.bundle ?? null);
  await drops.count(tx, application.projectId, foreseenDrops(seen, bundle));
  for (;;) {
    const step = next(stage.strategy, state, seen, nowMs);
    if (step.wanted.drops.length === 0) return step;
    await drops.count(tx, application.projectId, step.wanted.drops);
  }
}

function earliest(times: readonly (number | null)[]): number | null {
  return times.reduce(
    (least, time) => (least === null || (time !== null && time < least) ? time : least),
    null,
  );
}
