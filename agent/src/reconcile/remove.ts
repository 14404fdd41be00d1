/**
 * A target that goes away, by the mode that was accepted. `delete`: PreDelete hooks → the inventory's objects by
 * descending sync wave → PostDelete hooks. `orphan`: the objects stay, our marks and the inventory go. `detach`: everything stays, to
 * be taken back. Only what is confirmed ends in `Removed`.
 */
import { appLabel, appNameAnnotation, ownerOf, trackingAnnotation } from '@flotilla/domain/object/tracking';
import type { InventoryEntry } from '@flotilla/domain/inventory/inventory';
import { identityKey } from '@flotilla/domain/object/identity';
import type { KubeObject } from '@flotilla/domain/object/types';
import { planRemoval } from '@flotilla/domain/sync/tasks';
import { isKubeError } from '../kube/error.ts';
import { mergePatchMetadata } from '../kube/patch.ts';
import { applyPhase } from './apply.ts';
import type { Run } from './context.ts';
import { callOptions, ensureMayWrite } from './context.ts';
import { failTask } from './failure.ts';
import { growInventory, isConfirmed, rebuildIfLost } from './grow.ts';
import { heldInventory, observe, policiesOf, readLive } from './observe.ts';
import { beginNote } from './operation.ts';
import { inParallel } from './parallel.ts';
import type { Plan } from './plan.ts';
import { makePlan } from './plan.ts';
import { prune } from './prune.ts';
import { watchInForce } from './watchInForce.ts';

const lookAgainMs = 2_000;

export async function remove(run: Run, report: (run: Run) => void): Promise<void> {
  const { target } = run;
  // Asked again under another assignment: the answer is the same, and names the new one.
  if (target.removal === 'Removed') return report(run);
  const mode = run.head.removal ?? 'orphan';
  const done = mode === 'delete' ? await deleteAll(run, report) : await release(run, mode);
  if (!done) {
    run.cluster.runLater(target, lookAgainMs);
    report(run);
    return;
  }
  for (const record of target.records.values()) record.desired = null;
  target.conditions.clear();
  await run.cluster.emit({ type: 'Removed', target: target.uid, assignment: run.head.assignment, mode });
  target.removal = 'Removed';
  report(run);
}

/** False: something is still to be done or waited for, and a condition says what. */
async function deleteAll(run: Run, report: (run: Run) => void): Promise<boolean> {
  const { target, cluster } = run;
  await watchInForce(run);
  await rebuildIfLost(run);
  const held = heldInventory(run);
  if (held.entries.length === 0) return dropInventory(run);
  if (held.rebuilt && !isConfirmed(run)) {
    target.conditions.set(
      'PruneBlocked',
      'the inventory was lost and rebuilt: nothing is deleted until a person confirms it',
    );
    return false;
  }
  const hooks = await hooksOf(run);
  if (hooks === 'unavailable') return false;
  target.removal = 'Pruning';
  report(run);
  if (hooks && !(await runPhase(run, hooks, 'PreDelete'))) return false;
  const entries = withoutHooks(heldInventory(run).entries, hooks);
  const live = await readLive(run, entries);
  const groups = planRemoval(entries, policiesOf(live)).map((group) => group.map((task) => task.entry));
  const outcome = await prune(run, {
    cause: 'removal',
    groups,
    live,
    bundle: { complete: true, objects: 0 },
  });
  if (outcome.pending.length > 0 || target.conditions.has('DiscoveryFailed') || target.failures.size > 0)
    return false;
  if (hooks && !(await runPhase(run, hooks, 'PostDelete'))) return false;
  cluster.log.info(
    { target: target.uid, deleted: outcome.deleted, kept: outcome.kept },
    'application deleted',
  );
  return dropInventory(run);
}

/** Null: there are none, or a person said to skip them. `unavailable`: the bundle that has them is not on disk. */
async function hooksOf(run: Run): Promise<Plan | null | 'unavailable'> {
  const { target, cluster } = run;
  if (run.head.operation.skipHooks) return null;
  if (!cluster.state.bundles.isComplete(run.head.bundle.digest)) {
    const failure = cluster.bundleFailures.get(run.head.bundle.digest);
    target.conditions.set(
      'BundleUnavailable',
      `removal waits for its bundle, which may have hooks; skip the hooks to go on${failure === undefined ? '' : `; ${failure}`}`,
    );
    return 'unavailable';
  }
  target.conditions.delete('BundleUnavailable');
  const plan = makePlan(run, await observe(run, () => rebuildIfLost(run)));
  for (const record of target.records.values()) record.desired = null;
  const has = [...plan.sync.phases.PreDelete, ...plan.sync.phases.PostDelete].some(
    (wave) => wave.groups.length > 0,
  );
  if (!has) return null;
  await growInventory(
    run,
    deleteHooks(plan).map((task) => task.identity),
  );
  await beginNote(run);
  return plan;
}

function deleteHooks(plan: Plan): Plan['sync']['phases']['PreDelete'][number]['groups'][number] {
  return [...plan.sync.phases.PreDelete, ...plan.sync.phases.PostDelete].flatMap((wave) =>
    wave.groups.flat(),
  );
}

function withoutHooks(entries: InventoryEntry[], plan: Plan | null): InventoryEntry[] {
  const hooks = new Set(plan ? deleteHooks(plan).map((task) => identityKey(task.identity)) : []);
  return entries.filter((entry) => !hooks.has(identityKey(entry)));
}

async function runPhase(run: Run, plan: Plan, phase: 'PreDelete' | 'PostDelete'): Promise<boolean> {
  const outcome = await applyPhase(run, plan, phase, false);
  if (!outcome.ok) run.target.conditions.set('SyncError', outcome.message);
  return outcome.ok;
}

async function release(run: Run, mode: 'orphan' | 'detach'): Promise<boolean> {
  if (mode === 'detach') return true;
  const { entries } = heldInventory(run);
  const live = await readLive(run, entries);
  const before = run.target.failures.size;
  await inParallel(entries, 16, (entry) => untrack(run, entry, live.get(identityKey(entry)) ?? null));
  return run.target.failures.size > before ? false : dropInventory(run);
}

/** Our marks go; who else owns the object by now keeps theirs. */
async function untrack(run: Run, entry: InventoryEntry, live: KubeObject | null): Promise<void> {
  if (live === null || ownerOf(live, run.target.tracker).type !== 'ours') return;
  const resource = run.cluster.discovery.preferred(entry.group, entry.kind);
  if (resource === null) return;
  const address = { resource, namespace: entry.namespace, name: entry.name };
  const metadata = {
    labels: { [appLabel]: null },
    annotations: { [trackingAnnotation]: null, [appNameAnnotation]: null },
  };
  ensureMayWrite(run);
  try {
    await mergePatchMetadata(
      run.cluster.kube,
      address,
      String(live.metadata['uid']),
      metadata,
      callOptions(run),
    );
    run.target.failures.delete(identityKey(entry));
  } catch (error) {
    if (isKubeError(error, 'NotFound', 'Conflict')) return;
    if (!isKubeError(error)) throw error;
    failTask(run, identityKey(entry), error);
  }
}

async function dropInventory(run: Run): Promise<boolean> {
  ensureMayWrite(run);
  await run.cluster.state.inventory.drop(run.body.application.id);
  run.target.pruneHeld = 0;
  return true;
}
