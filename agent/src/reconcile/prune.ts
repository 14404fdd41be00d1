/**
 * prune: deletes what left the bundle, after everything else was applied. Each candidate was just read; the domain
 * decides per object and for the pass as a whole, and every doubt keeps the object. A DELETE names the UID; the inventory shrinks
 * only by what is confirmed gone.
 */
import type { PruneCandidate, PruneDecision } from '@flotilla/domain/sync/prune';
import { decidePass, decidePrune } from '@flotilla/domain/sync/prune';
import type { InventoryEntry } from '@flotilla/domain/inventory/inventory';
import { shrinkInventory } from '@flotilla/domain/inventory/inventory';
import { policyOf } from '@flotilla/domain/object/annotations';
import { identityKey } from '@flotilla/domain/object/identity';
import { ownerOf } from '@flotilla/domain/object/tracking';
import type { KubeObject } from '@flotilla/domain/object/types';
import { deleteObject } from '../kube/delete.ts';
import { isKubeError } from '../kube/error.ts';
import type { Run } from './context.ts';
import { callOptions, ensureMayWrite } from './context.ts';
import { desiredElsewhere } from './elsewhere.ts';
import { failTask } from './failure.ts';
import { isConfirmed } from './grow.ts';
import { heldInventory, readLive } from './observe.ts';
import { inParallel } from './parallel.ts';

export interface PruneInput {
  cause: 'prune' | 'removal';
  /** In order; the entries of one group are deleted together. */
  groups: InventoryEntry[][];
  /** As they were read in this pass. */
  live: ReadonlyMap<string, KubeObject | null>;
  bundle: { complete: boolean; objects: number };
}

/** What is left to go. */
export interface PruneOutcome {
  deleted: number;
  kept: number;
  /** Accepted by the server and not yet gone. */
  pending: InventoryEntry[];
}

export interface Decided {
  entry: InventoryEntry;
  decision: PruneDecision;
}

export async function prune(run: Run, input: PruneInput): Promise<PruneOutcome> {
  const outcome: PruneOutcome = { deleted: 0, kept: 0, pending: [] };
  const entries = input.groups.flat();
  run.target.pruneHeld = 0;
  for (const type of ['GuardHeld', 'PruneBlocked', 'Pruning'] as const) run.target.conditions.delete(type);
  if (entries.length === 0) return outcome;
  const decided = await decideAll(run, input);
  await forget(
    run,
    decided
      .flat()
      .filter(isForgotten)
      .map(({ entry }) => entry),
  );
  const deletes = decided.flat().filter(({ decision }) => decision.action === 'delete').length;
  outcome.kept = decided.flat().filter((one) => one.decision.action === 'keep' && !isForgotten(one)).length;
  const allowed = deletes === 0 || passAllowed(run, input, deletes, entries);
  if (!allowed) outcome.kept += deletes;
  run.target.pruneHeld = outcome.kept;
  if (allowed) for (const group of decided) await deleteGroup(run, group, outcome);
  outcome.pending.push(
    ...decided.flat().flatMap(({ entry, decision }) =>
      // An entry of a rebuilt inventory may lack the UID by which its object is seen to go.
      decision.action === 'waiting' ? [{ ...entry, uid: decision.uid }] : [],
    ),
  );
  await awaitGone(run, outcome);
  return outcome;
}

export async function decideAll(run: Run, input: PruneInput): Promise<Decided[][]> {
  const elsewhere = await desiredElsewhere(run);
  const rules = {
    cause: input.cause,
    enabled: input.cause === 'removal' || run.body.prune.enabled,
    confirmed: new Set<string>(),
    desiredElsewhere: elsewhere,
    rebuilt: heldInventory(run).rebuilt && !isConfirmed(run),
  };
  return input.groups.map((group) =>
    group.flatMap((entry): Decided[] => {
      const live = input.live.get(identityKey(entry));
      // Not read because its group's discovery failed: the pass is blocked below, nothing is concluded here.
      if (live === undefined) return [{ entry, decision: { action: 'keep', reason: 'NotOurs' } }];
      return [{ entry, decision: decidePrune(candidateOf(run, entry, live), rules) }];
    }),
  );
}

function candidateOf(run: Run, entry: InventoryEntry, live: KubeObject | null): PruneCandidate {
  if (live === null) return { entry, live: null };
  return {
    entry,
    live: {
      uid: String(live.metadata['uid']),
      owner: ownerOf(live, run.target.tracker),
      policy: policyOf(live),
      deleting: live.metadata['deletionTimestamp'] !== undefined,
      finalizers: (live.metadata['finalizers'] ?? []) as string[],
    },
  };
}

