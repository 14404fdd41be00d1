/** One target at run time: what is assigned, what is in force, what became of it. */
import type { Body, Head } from '@flotilla/domain/desired/entry';
import type { InventoryEntry } from '@flotilla/domain/inventory/inventory';
import type { KubeObject } from '@flotilla/domain/object/types';
import type { Tracker } from '@flotilla/domain/object/tracking';
import type { ObservedOperation, ObservedState } from '@flotilla/domain/status/observed';
import type { ConditionType } from '@flotilla/domain/status/words';
import type { FightRecord } from '@flotilla/domain/sync/fight';
import type { ObjectRecord } from './records.ts';
import { newRecord } from './records.ts';

/** The bundle that is applied and kept. */
export interface InForce {
  bundle: string;
  revision: number;
  assignment: number;
  /** The bundle has hooks. */
  hooks: boolean;
}

/** Reverts of one object so far. */
export interface Healing {
  reverts: number;
  /** Monotonic time before which it is left alone. */
  notBeforeMs: number;
  fights: FightRecord;
  /** Who writes against us; then the object is left alone until the next assignment. */
  conflict: string | null;
}

export interface Target {
  uid: string;
  head: Head;
  body: Body;
  tracker: Tracker;
  /** False until the cache on disk was read. */
  loaded: boolean;
  inForce: InForce | null;
  operation: ObservedOperation | null;
  /** The operation of this assignment ran to its end; 0: none yet. */
  finishedAssignment: number;
  /** Monotonic time of the operation's next try. */
  retryAtMs: number;
  /** Live objects as they drifted, until they are looked at. */
  drifted: Map<string, KubeObject>;
  /** Drift that was told and not reverted, by key. */
  told: Map<string, string>;
  /** Bundle, revision and body that were last applied whole. */
  appliedBundle: string | null;
  appliedRevision: number | null;
  appliedBody: string | null;
  /** Deletes that were accepted and not yet confirmed. */
  pruning: InventoryEntry[];
  records: Map<string, ObjectRecord>;
  healing: Map<string, Healing>;
  conditions: Map<ConditionType, string>;
  /** Why an object's own task failed, by identity key. */
  failures: Map<string, string>;
  pruneHeld: number;
  removal: ObservedState['removal'];
  /** The cache on disk is behind the operation. */
  dirty: boolean;
  /** It is behind `records`. */
  objectsDirty: boolean;
  state: ObservedState | null;
}

export function newTarget(head: Head, body: Body, hubId: string): Target {
  return {
    uid: head.target,
    head,
    body,
    tracker: { hub: hubId, application: body.application.id },
    loaded: false,
    inForce: null,
    operation: null,
    finishedAssignment: 0,
    retryAtMs: 0,
    drifted: new Map(),
    told: new Map(),
    appliedBundle: null,
    appliedRevision: null,
    appliedBody: null,
    pruning: [],
    records: new Map(),
    healing: new Map(),
    conditions: new Map(),
    failures: new Map(),
    pruneHeld: 0,
    removal: 'None',
    dirty: false,
    objectsDirty: false,
    state: null,
  };
}

/** Its assignment's operation has not ended: it waits for its bundle, for others or for its next try, or it runs. */
export function isUnderWay({ head, finishedAssignment }: Target): boolean {
  return head.state === 'Active' && head.assignment > finishedAssignment;
}

export function recordOf(target: Target, key: string): ObjectRecord {
  let record = target.records.get(key);
  if (record === undefined) {
    record = newRecord(key);
    target.records.set(key, record);
  }
  return record;
}
