/** How ownership looks at a value: as one leaf, as fields of its own, or as elements of its own. */
import type { ListSchema, Schema } from '../schema/schema.ts';
import type { Json, JsonObject } from '../types.ts';
import type { PathElement } from './fieldSet.ts';

export type Shape = 'leaf' | 'object' | 'items';

/** Of what nobody described: owned field by field, its lists as wholes. */
const DEDUCED: Schema = { kind: 'untyped', deduced: true, nullable: true, patchStrategy: [], rules: {} };

export function shapeOf(schema: Schema, value: Json | undefined): Shape {
  switch (schema.kind) {
    case 'scalar':
      return 'leaf';
    case 'list':
      return schema.listType === 'atomic' ? 'leaf' : 'items';
    case 'untyped':
      return schema.deduced && isObject(value) ? 'object' : 'leaf';
    case 'struct':
    case 'map':
      return schema.atomic ? 'leaf' : 'object';
  }
}

/** Undefined for a field that the schema does not know. */
export function childSchema(schema: Schema, name: string): Schema | undefined {
  if (schema.kind === 'map') return schema.element;
  if (schema.kind === 'struct')
    return schema.fields.get(name) ?? (schema.preserveUnknown ? DEDUCED : undefined);
  return schema.kind === 'untyped' ? DEDUCED : undefined;
}

export function isNamedField(schema: Schema, name: string): boolean {
  return schema.kind === 'struct' && schema.fields.has(name);
}

export function elementSchema(schema: Schema): Schema {
  return schema.kind === 'list' ? schema.element : DEDUCED;
}

/** Which element of its list an item is; undefined where a key is missing and has no default. */
export function elementOf(schema: ListSchema, item: Json): PathElement | undefined {
  if (schema.listType === 'set') return `v:${JSON.stringify(item)}`;
  if (!isObject(item)) return undefined;
  const keys: JsonObject = {};
  for (const name of [...schema.mapKeys].sort()) {
    const byDefault = schema.element.kind === 'struct' ? schema.element.fields.get(name)?.default : undefined;
    const value = item[name] ?? (schema.mapKeys.length > 1 ? (byDefault ?? undefined) : byDefault);
    if (value !== undefined) keys[name] = value;
  }
  return Object.keys(keys).length === 0 ? undefined : `k:${JSON.stringify(keys)}`;
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function itemsOf(value: Json | undefined): Json[] {
  return Array.isArray(value) ? value : [];
}

/** Equal as JSON, whatever the order of fields. */
export function isEqual(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((item, index) => isEqual(item, b[index]));
  if (!isObject(a) || !isObject(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => key in b && isEqual(a[key], b[key]));
}
