/** JSON patch (RFC 6902). */
import type { Json } from '../types.ts';

export interface JsonPatchOperation {
  op: 'add' | 'remove' | 'replace' | 'move' | 'copy' | 'test';
  path: string;
  from?: string;
  value?: Json;
}

export type JsonPatchOutcome<T> =
  | { outcome: 'patched'; object: T }
  /** With the message of the real API server's answer 422 (also for a `test` that failed). */
  | { outcome: 'refused'; message: string };

export function jsonPatch<T extends object>(
  _object: T,
  _patch: readonly JsonPatchOperation[],
): JsonPatchOutcome<T> {
  throw new Error('not yet built');
}
