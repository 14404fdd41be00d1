/** JSON merge patch (RFC 7386). */
import type { JsonObject } from '../types.ts';

/** A new object; what null names is removed. */
export function jsonMergePatch<T extends object>(_object: T, _patch: JsonObject): T {
  throw new Error('not yet built');
}
