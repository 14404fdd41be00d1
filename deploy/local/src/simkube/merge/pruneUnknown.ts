/** Drops fields that the schema does not know, as the API server does when it stores an object. */
import type { Schema } from '../schema/schema.ts';

/** A new object, and the paths that were dropped as strict validation words them: `spec.replicaz`. */
export function pruneUnknown<T extends object>(
  _object: T,
  _schema: Schema,
): { object: T; unknown: string[] } {
  throw new Error('not yet built');
}
