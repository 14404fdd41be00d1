/** Everything a step reads, under the application's lock: rows → the fleets of the application's stages and what is seen of them. */
import { randomUUID } from 'node:crypto';

import { arrange, memoriesOf, type Arranged, type StageMemory } from '@flotilla/domain/promotion/arrange';
import { stagesOf } from '@flotilla/domain/promotion/parseStages';
import type { Stage } from '@flotilla/domain/promotion/stage';
import type { FleetState } from '@flotilla/domain/rollout/state';
import { defaultStrategy } from '@flotilla/domain/rollout/strategy';
import type { Observations } from '@flotilla/domain/rollout/step';

import type { HubTransaction, Transactions } from '../platform/transaction.ts';
import type { Drops } from './drops.ts';
import { bodyOf, encodedBody } from './entry.ts';
import * as rows from './fleet.store.ts';
import { memoryOf, storedOf, storedStages, type FleetRows } from './fleetRows.ts';
import type { Outages } from './outages.ts';
import type { StoredOutcomes } from './packs.ts';
import { observationsOf, seenTargetsOf } from './seen.ts';
import { readTargets, type KnownTargets, type SeenTargetRow } from './seenTargets.store.ts';
import { readVariants } from './variants.store.ts';
import type { TargetVariants } from './variants.ts';

export interface TickOptions {
  transactions: Transactions;
  drops: Drops;
  outages: Outages;
}

/** One stage as it is before anything is decided. */
export interface StageContext {
  stage: Stage;
  memory: StageMemory;
  /** As it is stored, to tell what changed. */
  before: FleetState;
  /** With the targets that belong to it now. */
  state: FleetState;
  /** Of the newest forward rollout there ever was in it. */
  newestProposed: number;
  /** By the revision that they completed in it. */
  rollouts: ReadonlyMap<number, string>;
  /** Of its targets. */
  seen: Observations;
}

export interface Context {
  application: rows.ApplicationRow;
  targets: SeenTargetRow[];
  /** The same, for the next look. */
  known: KnownTargets;
  revisions: ReadonlyMap<number, rows.RevisionRow>;
  variants: TargetVariants | null;
  /** In order; an application without stages has one, named ''. */
  stages: readonly StageContext[];
  /** Rollouts of stages that are no more, and what is said of them. */
  ended: Arranged['ended'];
  endings: Arranged['events'];
  /** What is kept of the stages is not what is stored. */
  isRearranged: boolean;
  /** How the outcomes of its rollouts are stored. */
  outcomes: StoredOutcomes;
  nowMs: number;
}

/** `before`: what the caller knows of its targets from an earlier look. */
export async function load(
  options: TickOptions,
  tx: HubTransaction,
  application: rows.ApplicationRow,
  before: KnownTargets | null,
): Promise<Context> {
  const nowMs = application.now.getTime();
  const seenNow = await readTargets(tx, application, encodedBody(bodyOf(application)).digest, before);
  const targets = [...seenNow.rows.values()];
  const stages = presentStages(application);
  const known = storedStages(application.rolloutState).map(memoryOf);
  const since = [...known, ...stages.filter(isNew(known)).map(({ name }) => ({ name, sinceMs: nowMs }))];
  const fleet = await rows.readFleet(tx, application.id, targets, since);
  const newest = await rows.readNewestProposed(tx, application.id, since);
  const memories = memoriesOf(stages, known, completedIn(known, fleet), nowMs);
  const stored = storedOf(fleet, application.rolloutState, memories);
  const seenTargets = seenTargetsOf(targets, nowMs, confirmedBy(application));
  const arranged = arrange(stages, stored, { targets: seenTargets }, nowMs);
  const spoken = spokenOf(arranged, memories);
  const revisions = await rows.readRevisions(tx, application.id, spoken);
  const variants = await readVariants(tx, application.id, revisions, spoken, targets);
  const seen = seenOf(options, application, { targets, revisions, variants }, seenTargets);
  return {
    application,
    targets,
    known: seenNow,
    revisions,
    variants,
    stages: arranged.fleets.map((own, at) => ({
      ...own,
      memory: memories[at]!,
      newestProposed: Math.max(newest.get(own.stage.name) ?? 0, ...memories[at]!.inherited),
      rollouts: new Map(
        fleet.completed
          .filter(({ stage }) => stage === own.stage.name)
          .map(({ revision, rollout }) => [revision, rollout]),
      ),
      seen: arranged.fleets.length === 1 ? seen : seenIn(own.state, seen),
    })),
    ended: arranged.ended,
    endings: arranged.events,
    outcomes: fleet.stored,
    isRearranged: JSON.stringify(memories) !== JSON.stringify(known),
    nowMs,
  };
}

