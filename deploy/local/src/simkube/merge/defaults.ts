/**
 * What an object becomes by being read and stored: fields in their canonical form (quantities, zero values that Go's types
 * leave out), and the values that the API server fills in.
 */
import type { Schema } from '../schema/schema.ts';

/** A new object with defaults; the same for an object that has them already. */
export function withDefaults<T extends object>(_object: T, _schema: Schema): T {
  throw new Error('not yet built');
}
