/** A bundle's objects → ordered tasks: phases, in a phase sync waves, in a wave groups of equal kind that run in parallel. */
import type { HookDeletePolicy, HookPhase, ObjectPolicy } from '../object/annotations.ts';
import type { Body } from '../desired/entry.ts';
import type { Identity, KubeObject } from '../object/types.ts';
import type { InventoryEntry } from '../inventory/inventory.ts';
import type { Scopes } from './scope.ts';

export interface ApplyTask {
  type: 'apply';
  identity: Identity;
  object: KubeObject;
  policy: ObjectPolicy;
  /** False for the namespace that `createNamespace` makes: it is nobody's to prune. */
  tracked: boolean;
}

export interface HookTask {
  type: 'hook';
  identity: Identity;
  object: KubeObject;
  policy: ObjectPolicy;
  deletePolicies: HookDeletePolicy[];
}

export interface PruneTask {
  type: 'prune';
  entry: InventoryEntry;
  /** From the live object's annotations; null when it is gone or was not read. */
  policy: ObjectPolicy | null;
}

export interface SyncWave {
  wave: number;
  /** In order; the tasks of one group apply in parallel. */
  groups: (ApplyTask | HookTask)[][];
  /** After the groups; in order. */
  prunes: PruneTask[][];
}

export interface SyncPlan {
  phases: Record<HookPhase, SyncWave[]>;
  /** After PostSync-independent waves: `PruneLast`. */
  pruneLast: PruneTask[][];
  /** Objects that are not applied at all: `Skip` hooks and chart tests. */
  skipped: Identity[];
  /** Each is its own failed task; the others go on. */
  failed: {
    identity: Identity;
    reason: 'UnknownKind' | 'NotPermitted' | 'DuplicateIdentity';
    message: string;
  }[];
  /** Identity keys of everything the bundle wants here, hooks apart: what must never be pruned. */
  desired: ReadonlySet<string>;
}

export interface PlanInput {
  objects: KubeObject[];
  scopes: Scopes;
  body: Pick<Body, 'destinationNamespace' | 'sync' | 'allowed'>;
  inventory: InventoryEntry[];
  /** Policies of live inventory objects, by identity key. */
  livePolicies: ReadonlyMap<string, ObjectPolicy>;
  /** Names `generateName` hooks: `<rev7>-<phase>-<attempt>`. `revision` is a commit or bundle digest, `attempt` unique per run. */
  naming: { revision: string; attempt: string };
}

export declare function planSync(input: PlanInput): SyncPlan;
