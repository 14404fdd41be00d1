/**
 * Strategic merge patch, as `kubectl apply` and `kubectl patch` send it for builtin kinds: maps merge, lists merge by key
 * where their type says so, and directives in the patch say what else is meant.
 */
import type { Schema } from '../schema/schema.ts';
import type { Json, JsonObject } from '../types.ts';
import { childSchema, isEqual, isObject, itemsOf } from './shape.ts';

export class PatchError extends Error {
  override readonly name = 'PatchError';
}

const DIRECTIVE = '$patch';
const RETAIN = '$retainKeys';
const ORDER = '$setElementOrder/';
const DELETE_PRIMITIVES = '$deleteFromPrimitiveList/';

/** A new object; throws `PatchError` for directives that nobody knows. */
export function strategicMergePatch<T extends object>(object: T, patch: JsonObject, schema: Schema): T {
  return (mergeObjects(object as unknown as JsonObject, patch, schema) ?? {}) as T;
}

/** Undefined where the patch deletes the object. */
function mergeObjects(
  original: JsonObject | undefined,
  patch: JsonObject,
  schema: Schema | undefined,
): JsonObject | undefined {
  const directive = directiveOf(patch);
  if (directive === 'delete') return undefined;
  if (directive === 'replace') return withoutDirectives(patch);
  const merged: JsonObject = { ...original };
  retainKeys(merged, patch);
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith('$')) continue;
    const field = schema === undefined ? undefined : childSchema(schema, key);
    const next = value === null ? undefined : mergeField(merged[key], value, field, patch, key);
    if (next === undefined) delete merged[key];
    else merged[key] = next;
  }
  for (const key of Object.keys(patch)) orderAlone(merged, patch, key, schema);
  return merged;
}

function mergeField(
  original: Json | undefined,
  value: Json,
  field: Schema | undefined,
  patch: JsonObject,
  key: string,
): Json | undefined {
  if (isObject(value)) {
    if (field?.patchStrategy.includes('replace')) return withoutDirectives(value);
    return mergeObjects(isObject(original) ? original : undefined, value, field);
  }
  if (!Array.isArray(value) || !field?.patchStrategy.includes('merge')) return structuredClone(value);
  const kept = withoutDeleted(itemsOf(original), patch, key);
  const merged = field.patchMergeKey === undefined ? joined(kept, value) : mergeList(kept, value, field);
  // Without an order of its own, the patch's list is the order: what is new comes before what only the object has.
  return ordered(merged, kept, patch[`${ORDER}${key}`] ?? value, field);
}

function directiveOf(patch: JsonObject): string | undefined {
  const directive = patch[DIRECTIVE];
  if (directive === undefined) return undefined;
  if (directive !== 'delete' && directive !== 'replace' && directive !== 'merge')
    throw new PatchError(`unknown patch type: ${JSON.stringify(directive)}`);
  return directive;
}

function withoutDirectives(value: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key, item]) => !key.startsWith('$') && item !== null)
      .map(([key, item]) => [key, isObject(item) ? withoutDirectives(item) : item]),
  );
}

function retainKeys(merged: JsonObject, patch: JsonObject): void {
  const retained = patch[RETAIN];
  if (retained === undefined) return;
  for (const key of Object.keys(merged)) if (!itemsOf(retained).includes(key)) delete merged[key];
}

function withoutDeleted(items: Json[], patch: JsonObject, key: string): Json[] {
  const deleted = itemsOf(patch[`${DELETE_PRIMITIVES}${key}`]);
  return items.filter((item) => !deleted.some((other) => isEqual(item, other)));
}

/** Sets of plain values: what is new comes last. */
function joined(original: Json[], added: Json[]): Json[] {
  return [...original, ...added.filter((item) => !original.some((other) => isEqual(item, other)))];
}

function mergeList(original: Json[], patch: Json[], field: Schema): Json[] {
  const key = field.patchMergeKey ?? '';
  const element = field.kind === 'list' ? field.element : undefined;
  const items = patch.filter(isObject);
  if (items.some((item) => directiveOf(item) === 'replace'))
    return items.filter((item) => directiveOf(item) === undefined).map(withoutDirectives);
  let merged = [...original];
  for (const item of items) {
    const id = item[key];
    if (id === undefined)
      throw new PatchError(`map: ${JSON.stringify(item)} does not contain declared merge key: ${key}`);
    const isMatch = (other: Json) => isObject(other) && isEqual(other[key], id);
    if (directiveOf(item) === 'delete') {
      merged = merged.filter((other) => !isMatch(other));
      continue;
    }
    const index = merged.findIndex(isMatch);
    const next = mergeObjects(merged[index] as JsonObject | undefined, item, element) ?? {};
    if (index < 0) merged.push(next);
    else merged[index] = next;
  }
  return merged;
}

/** An order or a deletion for a list of which the patch says nothing else. */
function orderAlone(merged: JsonObject, patch: JsonObject, key: string, schema: Schema | undefined): void {
  const name =
    key.startsWith(ORDER) || key.startsWith(DELETE_PRIMITIVES) ? key.slice(key.indexOf('/') + 1) : '';
  const list = merged[name];
  if (name === '' || patch[name] !== undefined || !Array.isArray(list)) return;
  const field = schema === undefined ? undefined : childSchema(schema, name);
  const kept = withoutDeleted(list, patch, name);
  merged[name] = ordered(kept, kept, patch[`${ORDER}${name}`], field);
}

/** Elements that the order names follow it; others keep their place before what they preceded. */
function ordered(
  merged: Json[],
  original: Json[],
  order: Json | undefined,
  field: Schema | undefined,
): Json[] {
  if (!Array.isArray(order)) return merged;
  const key = field?.patchMergeKey;
  const idOf = (item: Json) => (key !== undefined && isObject(item) ? (item[key] ?? null) : item);
  const ids = order.map(idOf);
  const rankOf = (item: Json) => ids.findIndex((id) => isEqual(id, idOf(item)));
  const placeOf = (item: Json) => original.findIndex((other) => isEqual(idOf(other), idOf(item)));
  const named = merged.filter((item) => rankOf(item) >= 0).sort((a, b) => rankOf(a) - rankOf(b));
  const others = merged.filter((item) => rankOf(item) < 0);
  const result: Json[] = [];
  while (named.length > 0 || others.length > 0) {
    const [left, right] = [named[0], others[0]];
    const isLeft = right === undefined || (left !== undefined && placeOf(left) < placeOf(right));
    result.push((isLeft ? named.shift() : others.shift()) as Json);
  }
  return result;
}
