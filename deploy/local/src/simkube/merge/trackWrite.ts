/** Field ownership after create, update and the patches that are not apply. */
import type { Schema } from '../schema/schema.ts';
import type { KubeObject } from '../types.ts';

export interface TrackRequest {
  /** Null for a create. */
  before: KubeObject | null;
  /** With defaults. */
  after: KubeObject;
  manager: string;
  operation: 'Update';
  subresource?: string;
  schema: Schema;
  apiVersion: string;
  nowIso: string;
}

/** `after` with managedFields; they are those of `before`, times included, where nothing else changed. */
export function trackWrite(_request: TrackRequest): KubeObject {
  throw new Error('not yet built');
}
