/**
 * One look at one application: place → ask → step → assign → remove → save, in one transaction under the application's
 * lock. What to do is decided by domain/rollout and domain/placement; running it twice changes nothing the second time.
 */
import { canonicalText } from '@flotilla/domain/bundle/canonical';
import { unmatchedBy } from '@flotilla/domain/promotion/stage';
import { shareEvents, type SharedEvent } from '@flotilla/domain/rollout/alike';
import { dropWords } from '@flotilla/domain/rollout/describe';
import type { WantedCheck } from '@flotilla/domain/rollout/step';

import { setCondition } from '../platform/conditions.ts';
import { place, type PlacementResult } from '../applications/placement.ts';
import { sha256Hex } from '../platform/digest.ts';
import { meanwhile } from '../platform/meanwhile.ts';
import { systemActor, type HubTransaction } from '../platform/transaction.ts';
import { entriesOf, refreshBodies } from './assignment.ts';
import { decide, type Decided } from './decide.ts';
import * as rows from './fleet.store.ts';
import { load, type Context, type TickOptions } from './load.ts';
import { changedBy, saveRollouts, storedState, type Changed } from './changed.ts';
import { afterSave, type KnownFleets, type WrittenTargets } from './knownTargets.ts';
import { saveOutcomes } from './outcomes.store.ts';
import { rebuiltTargets, rebuiltText } from './rebuilt.ts';
import { removalsOf, type Removals } from './removal.ts';
import * as saved from './save.store.ts';
import type { KnownTargets, SeenTargetRow } from './seenTargets.store.ts';
import {
  clearHeads,
  deleteTargets,
  prepareTargets,
  saveTargets,
  type EntryToSave,
  type TargetsToSave,
} from './targets.store.ts';
import { askForVariants } from './variants.store.ts';

export interface TickResult {
  outcome: 'gone' | 'unchanged' | 'changed';
  assigned: number;
  /** When time alone will change the rollout or the lane. */
  stepAtMs: number | null;
  /** When the next grace of a leaving target ends; only known where it was placed. */
  placeAtMs: number | null;
  /** Of gates, due now. */
  checks: readonly WantedCheck[];
}

const nobody: Look = {
  left: null,
  outcome: 'gone',
  assigned: 0,
  stepAtMs: null,
  placeAtMs: null,
  checks: [],
};

export interface WorkerTickOptions extends TickOptions {
  fleets: KnownFleets;
}

/** `withPlacement`: clusters or the application changed since the last look. */
export async function tick(
  options: WorkerTickOptions,
  applicationId: string,
  withPlacement: boolean,
): Promise<TickResult> {
  const known = options.fleets.take(applicationId);
  const { left, ...result } = await options.transactions.inTransaction(systemActor, (tx) =>
    look(options, tx, { applicationId, withPlacement, known }),
  );
  if (left !== null) options.fleets.keep(applicationId, afterSave(left.known, left.written));
  return result;
}

/** `left`: what is known of its targets once it is committed. */
type Look = TickResult & { left: { known: KnownTargets; written: WrittenTargets | null } | null };

async function look(
  options: TickOptions,
  tx: HubTransaction,
  asked: { applicationId: string; withPlacement: boolean; known: KnownTargets | null },
): Promise<Look> {
  const { applicationId, withPlacement, known } = asked;
  const application = await rows.lockApplication(tx, applicationId);
  if (application === null || application.hubRecovering) return tx.nothingChanged(nobody);
  const placement = withPlacement && application.removal === null ? await placeNow(tx, application) : null;
  const context = await load(options, tx, application, known);
  if (placement !== null) placement.changed = (await sayUnmatched(tx, context)) || placement.changed;
  const isSaid = await sayRebuilt(tx, context);
  const decided = application.removal === null ? await decide(options, tx, context) : null;
  await askForVariants(tx, applicationId, context.variants?.wanted(decided) ?? []);
  return save(tx, context, placement, decided, isSaid);
}

function placeNow(tx: HubTransaction, application: rows.ApplicationRow): Promise<PlacementResult> {
  const { id: applicationId, projectId, spec, leaveConfirmedAt, now } = application;
  return place(tx, { applicationId, projectId, spec, leaveConfirmedAt, nowMs: now.getTime() });
}

