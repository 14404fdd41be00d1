/**
 * A person's verb on one stage, and of which stage it is meant where none is named: the only one in which it can be done.
 * Pure but for what it was given.
 */
import { randomUUID } from 'node:crypto';

import type { StageMemory } from '@flotilla/domain/promotion/arrange';
import { promoteTo } from '@flotilla/domain/promotion/promote';
import type { Proposal } from '@flotilla/domain/rollout/proposal';
import type { FleetState, Rollout } from '@flotilla/domain/rollout/state';
import type { RolloutEvent, VerbResult } from '@flotilla/domain/rollout/step';
import * as verbs from '@flotilla/domain/rollout/verbs';

import { conflict, unprocessable } from '../http/problem.ts';
import type { RolloutAction } from './action.ts';
import { sharing, stageBefore } from './decide.ts';
import type { Context, StageContext } from './load.ts';

export type Verb = Exclude<RolloutAction, { action: 'confirmLeaving' | 'confirmInventory' }>;

export interface Done {
  /** That it was done in; null: in all. */
  stage: StageContext | null;
  stages: { memory: StageMemory; after: FleetState }[];
  events: readonly RolloutEvent[];
}

/** `completed`: the last rollout that each stage completed, in order. @throws Problem where it is refused, with the reason */
export function applyVerb(
  context: Context,
  by: string,
  action: Verb,
  completed: readonly (Rollout | null)[],
): Done {
  if (action.action === 'confirmDrop') return confirmDrop(context, action.revision, by);
  const results = candidatesFor(context, action).map((own) => ({
    own,
    result: resultOf(context, own, by, action, completed[context.stages.indexOf(own)] ?? null),
  }));
  const done = results.flatMap(({ own, result }) => (result.ok ? [{ own, ...result }] : []));
  const [only] = done;
  if (only === undefined) {
    const [refused] = results;
    throw conflict(refused?.result.ok === false ? refused.result.reason : 'there is no stage to do it in');
  }
  if (done.length > 1) throw unprocessable(`say in which stage: ${namesOf(done.map(({ own }) => own))}`);
  const { own, events } = only;
  return { stage: own, stages: replaced(context, own, only), events };
}

interface StageResult {
  ok: true;
  state: FleetState;
  memory?: StageMemory;
  events: readonly RolloutEvent[];
}

/** What it rejects, or takes back from being Rejected, is so in every stage. */
function replaced(context: Context, changed: StageContext, { state, memory }: StageResult): Done['stages'] {
  return context.stages.map((own) =>
    own === changed
      ? { memory: memory ?? own.memory, after: state }
      : { memory: own.memory, after: sharing(own.state, state) },
  );
}

/** Stages that the verb may be meant of. @throws Problem where one must be named and is not */
function candidatesFor({ stages, targets }: Context, action: Verb): readonly StageContext[] {
  if ('cluster' in action) {
    const target = targetOf(targets, action.cluster);
    const found = stages.filter(({ state }) => state.targets.has(target));
    return found.length > 0 ? found : stages.slice(0, 1);
  }
  const isStaged = stages.some(({ stage }) => stage.name !== '');
  const named = 'stage' in action ? action.stage : undefined;
  if (!isStaged && named !== undefined)
    throw unprocessable(`the application has no stages, so none named "${named}"`);
  if (named !== undefined) {
    const found = stages.filter(({ stage }) => stage.name === named);
    if (found.length > 0) return found;
    throw unprocessable(`the application has no stage "${named}": it has ${namesOf(stages)}`);
  }
  if (!isStaged) return stages;
  if (action.action === 'start') throw unprocessable(`say in which stage: ${namesOf(stages)}`);
  if (action.action !== 'rollback') return stages;
  const open = stages.filter(({ state }) => state.open?.kind === 'forward');
  return open.length > 0 ? open : stages;
}

function namesOf(stages: readonly StageContext[]): string {
  return stages.map(({ stage }) => stage.name).join(', ');
}

