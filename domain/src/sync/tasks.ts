/**
 * A bundle's objects → ordered tasks. Namespaces are put right, hooks split off into their phases, what a later object
 * needs is lifted ahead of it, and what is owned but no longer wanted becomes a prune candidate. Inside a phase by sync
 * wave, inside a wave by kind order; one bad object is its own failure and stops nothing.
 */
import type { Body } from '../desired/entry.ts';
import type { InventoryEntry } from '../inventory/inventory.ts';
import {
  defaultPolicy,
  hookPhases,
  policyOf,
  type HookPhase,
  type ObjectPolicy,
} from '../object/annotations.ts';
import { identityKey, identityOf, kindKey } from '../object/identity.ts';
import type { KubeObject } from '../object/types.ts';
import { hookTasks, type HookNaming } from './hooks.ts';
import { liftPrerequisites, type PlacedTask } from './lift.ts';
import { groupByKind } from './order.ts';
import { notPermitted } from './permit.ts';
import type { ApplyTask, PlanFailure, PruneTask, SyncPlan, SyncWave } from './plan.ts';
import { placeObject, scopesWith, type Scopes } from './scope.ts';

export interface PlanInput {
  objects: KubeObject[];
  /** From discovery. */
  scopes: Scopes;
  body: Pick<Body, 'destinationNamespace' | 'sync' | 'allowed'>;
  inventory: InventoryEntry[];
  /** Policies of live inventory objects, by identity key. */
  livePolicies: ReadonlyMap<string, ObjectPolicy>;
  naming: HookNaming;
}

export function planSync(input: PlanInput): SyncPlan {
  const { tasks, skipped, failed, desired } = place(input);
  const namespace = namespaceToCreate(input.body, desired);
  const denied = namespace && notPermitted(namespace.identity, 'Cluster', input.body.allowed);
  if (namespace && denied === null) tasks.push({ phase: 'Sync', wave: 0, task: namespace });
  if (namespace && denied)
    failed.push({ identity: namespace.identity, reason: 'NotPermitted', message: denied });
  const lifted = liftPrerequisites(tasks);
  const prunes = pruneTasks(input, desired);
  const isLast = (task: PruneTask) => input.body.sync.pruneLast || task.policy?.pruneLast === true;
  const inWaves = mirrorWaves(prunes.filter((task) => !isLast(task)));
  const phases = Object.fromEntries(
    hookPhases.map((phase) => [phase, wavesOf(phase, lifted, phase === 'Sync' ? inWaves : new Map())]),
  ) as Record<HookPhase, SyncWave[]>;
  return { phases, pruneLast: lastPrunes(prunes.filter(isLast)), skipped, failed, desired };
}

interface Placed {
  tasks: PlacedTask[];
  skipped: SyncPlan['skipped'];
  failed: PlanFailure[];
  desired: Set<string>;
}

/** Each object where it belongs, or among the skipped or failed. */
function place(input: PlanInput): Placed {
  const scopes = scopesWith(input.scopes, input.objects);
  const placed: Placed = { tasks: [], skipped: [], failed: [], desired: new Set() };
  for (const object of input.objects) placeOne(object, scopes, input, placed);
  return placed;
}

function placeOne(object: KubeObject, scopes: Scopes, input: PlanInput, into: Placed): void {
  const policy = policyOf(object);
  if (policy.hook?.phases.length === 0) {
    into.skipped.push(identityOf(object));
    return;
  }
  const here = placeObject(object, scopes, input.body.destinationNamespace);
  const failure =
    here === null ? unknownKind(object, into, input) : problemOf(here, policy, scopes, input, into);
  if (failure !== null || here === null) {
    if (failure) into.failed.push(failure);
    return;
  }
  if (policy.hook) {
    const hooks = hookTasks(here, policy, input.naming);
    into.tasks.push(...hooks.map(({ phase, task }) => ({ phase, wave: policy.syncWave, task })));
    return;
  }
  const task: ApplyTask = { type: 'apply', identity: identityOf(here), object: here, policy, tracked: true };
  into.tasks.push({ phase: 'Sync', wave: policy.syncWave, task });
}

