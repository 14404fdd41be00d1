/**
 * What an agent says about one target: the state that the hub shows (latest wins) and the facts it keeps
 * (what happened, appended). Both echo the assignment they speak of.
 */
import type { Digest } from '../digest/sha256.ts';
import type { Identity } from '../object/types.ts';
import type { Condition, Health, OperationPhase, SyncStatus } from './words.ts';

/** How far a target's bundle has come on the cluster. `InForce` is what is applied and kept. */
export interface ObservedState {
  target: string;
  assignment: number;
  /** Revision and bundle in force on the agent's disk, which may be older than the assigned ones. */
  revision: number;
  bundle: Digest;
  sync: SyncStatus;
  health: Health;
  operation: ObservedOperation | null;
  /** Objects in the bundle, objects that differ, prune candidates that are kept back. */
  counts: { objects: number; outOfSync: number; pruneHeld: number };
  conditions: Condition[];
  /** The objects that are not Synced and Healthy, worst first, at most 20. */
  resources: ObservedResource[];
  /** `Removed` ends a Removing entry. */
  removal: 'None' | 'Pruning' | 'Removed';
}

export interface ObservedOperation {
  assignment: number;
  phase: OperationPhase;
  message: string;
  startedAt: string;
  finishedAt: string | null;
  attempt: number;
}

export interface ObservedResource extends Identity {
  sync: SyncStatus;
  health: Health | null;
  message: string;
}

/** One changed field of a drifted object. Values of Secrets and other sensitive fields are masked before they leave the agent. */
export interface DriftField {
  path: string;
  manager: string;
  /** RFC 3339, from managedFields; '' where the manager recorded none. */
  time: string;
}

export type Fact = { number: number; at: string } & FactBody;

export type FactBody =
  | {
      type: 'Applied';
      target: string;
      assignment: number;
      fromRevision: number | null;
      revision: number;
      bundle: Digest;
    }
  | {
      type: 'Operation';
      target: string;
      assignment: number;
      phase: OperationPhase;
      message: string;
      startedAt: string;
    }
  | {
      type: 'Drift';
      target: string;
      assignment: number;
      object: Identity;
      fields: DriftField[];
      reverted: boolean;
    }
  | { type: 'Removed'; target: string; assignment: number; mode: 'delete' | 'orphan' | 'detach' }
  | { type: 'Pruned'; target: string; assignment: number; object: Identity; uid: string }
  | { type: 'Overflow'; dropped: number };
