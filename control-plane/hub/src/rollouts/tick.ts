/**
 * One look at one application: place → ask → step → assign → remove → save, in one transaction under the application's
 * lock. What to do is decided by domain/rollout and domain/placement; running it twice changes nothing the second time.
 */
import { randomUUID } from 'node:crypto';

import { canonicalText } from '@flotilla/domain/bundle/canonical';
import { shareEvents, type SharedEvent } from '@flotilla/domain/rollout/alike';
import { changesOf, isUnchanged } from '@flotilla/domain/rollout/changes';
import { dropWords } from '@flotilla/domain/rollout/describe';
import { next } from '@flotilla/domain/rollout/next';
import { strategyOf } from '@flotilla/domain/rollout/namedStrategy';
import type { FleetState } from '@flotilla/domain/rollout/state';
import { defaultStrategy, type Strategy } from '@flotilla/domain/rollout/strategy';
import type {
  Assignment,
  Observations,
  RolloutEvent,
  Step,
  WantedCheck,
} from '@flotilla/domain/rollout/step';

import { setCondition } from '../platform/conditions.ts';
import { place, type PlacementResult } from '../applications/placement.ts';
import { sha256Hex } from '../platform/digest.ts';
import { meanwhile } from '../platform/meanwhile.ts';
import { systemActor, type HubTransaction, type Transactions } from '../platform/transaction.ts';
import { entriesOf, refreshBodies } from './assignment.ts';
import { foreseenDrops, type Drops } from './drops.ts';
import * as rows from './fleet.store.ts';
import { fleetStateOf, type StoredApplicationState } from './fleetRows.ts';
import type { Outages } from './outages.ts';
import { proposeNewest, syncNow } from './propose.ts';
import { bodyOf, encodedBody } from './entry.ts';
import { removalsOf, type Removals } from './removal.ts';
import * as saved from './save.store.ts';
import { observationsOf } from './seen.ts';
import {
  clearHeads,
  deleteTargets,
  prepareTargets,
  saveTargets,
  type EntryToSave,
  type TargetsToSave,
} from './targets.store.ts';
import { askForVariants, readVariants } from './variants.store.ts';
import type { TargetVariants } from './variants.ts';

export interface TickOptions {
  transactions: Transactions;
  drops: Drops;
  outages: Outages;
}

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

const nobody: TickResult = { outcome: 'gone', assigned: 0, stepAtMs: null, placeAtMs: null, checks: [] };

/** `withPlacement`: clusters or the application changed since the last look. */
export function tick(
  options: TickOptions,
  applicationId: string,
  withPlacement: boolean,
): Promise<TickResult> {
  return options.transactions.inTransaction(systemActor, async (tx) => {
    const application = await rows.lockApplication(tx, applicationId);
    if (application === null || application.hubRecovering) return tx.nothingChanged(nobody);
    const placement = withPlacement && application.removal === null ? await placeNow(tx, application) : null;
    const context = await load(options, tx, application);
    const decided = application.removal === null ? await decide(options, tx, context) : null;
    await askForVariants(tx, applicationId, context.variants?.wanted(decided?.step ?? null) ?? []);
    return save(tx, context, placement, decided);
  });
}

function placeNow(tx: HubTransaction, application: rows.ApplicationRow): Promise<PlacementResult> {
  const { id: applicationId, projectId, spec, leaveConfirmedAt, now } = application;
  return place(tx, { applicationId, projectId, spec, leaveConfirmedAt, nowMs: now.getTime() });
}

export interface Context {
  application: rows.ApplicationRow;
  targets: rows.SeenTargetRow[];
  revisions: ReadonlyMap<number, rows.RevisionRow>;
  variants: TargetVariants | null;
  before: FleetState;
  newestProposed: number;
  seen: Observations;
  strategy: Strategy;
  nowMs: number;
}

