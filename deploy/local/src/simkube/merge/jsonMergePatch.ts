/** JSON merge patch (RFC 7386). */
import type { Json, JsonObject } from '../types.ts';
import { isObject } from './shape.ts';

/** A new object; what null names is removed. */
export function jsonMergePatch<T extends object>(object: T, patch: JsonObject): T {
  return patched(object as unknown as Json, patch) as T;
}

function patched(target: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return structuredClone(patch);
  const result: JsonObject = isObject(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else result[name] = patched(result[name], value);
  }
  return result;
}
