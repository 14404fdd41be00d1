/**
 * What a bundle would change on one cluster, found by dry-runs and before anything is: object by object, with the paths that
 * would change. Values of Secrets are masked before they get here. Two clusters for which the same would change have equal
 * plans, byte for byte, so that a digest tells.
 */
import type { Digest } from '../digest/sha256.ts';
import type { HookPhase } from '../object/annotations.ts';
import { compareText, identityKey } from '../object/identity.ts';
import type { Identity } from '../object/types.ts';

/** In the order in which people want to read them. */
export const plannedActions = [
  'fail',
  'unknown',
  'delete',
  'change',
  'create',
  'run',
  'keep',
  'unchanged',
] as const;

/**
 * `fail`: the server, the project or the agent would refuse it. `unknown`: nobody could be asked. `run`: a hook that would
 * run. `keep`: it left the bundle and would stay all the same.
 */
export type PlannedAction = (typeof plannedActions)[number];

export const planFailReasons = [
  'Refused',
  'Immutable',
  'NotPermitted',
  'UnknownKind',
  'SharedResource',
  'DuplicateIdentity',
] as const;
export type PlanFailReason = (typeof planFailReasons)[number];

/** RFC 8785 JSON of both sides, cut where it is long; null: nothing is there. */
export interface FieldChange {
  /** JSON pointer into the live object, or into what it becomes where the live one has no such place. */
  path: string;
  before: string | null;
  after: string | null;
}

/** What was left out for its size: how many, and the digest over them, so that a difference there still tells. */
export interface Omitted {
  count: number;
  digest: Digest;
}

export type PlannedObject = { object: Identity } & PlannedWhat;

type PlannedWhat =
  /** `content`: digest of the masked manifest. `note`: why the server could not be asked about it, '' where it was. */
  | { action: 'create'; content: Digest; note: string }
  | {
      action: 'change';
      fields: FieldChange[];
      omitted: Omitted | null;
      /** It would be deleted and made again, since a field cannot be changed. */
      recreated: boolean;
      note: string;
    }
  | { action: 'delete' }
  | { action: 'keep'; reason: string }
  | { action: 'run'; phase: HookPhase; note: string }
  | { action: 'unknown'; message: string }
  | { action: 'fail'; reason: PlanFailReason; message: string };

export type PlanCounts = Record<PlannedAction, number>;

export interface TargetPlan {
  /** Of all objects, those that are not listed included. */
  counts: PlanCounts;
  /** Without the unchanged; by action in the order above, then by identity. */
  objects: PlannedObject[];
  omitted: Omitted | null;
}

export function noCounts(): PlanCounts {
  return { fail: 0, unknown: 0, delete: 0, change: 0, create: 0, run: 0, keep: 0, unchanged: 0 };
}

export function comparePlanned(a: PlannedObject, b: PlannedObject): number {
  const byAction = plannedActions.indexOf(a.action) - plannedActions.indexOf(b.action);
  return byAction === 0 ? compareText(identityKey(a.object), identityKey(b.object)) : byAction;
}