async function save(
  tx: HubTransaction,
  context: Context,
  placement: PlacementResult | null,
  decided: Decided | null,
  isSaid: boolean,
): Promise<Look> {
  const { application, targets, known } = context;
  const after = changedBy(context, decided);
  const assignments = decided?.assignments ?? [];
  const { operations = application.rolloutState.operations ?? {} } = decided ?? {};
  const removals = removalsOf(targets, dueOf(context, placement), operations);
  const bodies = decided === null ? [] : await refreshBodies(tx, application, targets, assignments);
  const ahead = {
    stepAtMs: decided?.wakeAtMs ?? null,
    placeAtMs: placement?.wakeAtMs ?? null,
    checks: decided?.wanted.checks ?? [],
  };
  const isLast = application.removal !== null && removals.gone.length === targets.length;
  const nothing =
    !after.isChanged && isEmpty(removals) && bodies.length === 0 && application.syncRequest === null;
  if (nothing && !isLast && !isSaid && placement?.changed !== true) {
    return tx.nothingChanged({ outcome: 'unchanged', assigned: 0, ...ahead, left: { known, written: null } });
  }
  const stored = storedState(after, operations, [...assignments, ...removals.entries]);
  const xid = await saved.saveApplication(tx, application, stored);
  await saveRollouts(tx, context, after);
  const [[assigned, events]] = await Promise.all([
    meanwhile(
      () => [entriesOf(context, assignments, operations), shareEvents(decided?.events ?? [])] as const,
    ),
    saveOutcomes(tx, context.outcomes, targets, after.outcomes),
  ]);
  if (assigned.body !== null) await saved.saveBody(tx, application.id, assigned.body);
  await saved.saveRejected(tx, application.id, after.rejectedBefore, after.rejected);
  await saved.saveEvents(tx, events);
  if (decided !== null) await setCondition(tx, application.id, 'DropHeld', dropText(after.stages));
  const entries = [...assigned.entries, ...removals.entries, ...bodies];
  await Promise.all([
    meanwhile(() => audit(tx, context, { placement, after, events, removals, entries, isLast })),
    saveEntries(tx, { targets: after.targets, rejected: after.rejected, entries, removals }),
  ]);
  if (isLast) await saved.deleteApplication(tx, application.id);
  tellOthers(tx, application.id, placement);
  const isPlain = placement === null && isEmpty(removals) && bodies.length === 0;
  const written = { xid, targets: after.targets, entries: assigned.entries };
  const left = { known, written: isPlain ? written : null };
  return { outcome: 'changed', assigned: assignments.length, ...ahead, left };
}

function tellOthers(tx: HubTransaction, applicationId: string, placement: PlacementResult | null): void {
  // Not for the worker: a step that was made leaves nothing to do until something is seen or a time comes.
  for (const kind of ['stepped', 'status'] as const) tx.hint(kind, applicationId);
  // Whoever saw a cluster connect while its target was being made found no target to look at.
  if ((placement?.added ?? 0) > 0) tx.hint('rollout', applicationId);
}

/** At the application, where a person looks: what a typing error in a selector would else hide. True when it changed. */
function sayUnmatched(tx: HubTransaction, { application, targets, stages }: Context): Promise<boolean> {
  const members = targets.filter(({ state }) => state !== 'Removing');
  const unmatched = unmatchedBy(
    stages.map(({ stage }) => stage),
    members,
  );
  const last = stages.at(-1)?.stage.name ?? '';
  const text = `${unmatched} of ${members.length} clusters match no stage and go with the last, ${last}`;
  return setCondition(tx, application.id, 'StageUnmatched', unmatched === 0 ? null : text);
}

/** True when that changed. */
async function sayRebuilt(tx: HubTransaction, { application, targets }: Context): Promise<boolean> {
  const isAsked = rebuiltTargets(targets, application.rolloutState.operations ?? {}).length > 0;
  if (isAsked === application.saysRebuilt) return false;
  return setCondition(tx, application.id, 'InventoryRebuilt', isAsked ? rebuiltText : null);
}

/** The one question of the drop guard, for the whole fleet. */
function dropText(stages: Changed['stages']): string | null {
  const [held] = stages.flatMap(({ after: { open, laneDrops } }) => [
    ...(open?.heldDrops ?? []),
    ...laneDrops,
  ]);
  return held === undefined ? null : `${dropWords(held)}: confirm it, or push what mends it`;
}

