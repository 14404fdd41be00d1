/** A plan: what one operation does, phase by phase, as data. */
import type { HookDeletePolicy, HookPhase, ObjectPolicy } from '../object/annotations.ts';
import type { Identity, KubeObject } from '../object/types.ts';
import type { InventoryEntry } from '../inventory/inventory.ts';

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
  /** After the groups; in order. Only in phase Sync. */
  prunes: PruneTask[][];
}

export interface PlanFailure {
  identity: Identity;
  reason: 'UnknownKind' | 'NotPermitted' | 'DuplicateIdentity';
  message: string;
}

export interface SyncPlan {
  phases: Record<HookPhase, SyncWave[]>;
  /** `PruneLast`: after every wave of phase Sync. */
  pruneLast: PruneTask[][];
  /** Objects that are not applied at all: `Skip` hooks and chart tests. */
  skipped: Identity[];
  /** Each is its own failed task; the others go on. */
  failed: PlanFailure[];
  /** Identity keys of everything the bundle wants here, failed ones included, hooks apart: what must never be pruned. */
  desired: ReadonlySet<string>;
}
