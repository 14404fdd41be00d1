/** Values that Go's types cannot hold, in the words of its JSON decoder. */
import type { Schema } from '../schema/schema.ts';
import { gvkOf, type Json, type KubeObject } from '../types.ts';
import { canonicalQuantity } from './quantity.ts';
import { isObject } from './shape.ts';

const QUANTITY_TEXT =
  "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

/**
 * The message of the answer 400 for values that a builtin kind's types cannot hold (a string for a number), or undefined.
 * CRDs have none: there a wrong type is a field error.
 */
export function decodeError(object: KubeObject, schema: Schema): string | undefined {
  if (schema.typeName === undefined) return undefined;
  const problem = problemOf(object as unknown as Json, schema, [], '');
  if (problem === undefined) return undefined;
  const { version, kind } = gvkOf(object);
  return `${kind} in version "${version}" cannot be handled as a ${kind}: ${problem}`;
}

function problemOf(value: Json, schema: Schema, path: string[], owner: string): string | undefined {
  if (value === null) return undefined;
  switch (schema.kind) {
    case 'struct': {
      if (!isObject(value)) return misfit(value, schema, path, owner);
      const name = shortName(schema.typeName);
      return firstOf([...schema.fields], ([field, child]) =>
        value[field] === undefined ? undefined : problemOf(value[field], child, [...path, field], name),
      );
    }
    case 'map':
      if (!isObject(value)) return misfit(value, schema, path, owner);
      return firstOf(Object.values(value), (item) => problemOf(item, schema.element, path, owner));
    case 'list':
      if (!Array.isArray(value)) return misfit(value, schema, path, owner);
      return firstOf(value, (item) => problemOf(item, schema.element, path, owner));
    case 'scalar':
      return scalarProblem(value, schema, path, owner);
    case 'untyped':
      return undefined;
  }
}

function firstOf<T>(items: readonly T[], check: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const problem = check(item);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function scalarProblem(
  value: Json,
  schema: Extract<Schema, { kind: 'scalar' }>,
  path: string[],
  owner: string,
): string | undefined {
  if (schema.type === 'quantity') {
    const isText = typeof value === 'string' || typeof value === 'number';
    return isText && canonicalQuantity(value) !== undefined ? undefined : QUANTITY_TEXT;
  }
  if (schema.type === 'int-or-string') return undefined;
  const wanted = schema.type === 'integer' ? 'number' : schema.type;
  if (typeof value !== wanted) return misfit(value, schema, path, owner);
  if (schema.rules.format === 'byte' && typeof value === 'string' && !isBase64(value))
    return `illegal base64 data at input byte ${value.search(/[^A-Za-z0-9+/]/)}`;
  if (schema.type !== 'integer' || Number.isInteger(value)) return undefined;
  const at = `${owner}.${path.join('.')}`;
  return `json: cannot unmarshal number ${String(value)} into Go struct field ${at} of type ${goType(schema)}`;
}

function isBase64(value: string): boolean {
  return /^[A-Za-z0-9+/]*={0,2}$/.test(value) && value.length % 4 === 0;
}

function misfit(value: Json, schema: Schema, path: string[], owner: string): string {
  const at = `${owner}.${path.join('.')}`;
  return `json: cannot unmarshal ${jsonType(value)} into Go struct field ${at} of type ${goType(schema)}`;
}

function jsonType(value: Json): string {
  if (Array.isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

function goType(schema: Schema): string {
  switch (schema.kind) {
    case 'struct':
      return `v1.${shortName(schema.typeName)}`;
    case 'map':
      return `map[string]${goType(schema.element)}`;
    case 'list':
      return `[]${goType(schema.element)}`;
    case 'scalar':
      if (schema.type === 'integer') return schema.rules.format ?? 'int';
      return schema.type === 'boolean' ? 'bool' : 'string';
    case 'untyped':
      return 'interface {}';
  }
}

function shortName(typeName = ''): string {
  return typeName.slice(typeName.lastIndexOf('.') + 1);
}