/** By a forced sync, which is still to be assigned. */
function confirmedBy({ rolloutState, syncRequest }: rows.ApplicationRow): (target: SeenTargetRow) => boolean {
  const clusters = syncRequest?.force === true ? syncRequest.clusters : [];
  return ({ id, clusterId }) =>
    rolloutState.operations?.[id]?.force === true || clusters === null || clusters.includes(clusterId);
}

/** A spec is checked when it is written; one from before a rule existed must not stop the fleet. */
function presentStages({ spec, projectSpec }: rows.ApplicationRow): readonly Stage[] {
  const parsed = stagesOf(spec.strategy, projectSpec.strategies);
  if (parsed.ok) return parsed.stages;
  return [{ name: '', match: { type: 'rest' }, strategy: defaultStrategy, soakMs: 0, approval: false }];
}

function isNew(known: readonly StageMemory[]): (stage: Stage) => boolean {
  return ({ name }) => !known.some((memory) => memory.name === name);
}

function completedIn(known: readonly StageMemory[], { completed }: FleetRows): Map<string, number[]> {
  return new Map(
    known.map(({ name, inherited }) => {
      const own = completed.filter(({ stage }) => stage === name).map(({ revision }) => revision);
      return [name, [...new Set([...own, ...inherited])]];
    }),
  );
}

function seenOf(
  options: TickOptions,
  { projectId, spec, projectSpec, name }: rows.ApplicationRow,
  read: Pick<Context, 'targets' | 'revisions' | 'variants'>,
  seenTargets: Observations['targets'],
): Observations {
  const input = {
    ...read,
    drop: (from: string, to: string) =>
      from === to ? { dropped: 0, total: 0 } : options.drops.known(projectId, from, to),
    prune: spec.syncPolicy.prune,
    outages: options.outages.spans,
    rollbackId: randomUUID(),
    syncWindows: projectSpec.syncWindows,
    application: { name, namespace: spec.destination.namespace },
  };
  return observationsOf(input, seenTargets);
}

/** Two stages may roll back in one look. */
function seenIn({ targets }: FleetState, seen: Observations): Observations {
  const own = new Map([...seen.targets].filter(([id]) => targets.has(id)));
  return { ...seen, targets: own, rollbackId: randomUUID() };
}

/** Numbers of all revisions that the state names. */
function spokenOf({ fleets, ended }: Arranged, memories: readonly StageMemory[]): number[] {
  const numbers = new Set<number | null | undefined>();
  for (const { candidates } of memories)
    numbers.add(candidates.soaking?.revision).add(candidates.ready?.revision);
  for (const { state } of fleets) addSpoken(numbers, state);
  for (const { state } of ended) for (const { revision } of state.closed) numbers.add(revision);
  return [...numbers].filter((number) => typeof number === 'number');
}

/** One by one: a fleet has more than a call takes arguments. */
function addSpoken(numbers: Set<number | null | undefined>, state: FleetState): void {
  for (const revision of state.completed) numbers.add(revision);
  for (const { revision, given, entitled, pin, healthy, lane } of state.targets.values()) {
    numbers.add(revision).add(given).add(entitled).add(pin?.revision).add(lane?.revision);
    for (const earlier of healthy) numbers.add(earlier);
  }
  for (const rollout of [state.open, state.waiting]) {
    numbers.add(rollout?.revision);
    for (const { revision, givenBefore } of rollout?.outcomes.values() ?? [])
      numbers.add(revision).add(givenBefore);
  }
}