/** Everything a step reads, under the application's lock. */
export async function load(
  options: TickOptions,
  tx: HubTransaction,
  application: rows.ApplicationRow,
): Promise<Context> {
  const wantedBody = encodedBody(bodyOf(application)).digest;
  const targets = await rows.readTargets(tx, application, wantedBody);
  const before = fleetStateOf(await rows.readFleet(tx, application, targets));
  const spoken = spokenOf(before);
  const revisions = await rows.readRevisions(tx, application.id, spoken);
  const variants = await readVariants(tx, application.id, revisions, spoken, targets);
  const parsed = strategyOf(application.spec.strategy, application.projectSpec.strategies);
  return {
    application,
    targets,
    revisions,
    variants,
    before,
    newestProposed: await rows.readNewestProposed(tx, application.id),
    // A spec is checked when it is written; one from before a rule existed must not stop the fleet.
    strategy: parsed.ok ? parsed.strategy : defaultStrategy,
    nowMs: application.now.getTime(),
    seen: observationsOf({
      targets,
      revisions,
      variants,
      drop: (from, to) =>
        from === to ? { dropped: 0, total: 0 } : options.drops.known(application.projectId, from, to),
      prune: application.spec.syncPolicy.prune,
      outages: options.outages.spans,
      rollbackId: randomUUID(),
      syncWindows: application.projectSpec.syncWindows,
      application: { name: application.name, namespace: application.spec.destination.namespace },
    }),
  };
}

/** Numbers of all revisions that the state names. */
function spokenOf(state: FleetState): number[] {
  const numbers: (number | null)[] = [...state.completed];
  for (const target of state.targets.values()) {
    numbers.push(
      target.revision,
      target.given,
      target.entitled,
      target.pin?.revision ?? null,
      ...target.healthy,
    );
    numbers.push(target.lane?.revision ?? null);
  }
  for (const rollout of [state.open, state.waiting]) {
    numbers.push(rollout?.revision ?? null);
    for (const { revision, givenBefore } of rollout?.outcomes.values() ?? [])
      numbers.push(revision, givenBefore);
  }
  return numbers.filter((number) => number !== null);
}

interface Decided {
  step: Step;
  events: readonly RolloutEvent[];
  /** Options of `sync now` by target, of assignments that are still to be made. */
  operations: NonNullable<StoredApplicationState['operations']>;
}

async function decide(options: TickOptions, tx: HubTransaction, context: Context): Promise<Decided> {
  const { application, seen, strategy, nowMs, revisions, newestProposed } = context;
  const automated = application.spec.syncPolicy.automated;
  const input = { strategy, automated, revisions, newestProposed, rolloutId: randomUUID() };
  const proposed = proposeNewest(context.before, input, seen, nowMs);
  const { syncRequest: request } = application;
  const asked =
    request === null
      ? { ...proposed, events: [], targets: [] }
      : syncNow(proposed.state, request, seen, nowMs);
  const step = await stepFully(options, tx, context, asked.state);
  const operations = { ...application.rolloutState.operations };
  for (const id of asked.targets) {
    if (request !== null) operations[id] = { force: request.force, initiatedBy: request.by };
  }
  return { step, events: [...proposed.events, ...asked.events, ...step.events], operations };
}

/** Counts what a step asks for and steps again: each pair is counted once, so this ends. */
async function stepFully(
  { drops }: TickOptions,
  tx: HubTransaction,
  context: Context,
  state: FleetState,
): Promise<Step> {
  const { application, strategy, seen, nowMs } = context;
  const { open } = state;
  const opened = open !== null && open.id !== context.before.open?.id ? open.revision : null;
  const bundle = opened === null ? null : (context.revisions.get(opened)?.bundle ?? null);
  await drops.count(tx, application.projectId, foreseenDrops(seen, bundle));
  for (;;) {
    const step = next(strategy, state, seen, nowMs);
    if (step.wanted.drops.length === 0) return step;
    await drops.count(tx, application.projectId, step.wanted.drops);
  }
}

