/** Server-side apply: merges what a manager wants into what is there, and says who owns which field afterwards. */
import type { Schema } from '../schema/schema.ts';
import type { KubeObject } from '../types.ts';

export interface ApplyRequest {
  /** Null where nothing is there yet. */
  live: KubeObject | null;
  /** As the manager sent it, without defaults. */
  applied: KubeObject;
  manager: string;
  force: boolean;
  subresource?: string;
  schema: Schema;
  /** Of the request, for the entry in managedFields. */
  apiVersion: string;
  nowIso: string;
}

export interface Conflict {
  /** As the real API server names it: `"kubectl" using apps/v1`, with subresource and time where it adds them. */
  manager: string;
  /** `.spec.template.spec.containers[name="web"].image` */
  field: string;
}

export type ApplyOutcome =
  /** With defaults; `live` itself, managedFields and their times included, where nothing changed. */
  | { outcome: 'applied'; object: KubeObject }
  | { outcome: 'conflict'; conflicts: Conflict[] }
  /** What was applied does not fit the schema; the message is that of the real API server's answer. */
  | { outcome: 'invalid'; message: string };

export function applyServerSide(_request: ApplyRequest): ApplyOutcome {
  throw new Error('not yet built');
}

/** The message of the answer 409. */
export function conflictMessage(_conflicts: readonly Conflict[]): string {
  throw new Error('not yet built');
}
