/** Drops fields that the schema does not know, as the API server does when it stores an object. */
import type { Schema } from '../schema/schema.ts';
import type { Json, JsonObject } from '../types.ts';
import { childSchema, isObject } from './shape.ts';

/** A new object, and the paths that were dropped as strict validation words them: `spec.replicaz`. */
export function pruneUnknown<T extends object>(object: T, schema: Schema): { object: T; unknown: string[] } {
  const unknown: string[] = [];
  const pruned = prune(object as unknown as Json, schema, '', unknown) as T;
  return { object: pruned, unknown };
}

function prune(value: Json, schema: Schema, path: string, unknown: string[]): Json {
  if (schema.kind === 'list' && Array.isArray(value))
    return value.map((item, index) => prune(item, schema.element, `${path}[${index}]`, unknown));
  if (!isObject(value) || schema.kind === 'scalar' || schema.kind === 'untyped')
    return structuredClone(value);
  const kept: JsonObject = {};
  const below: [string, Json, Schema][] = [];
  for (const [name, child] of Object.entries(value)) {
    const at = path === '' ? name : `${path}.${name}`;
    const field = childSchema(schema, name);
    if (field === undefined) unknown.push(at);
    else below.push([name, child, field]);
  }
  for (const [name, child, field] of below)
    kept[name] = prune(child, field, path === '' ? name : `${path}.${name}`, unknown);
  return kept;
}