function resultOf(
  context: Context,
  own: StageContext,
  by: string,
  action: Exclude<Verb, { action: 'confirmDrop' }>,
  completed: Rollout | null,
): StageResult | { ok: false; reason: string } {
  const { state, seen } = own;
  const { nowMs } = context;
  switch (action.action) {
    case 'promoteStage':
      return promote(context, own, by, action.revision ?? null);
    case 'start':
      return verbs.start(state, proposalOf(context, own, by, action.revision), seen, nowMs);
    case 'pause':
      return verbs.pause(state, by, action.reason, nowMs);
    case 'resume':
      return verbs.resume(state, by, nowMs);
    case 'approve':
      return verbs.approve(state, action.wave, by, nowMs);
    case 'promote':
      return verbs.promote(state, by, nowMs);
    case 'abort':
      return verbs.abort(state, by, action.reason, nowMs);
    case 'rollback': {
      const of = state.open ?? completed;
      if (of === null) return { ok: false, reason: 'there is no rollout to roll back' };
      return verbs.rollback(state, { id: randomUUID(), of, by, reason: action.reason }, seen, nowMs);
    }
    case 'resumeLane':
      return verbs.resumeLane(state, by, nowMs);
    default:
      return targetResultOf(context, state, by, action);
  }
}

function targetResultOf(
  context: Context,
  state: FleetState,
  by: string,
  action: Extract<Verb, { cluster: string }>,
): VerbResult {
  const { nowMs } = context;
  const target = targetOf(context.targets, action.cluster);
  switch (action.action) {
    case 'retry':
      return verbs.retry(state, target, by, nowMs);
    case 'skip':
      return verbs.skip(state, target, by, action.reason, nowMs);
    case 'unpin':
      return verbs.unpin(state, target, by, nowMs);
    case 'pin': {
      requireRevision(context, action.revision);
      const expiresAtMs = action.expiresAt === null ? null : Date.parse(action.expiresAt);
      const pin = { revision: action.revision, reason: action.reason, expiresAtMs };
      return verbs.pin(state, target, pin, by, nowMs);
    }
  }
}

function promote(context: Context, own: StageContext, by: string, revision: number | null) {
  const { stage, memory, newestProposed, seen, state } = own;
  const before = context.stages[context.stages.indexOf(own) - 1];
  if (before === undefined) {
    const reason = `${stage.name === '' ? 'an application without stages' : `${stage.name}, the first stage,`} takes every revision by itself`;
    return { ok: false as const, reason };
  }
  const from = stageBefore(context, own, before.state);
  const input = { stage, before: from, newestProposed, rolloutId: randomUUID(), revision, by };
  const result = promoteTo(state, memory.candidates, input, seen, context.nowMs);
  if (!result.ok) return result;
  requireRevision(context, result.revision);
  return { ...result, memory: { ...memory, candidates: result.candidates } };
}

/** A drop is a question about the revision, whichever stage asks it. */
function confirmDrop(context: Context, revision: number, by: string): Done {
  const results = context.stages.map(({ state }) => verbs.confirmDrop(state, revision, by, context.nowMs));
  const done = results.filter((result) => result.ok);
  const [first] = results;
  if (done.length === 0)
    throw conflict(first?.ok === false ? first.reason : 'nothing waits for confirmation');
  const confirmedDrops = done[0]?.state.confirmedDrops ?? [];
  return {
    stage: null,
    stages: context.stages.map(({ memory, state }, at) => {
      const result = results[at];
      return { memory, after: { ...(result?.ok === true ? result.state : state), confirmedDrops } };
    }),
    events: done.flatMap(({ events }) => events),
  };
}

function proposalOf(context: Context, { stage }: StageContext, by: string, revision: number): Proposal {
  requireRevision(context, revision);
  return { id: randomUUID(), revision, strategy: stage.strategy, automated: true, by };
}

/** @throws Problem unless it renders and is kept */
function requireRevision({ revisions }: Context, number: number): void {
  const revision = revisions.get(number);
  const isVaried = revision?.isTemplated === true && ['Ready', 'Rejected'].includes(revision.state);
  if (!isVaried && (revision?.variant ?? null) === null) {
    throw unprocessable(
      `revision ${number} cannot be assigned: it ${revision?.error ?? 'is not there, or not kept any more'}`,
    );
  }
}

function targetOf(targets: Context['targets'], cluster: string): string {
  const found = targets.find(
    ({ clusterId, clusterName }) => clusterName === cluster || clusterId === cluster,
  );
  if (found === undefined) throw unprocessable(`the application is not on a cluster "${cluster}"`);
  return found.id;
}
