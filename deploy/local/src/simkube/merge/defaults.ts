/**
 * What an object becomes by being read and stored: fields in their canonical form (quantities, zero values that Go's types
 * leave out), and the values that the API server fills in.
 *
 * Builtin kinds get what OpenAPI names, what was recorded off the real server, and what depends on other fields
 * (`conditionalDefaults.ts`). CRDs get the defaults of their own schema and nothing else.
 */
import { definitionDefaults, type Schema, type StructSchema } from '../schema/schema.ts';
import type { Json, JsonObject } from '../types.ts';
import { CONDITIONAL_DEFAULTS, ROOT_DEFAULTS } from './conditionalDefaults.ts';
import { canonicalQuantity } from './quantity.ts';

/** A new object with defaults; the same for an object that has them already. */
export function withDefaults<T extends object>(object: T, schema: Schema): T {
  const ofRoot = schema.typeName === undefined ? undefined : ROOT_DEFAULTS[schema.typeName];
  if (ofRoot === undefined) return normalized(object as unknown as Json, schema) as T;
  const copy = structuredClone(object) as unknown as JsonObject;
  ofRoot(copy);
  return normalized(copy, schema) as T;
}

/** The shape that Go's types give to an object that nobody has set a field of. */
export function emptyOf(schema: Schema): JsonObject {
  if (schema.kind !== 'struct' || schema.typeName === undefined) return {};
  const empty: JsonObject = {};
  for (const [name, field] of schema.fields) {
    if (field.zero === 'null') empty[name] = null;
    else if (field.kind === 'struct' && field.default !== undefined && field.zero !== 'omitted')
      empty[name] = emptyOf(field);
    else if (field.kind === 'scalar' && isZero(field.default) && field.zero !== 'omitted')
      empty[name] = field.default ?? null;
  }
  return empty;
}

function normalized(value: Json, schema: Schema): Json {
  switch (schema.kind) {
    case 'struct':
      return isObject(value) ? normalizedStruct(value, schema) : value;
    case 'map':
      return isObject(value)
        ? Object.fromEntries(
            Object.entries(value).map(([key, item]) => [key, normalized(item, schema.element)]),
          )
        : value;
    case 'list':
      return Array.isArray(value) ? value.map((item) => normalized(item, schema.element)) : value;
    case 'scalar':
      return schema.type === 'quantity' && (typeof value === 'string' || typeof value === 'number')
        ? (canonicalQuantity(value) ?? value)
        : value;
    case 'untyped':
      return typeof value === 'object' ? structuredClone(value) : value;
  }
}

function normalizedStruct(value: JsonObject, schema: StructSchema): JsonObject {
  const draft = { ...value };
  const { typeName } = schema;
  const isGo = typeName !== undefined;
  if (isGo) dropZeros(draft, schema);
  for (const [name, byDefault] of Object.entries(isGo ? (definitionDefaults(typeName) ?? {}) : {}))
    draft[name] ??= structuredClone(byDefault);
  for (const [name, field] of schema.fields) fillDefault(draft, name, field, isGo);
  if (isGo) CONDITIONAL_DEFAULTS[typeName]?.(draft);
  for (const [name, field] of schema.fields) {
    const child = draft[name];
    if (child !== undefined && child !== null) draft[name] = normalized(child, field);
  }
  if (isGo) dropZeros(draft, schema);
  return draft;
}

function fillDefault(draft: JsonObject, name: string, field: Schema, isGo: boolean): void {
  // A null that the schema does not allow counts as absent where there is a default.
  if (!isGo && draft[name] === null && !field.nullable && field.default !== undefined) delete draft[name];
  if (draft[name] !== undefined) return;
  if (field.zero === 'null') draft[name] = null;
  if (field.default === undefined) return;
  if (isGo && field.zero === 'omitted' && isZero(field.default)) return;
  draft[name] = structuredClone(field.default);
}

function dropZeros(draft: JsonObject, schema: StructSchema): void {
  for (const [name, value] of Object.entries(draft)) {
    const field = schema.fields.get(name);
    if (field === undefined) continue;
    if (value === null && field.zero !== 'null' && field.kind !== 'untyped') delete draft[name];
    if (field.zero === 'omitted' && isZero(value)) delete draft[name];
  }
}

function isZero(value: Json | undefined): boolean {
  if (value === '' || value === 0 || value === false) return true;
  if (Array.isArray(value)) return value.length === 0;
  return isObject(value) && Object.keys(value).length === 0;
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