/** Its scope is unknown, so both places it could be in count as wanted: what cannot be read must not be pruned. */
function unknownKind(object: KubeObject, into: Placed, input: PlanInput): PlanFailure {
  const identity = identityOf(object);
  const namespace = identity.namespace || input.body.destinationNamespace || 'default';
  into.desired.add(identityKey(identity));
  into.desired.add(identityKey({ ...identity, namespace }));
  into.desired.add(identityKey({ ...identity, namespace: '' }));
  const message = `the cluster knows no ${identity.kind} in ${object.apiVersion}`;
  return { identity, reason: 'UnknownKind', message };
}

function problemOf(
  here: KubeObject,
  policy: ObjectPolicy,
  scopes: Scopes,
  input: PlanInput,
  into: Placed,
): PlanFailure | null {
  const identity = identityOf(here);
  const key = identityKey(identity);
  // Two manifests may become one only here, when the default namespace meets one that was written out.
  if (policy.hook === null && into.desired.has(key)) {
    return { identity, reason: 'DuplicateIdentity', message: `the bundle has ${key} twice` };
  }
  if (policy.hook === null) into.desired.add(key);
  const message = notPermitted(identity, scopes.get(kindKey(identity)) ?? 'Cluster', input.body.allowed);
  return message === null ? null : { identity, reason: 'NotPermitted', message };
}

/** The destination's namespace, unless the bundle brings it. Made early by being lifted, never tracked, never pruned. */
function namespaceToCreate(body: PlanInput['body'], desired: ReadonlySet<string>): ApplyTask | null {
  const name = body.destinationNamespace;
  if (!body.sync.createNamespace || name === '') return null;
  const { labels, annotations } = body.sync.managedNamespaceMetadata ?? {};
  const metadata = { name, ...(labels ? { labels } : {}), ...(annotations ? { annotations } : {}) };
  const object: KubeObject = { apiVersion: 'v1', kind: 'Namespace', metadata };
  const identity = identityOf(object);
  if (desired.has(identityKey(identity))) return null;
  return { type: 'apply', identity, object, policy: defaultPolicy, tracked: false };
}

function pruneTasks(input: PlanInput, desired: ReadonlySet<string>): PruneTask[] {
  return input.inventory
    .filter((entry) => !desired.has(identityKey(entry)))
    .map((entry) => ({ type: 'prune', entry, policy: input.livePolicies.get(identityKey(entry)) ?? null }));
}

/** Mirrored: what was applied in the last wave is pruned in the first of the waves that prune anything, and so on. */
function mirrorWaves(prunes: readonly PruneTask[]): ReadonlyMap<number, PruneTask[]> {
  const waveOf = (task: PruneTask) => task.policy?.syncWave ?? 0;
  const waves = [...new Set(prunes.map(waveOf))].sort((a, b) => a - b);
  return new Map(
    waves.map((wave, index) => {
      const source = waves[waves.length - 1 - index];
      return [wave, prunes.filter((task) => waveOf(task) === source)];
    }),
  );
}

function wavesOf(
  phase: HookPhase,
  tasks: readonly PlacedTask[],
  prunes: ReadonlyMap<number, PruneTask[]>,
): SyncWave[] {
  const byWave = Map.groupBy(
    tasks.filter((placed) => placed.phase === phase),
    (placed) => placed.wave,
  );
  const numbers = [...new Set([...byWave.keys(), ...prunes.keys()])].sort((a, b) => a - b);
  return numbers.map((wave) => ({
    wave,
    groups: groupByKind(
      (byWave.get(wave) ?? []).map((placed) => placed.task),
      (task) => task.identity,
      'apply',
    ),
    prunes: pruneGroups(prunes.get(wave) ?? []),
  }));
}

function pruneGroups(tasks: readonly PruneTask[]): PruneTask[][] {
  return groupByKind(tasks, (task) => task.entry, 'delete');
}

/** By descending sync wave, then against the kind order. */
function lastPrunes(tasks: readonly PruneTask[]): PruneTask[][] {
  const byWave = Map.groupBy(tasks, (task) => task.policy?.syncWave ?? 0);
  return [...byWave].sort(([a], [b]) => b - a).flatMap(([, group]) => pruneGroups(group));
}

/** Deleting an application: its inventory by descending sync wave, then against the kind order. */
export function planRemoval(
  inventory: readonly InventoryEntry[],
  livePolicies: ReadonlyMap<string, ObjectPolicy>,
): PruneTask[][] {
  return lastPrunes(
    inventory.map((entry) => ({
      type: 'prune',
      entry,
      policy: livePolicies.get(identityKey(entry)) ?? null,
    })),
  );
}