/** Targets to be removed now: all of an application on its way out; else those whose grace is over. */
function dueOf(
  { application, targets }: Context,
  placement: PlacementResult | null,
): Map<string, 'delete' | 'orphan' | 'detach'> {
  const { removal, spec } = application;
  if (removal !== null) return new Map(targets.map(({ id }) => [id, removal]));
  return new Map((placement?.due ?? []).map((id) => [id, spec.syncPolicy.onUnplace]));
}

/** What is sent to a cluster and its generation rise together. Nobody else writes these targets: the application is locked. */
async function saveEntries(
  tx: HubTransaction,
  change: TargetsToSave & { removals: Removals },
): Promise<void> {
  const { entries } = change;
  const { gone, cleared } = change.removals;
  const touched = [
    ...entries.map(({ clusterId }) => clusterId),
    ...[...gone, ...cleared].filter(({ head }) => head !== null).map(({ clusterId }) => clusterId),
  ];
  const [prepared, generations] = await Promise.all([
    meanwhile(() => prepareTargets(change)),
    tx.touchClusters(touched),
  ]);
  await saveTargets(tx, prepared, generations);
  await clearHeads(
    tx,
    cleared.map(({ id }) => id),
  );
  await deleteTargets(
    tx,
    gone.map(({ id }) => id),
  );
}

interface Done {
  placement: PlacementResult | null;
  after: Changed;
  events: readonly SharedEvent[];
  removals: Removals;
  entries: readonly EntryToSave[];
  isLast: boolean;
}

/** One event a tick, with the digest of its transitions: what they were is in the rollout's own rows. */
function audit(
  tx: HubTransaction,
  context: Context,
  { placement, after, events, removals, entries, isLast }: Done,
): void {
  const { application, targets } = context;
  const open = after.stages.flatMap(({ stage, after: { open: rollout } }) =>
    rollout === null ? [] : [{ stage: stage.name, rollout: rollout.id, revision: rollout.revision }],
  );
  const assigned = entries.filter(({ state }) => state === 'Active');
  const resource = { kind: 'application', id: application.id, name: application.name };
  const about = { projectId: application.projectId, resource };
  const removing = entries.filter(({ state }) => state === 'Removing').map(({ target }) => target);
  tx.audit({
    ...about,
    action: 'rollout.tick',
    reason: {
      digest: sha256Hex(canonicalText(transitionsOf(events, assigned, removing))),
      rollout: open[0]?.rollout ?? null,
      revision: open[0]?.revision ?? null,
      ...(context.stages.length > 1 && { stages: open }),
      assigned: assigned.length,
      removing: removing.length,
      removed: removals.gone.length,
      added: placement?.added ?? 0,
      returned: placement?.returned ?? 0,
      decisions: wordsOf(events, targets),
    },
  });
  if (isLast)
    tx.audit({
      ...about,
      action: 'application.removed',
      before: { spec: application.spec, targets: targets.length },
    });
}

const decisionsMax = 20;

/** `Outcome on eu-1: Failed, …`: the first decisions, as a person reads them; of the rest the digest speaks. */
function wordsOf(events: readonly SharedEvent[], targets: readonly SeenTargetRow[]): string[] {
  const shown = events.slice(0, decisionsMax);
  const named = new Set(shown.flatMap(({ targets: [first] }) => first ?? []));
  const names = new Map(
    targets.filter(({ id }) => named.has(id)).map(({ id, clusterName }) => [id, clusterName]),
  );
  return shown.map(({ kind, message, targets: concerned }) => {
    const [first = ''] = concerned;
    const where = concerned.length === 1 ? (names.get(first) ?? '') : `${concerned.length} clusters`;
    return `${kind}${concerned.length === 0 || where === '' ? '' : ` on ${where}`}: ${message}`;
  });
}

/** What its digest vouches for: every event, and every assignment that was made. */
function transitionsOf(
  events: readonly SharedEvent[],
  assigned: readonly EntryToSave[],
  removing: readonly string[],
): object {
  return {
    events: events.map((event) => ({ ...event })),
    targets: assigned.map(({ target }) => target),
    assignments: assigned.map(({ assignment }) => assignment),
    removing,
  };
}

function isEmpty({ entries, gone, cleared }: Removals): boolean {
  return entries.length + gone.length + cleared.length === 0;
}