async function save(
  tx: HubTransaction,
  context: Context,
  placement: PlacementResult | null,
  decided: Decided | null,
): Promise<TickResult> {
  const { application, targets, before } = context;
  const after = decided?.step.state ?? before;
  const changes = changesOf(before, after);
  const assignments = decided?.step.assignments ?? [];
  const removals = removalsOf(targets, dueOf(context, placement));
  const bodies = decided === null ? [] : await refreshBodies(tx, application, targets, assignments);
  const ahead = {
    stepAtMs: decided?.step.wakeAtMs ?? null,
    placeAtMs: placement?.wakeAtMs ?? null,
    checks: decided?.step.wanted.checks ?? [],
  };
  const isLast = application.removal !== null && removals.gone.length === targets.length;
  const nothing =
    isUnchanged(changes) && isEmpty(removals) && bodies.length === 0 && application.syncRequest === null;
  if (nothing && !isLast && placement?.changed !== true) {
    return tx.nothingChanged({ outcome: 'unchanged', assigned: 0, ...ahead });
  }
  await saved.saveApplication(tx, application, storedState(after, decided, assignments, application));
  await saved.saveRollouts(tx, application, context.revisions, changes.rollouts);
  const [[assigned, events]] = await Promise.all([
    meanwhile(
      () =>
        [
          entriesOf(context, assignments, decided?.operations ?? {}),
          shareEvents(decided?.events ?? []),
        ] as const,
    ),
    saved.saveOutcomes(tx, targets, changes.outcomes),
  ]);
  if (assigned.body !== null) await saved.saveBody(tx, application.id, assigned.body);
  await saved.saveRejected(tx, application.id, before.rejected, after.rejected);
  await saved.saveEvents(tx, events);
  if (decided !== null) await setCondition(tx, application.id, 'DropHeld', dropText(after));
  const entries = [...assigned.entries, ...removals.entries, ...bodies];
  await Promise.all([
    meanwhile(() => audit(tx, context, { placement, decided, events, removals, entries, isLast })),
    saveEntries(tx, { targets: changes.targets, rejected: after.rejected, entries, removals }),
  ]);
  if (isLast) await saved.deleteApplication(tx, application.id);
  // Not for the worker: a step that was made leaves nothing to do until something is seen or a time comes.
  for (const kind of ['stepped', 'status'] as const) tx.hint(kind, application.id);
  // Whoever saw a cluster connect while its target was being made found no target to look at.
  if ((placement?.added ?? 0) > 0) tx.hint('rollout', application.id);
  return { outcome: 'changed', assigned: assignments.length, ...ahead };
}

/** The one question of the drop guard, for the whole fleet. */
function dropText({ open, laneDrops }: FleetState): string | null {
  const [held] = [...(open?.heldDrops ?? []), ...laneDrops];
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

function storedState(
  after: FleetState,
  decided: Decided | null,
  assignments: readonly Assignment[],
  { rolloutState }: rows.ApplicationRow,
): StoredApplicationState {
  const operations = { ...(decided?.operations ?? rolloutState.operations) };
  for (const { target } of assignments) delete operations[target];
  for (const id of Object.keys(operations)) {
    // What was refused, or is gone, is not remembered.
    if (
      after.targets.get(id)?.lane?.outcome !== 'Pending' &&
      after.open?.outcomes.get(id)?.outcome !== 'Pending'
    ) {
      delete operations[id];
    }
  }
  return {
    confirmedDrops: [...after.confirmedDrops],
    laneDrops: [...after.laneDrops],
    laneForgiven: after.laneForgiven,
    ...(Object.keys(operations).length > 0 && { operations }),
  };
}

interface Done {
  placement: PlacementResult | null;
  decided: Decided | null;
  events: readonly SharedEvent[];
  removals: Removals;
  entries: readonly EntryToSave[];
  isLast: boolean;
}

/** One event a tick, with the digest of its transitions: what they were is in the rollout's own rows. */
function audit(
  tx: HubTransaction,
  context: Context,
  { placement, decided, events, removals, entries, isLast }: Done,
): void {
  const { application, before, targets } = context;
  const after = decided?.step.state ?? before;
  const assigned = entries.filter(({ state }) => state === 'Active');
  const resource = { kind: 'application', id: application.id, name: application.name };
  const about = { projectId: application.projectId, resource };
  const removing = entries.filter(({ state }) => state === 'Removing').map(({ target }) => target);
  tx.audit({
    ...about,
    action: 'rollout.tick',
    reason: {
      digest: sha256Hex(canonicalText(transitionsOf(events, assigned, removing))),
      rollout: after.open?.id ?? null,
      revision: after.open?.revision ?? null,
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
function wordsOf(events: readonly SharedEvent[], targets: readonly rows.SeenTargetRow[]): string[] {
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
