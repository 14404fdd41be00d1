/** Merges what was applied into what is there, and says whether what was applied fits the schema. */
import type { ListSchema, Schema } from '../schema/schema.ts';
import type { Json, JsonObject } from '../types.ts';
import { pathText, type PathElement } from './fieldSet.ts';
import { childSchema, elementOf, isObject, itemsOf, shapeOf } from './shape.ts';

export function mergeValues(
  live: Json | undefined,
  applied: Json | undefined,
  schema: Schema,
): Json | undefined {
  if (applied === undefined) return live;
  if (live === undefined || shapeOf(schema, live) !== shapeOf(schema, applied)) return applied;
  const shape = shapeOf(schema, applied);
  if (shape === 'leaf') return applied;
  if (shape === 'items') {
    if (schema.kind !== 'list' || !Array.isArray(applied)) return itemsOf(live).length > 0 ? live : applied;
    return mergeItems(itemsOf(live), applied, schema);
  }
  if (!isObject(applied)) return isObject(live) && Object.keys(live).length > 0 ? live : applied;
  const merged: JsonObject = isObject(live) ? { ...live } : {};
  for (const [name, child] of Object.entries(applied)) {
    const childOf = childSchema(schema, name);
    const value = childOf === undefined ? child : mergeValues(merged[name], child, childOf);
    if (value !== undefined) merged[name] = value;
  }
  return merged;
}

/**
 * In the order of what was applied; elements that only `live` has stay before the shared element that they preceded.
 */
function mergeItems(live: Json[], applied: Json[], schema: ListSchema): Json[] {
  const old = indexed(live, schema);
  const next = indexed(applied, schema);
  const due = [...next.keys()].filter((element) => old.has(element));
  const queue = [...old.keys()];
  const rest = [...next.keys()];
  const merged: Json[] = [];
  while (queue.length > 0 || rest.length > 0) {
    const [head, first] = [queue[0], rest[0]];
    if (head !== undefined && !next.has(head)) {
      merged.push(old.get(head) as Json);
      queue.shift();
      continue;
    }
    // A shared element that comes later in what was applied, or came already.
    if (head !== undefined && (head !== due[0] || first === undefined)) {
      queue.shift();
      continue;
    }
    if (first === undefined) break;
    merged.push(mergeValues(old.get(first), next.get(first), schema.element) as Json);
    rest.shift();
    if (first === due[0]) due.shift();
    if (head === first) queue.shift();
  }
  return merged;
}

function indexed(items: Json[], schema: ListSchema): Map<PathElement, Json> {
  const byElement = new Map<PathElement, Json>();
  items.forEach((item, index) => {
    const element = elementOf(schema, item) ?? `i:${index}`;
    if (!byElement.has(element)) byElement.set(element, item);
  });
  return byElement;
}

/** The first thing that does not fit, in the words of the real API server; undefined where all fits. */
export function misfitOf(value: Json, schema: Schema, path: PathElement[] = []): string | undefined {
  const at = path.length === 0 ? '' : `${pathText(path)}: `;
  if (value === null) return undefined;
  switch (schema.kind) {
    case 'scalar':
      return scalarMisfit(value, schema.type, at);
    case 'untyped':
      return undefined;
    case 'list':
      if (!Array.isArray(value)) return `${at}expected list, got ${goText(value)}`;
      return listMisfit(value, schema, path, at);
    case 'struct':
    case 'map':
      if (!isObject(value)) return `${at}expected map, got ${goText(value)}`;
      return objectMisfit(value, schema, path);
  }
}

function objectMisfit(value: JsonObject, schema: Schema, path: PathElement[]): string | undefined {
  const entries = Object.entries(value);
  const unknown = entries.find(([name]) => childSchema(schema, name) === undefined);
  if (unknown !== undefined) return `${pathText([...path, `f:${unknown[0]}`])}: field not declared in schema`;
  for (const [name, child] of entries) {
    const childOf = childSchema(schema, name);
    const misfit = childOf === undefined ? undefined : misfitOf(child, childOf, [...path, `f:${name}`]);
    if (misfit !== undefined) return misfit;
  }
  return undefined;
}

function listMisfit(value: Json[], schema: ListSchema, path: PathElement[], at: string): string | undefined {
  const seen = new Set<PathElement>();
  for (const [index, item] of value.entries()) {
    const element = schema.listType === 'atomic' ? `i:${index}` : elementOf(schema, item);
    if (element === undefined)
      return `${at}element ${index}: associative list with keys has an element that omits key field "${schema.mapKeys[0]}" (and doesn't have default value)`;
    if (seen.has(element)) return `${at}duplicate entries for key ${pathText([element])}`;
    seen.add(element);
    const misfit = misfitOf(item, schema.element, [...path, element]);
    if (misfit !== undefined) return misfit;
  }
  return undefined;
}

function scalarMisfit(value: Json, type: string, at: string): string | undefined {
  const actual = typeof value;
  if (type === 'string' && actual !== 'string') return `${at}expected string, got ${goText(value)}`;
  if ((type === 'integer' || type === 'number') && actual !== 'number')
    return `${at}expected numeric (int or float), got ${goType(value)}`;
  if (type === 'boolean' && actual !== 'boolean') return `${at}expected boolean, got ${goText(value)}`;
  return undefined;
}

function goText(value: Json): string {
  return `&value.valueUnstructured{Value:${goLiteral(value)}}`;
}

function goLiteral(value: Json): string {
  if (Array.isArray(value)) return `[]interface {}{${value.map(goLiteral).join(', ')}}`;
  if (!isObject(value)) return JSON.stringify(value);
  const entries = Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}:${goLiteral(item)}`);
  return `map[string]interface {}{${entries.join(', ')}}`;
}

function goType(value: Json): string {
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'string') return 'string';
  return Array.isArray(value) ? '[]interface {}' : 'map[string]interface {}';
}
