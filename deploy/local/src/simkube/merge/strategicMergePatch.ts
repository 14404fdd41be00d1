/** Strategic merge patch, as `kubectl apply` and `kubectl patch` send it for builtin kinds. */
import type { Schema } from '../schema/schema.ts';
import type { JsonObject } from '../types.ts';

export class PatchError extends Error {
  override readonly name = 'PatchError';
}

/** A new object; throws `PatchError` for directives that nobody knows. */
export function strategicMergePatch<T extends object>(_object: T, _patch: JsonObject, _schema: Schema): T {
  throw new Error('not yet built');
}