/** Gone, or somebody else's by now: no longer ours to know of. */
export function isForgotten({ decision }: Decided): boolean {
  if (decision.action === 'forget' || decision.action === 'handOver') return true;
  return decision.action === 'keep' && (decision.reason === 'NotOurs' || decision.reason === 'OtherUid');
}

function passAllowed(run: Run, input: PruneInput, deletes: number, entries: InventoryEntry[]): boolean {
  const groups = new Set(entries.map((entry) => entry.group));
  const failedGroups = [...groups].filter((group) => run.cluster.discovery.failed(group));
  const pass = decidePass({
    cause: input.cause,
    deletes,
    deletesMax: run.head.deletesMax,
    bundle: input.bundle,
    allowEmpty: run.body.prune.allowEmpty,
    failedGroups,
  });
  if (pass.outcome === 'allowed') return true;
  run.target.conditions.set(pass.condition.type, pass.condition.message);
  return false;
}

async function deleteGroup(run: Run, group: Decided[], outcome: PruneOutcome): Promise<void> {
  await inParallel(group, 16, async ({ entry, decision }) => {
    if (decision.action !== 'delete') return;
    const resource = run.cluster.discovery.preferred(entry.group, entry.kind);
    if (resource === null) return;
    ensureMayWrite(run);
    const address = { resource, namespace: entry.namespace, name: entry.name };
    try {
      await deleteObject(
        run.cluster.kube,
        address,
        decision.uid,
        run.body.sync.prunePropagation,
        callOptions(run),
      );
      outcome.deleted += 1;
      outcome.pending.push({ ...entry, uid: decision.uid });
    } catch (error) {
      if (!isKubeError(error)) throw error;
      outcome.kept += 1;
      failTask(run, identityKey(entry), error);
    }
  });
}

const lookAgainMs = [20, 50, 100, 200, 300, 500, 1_000, 1_000, 2_000];

/** Reads what was deleted until it is gone, for a few seconds: the usual case is confirmed within the pass. */
async function awaitGone(run: Run, outcome: PruneOutcome): Promise<void> {
  for (const waitMs of lookAgainMs) {
    if (outcome.pending.length === 0) return;
    const stillThere = await confirmGone(run, outcome.pending);
    outcome.pending = stillThere;
    if (stillThere.length > 0) await run.cluster.clock.sleep(waitMs, run.signals.preempted);
  }
  if (outcome.pending.length === 0) return;
  const names = outcome.pending.slice(0, 5).map(identityKey).join(', ');
  run.target.conditions.set(
    'Pruning',
    `waiting for ${outcome.pending.length} to be gone: ${names}${await finalizersOf(run, outcome.pending)}`,
  );
}

async function finalizersOf(run: Run, pending: InventoryEntry[]): Promise<string> {
  const live = await readLive(run, pending.slice(0, 5));
  const names = new Set(
    [...live.values()].flatMap((object) => (object?.metadata['finalizers'] ?? []) as string[]),
  );
  return names.size === 0 ? '' : ` (finalizers ${[...names].join(', ')})`;
}

/** Entries whose object of that UID is still there; the others leave the inventory and are told as facts. */
export async function confirmGone(run: Run, pending: InventoryEntry[]): Promise<InventoryEntry[]> {
  const live = await readLive(run, pending);
  const isThere = (entry: InventoryEntry): boolean => {
    const object = live.get(identityKey(entry));
    return object === undefined || (object !== null && object.metadata['uid'] === entry.uid);
  };
  const gone = pending.filter((entry) => !isThere(entry));
  const { head, cluster } = run;
  const told = gone.map(({ uid, ...object }) =>
    cluster.emit({ type: 'Pruned', target: head.target, assignment: head.assignment, object, uid }),
  );
  await Promise.all(told);
  await forget(run, gone);
  return pending.filter(isThere);
}

async function forget(run: Run, gone: InventoryEntry[]): Promise<void> {
  if (gone.length === 0) return;
  const held = heldInventory(run);
  ensureMayWrite(run);
  const keys = new Set(gone.map(identityKey));
  const known = held.entries.filter((entry) => keys.has(identityKey(entry)));
  const entries = shrinkInventory(held.entries, known);
  await run.cluster.state.inventory.write(run.body.application.id, { ...held, entries });
  for (const key of keys) run.target.records.delete(key);
  run.target.objectsDirty = true;
}
