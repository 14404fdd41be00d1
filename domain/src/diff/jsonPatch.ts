/** Object → object as an RFC 6902 patch: deterministic, add/remove/replace only. Lists lose their common ends first. */
import { isMap } from '../object/metadata.ts';
import { compareText } from '../object/identity.ts';
import type { Json, JsonMap } from '../object/types.ts';
import { childOf, formatPointer, parsePointer } from './pointer.ts';

export type PatchOperation =
  | { op: 'add'; path: string; value: Json }
  | { op: 'replace'; path: string; value: Json }
  | { op: 'remove'; path: string };

type Place = readonly (string | number)[];

export function jsonPatch(from: Json, to: Json): PatchOperation[] {
  const operations: PatchOperation[] = [];
  compare(from, to, [], operations);
  return operations;
}

function compare(from: Json, to: Json, place: Place, into: PatchOperation[]): void {
  if (Array.isArray(from) && Array.isArray(to)) compareLists(from, to, place, into);
  else if (isMap(from) && isMap(to)) compareMaps(from, to, place, into);
  else if (!jsonEqual(from, to)) into.push({ op: 'replace', path: formatPointer(place), value: to });
}

function compareMaps(from: JsonMap, to: JsonMap, place: Place, into: PatchOperation[]): void {
  const keys = new Set([...Object.keys(from), ...Object.keys(to)]);
  for (const key of [...keys].sort(compareText)) {
    const [before, after] = [childOf(from, key), childOf(to, key)];
    const path = formatPointer([...place, key]);
    if (after === undefined) into.push({ op: 'remove', path });
    else if (before === undefined) into.push({ op: 'add', path, value: after });
    else compare(before, after, [...place, key], into);
  }
}

/** Between the common ends: items that both have are compared one by one, the rest is added or removed from the back. */
function compareLists(from: Json[], to: Json[], place: Place, into: PatchOperation[]): void {
  const start = commonStart(from, to);
  const end = commonEnd(from, to, Math.min(from.length, to.length) - start);
  const [fromEnd, toEnd] = [from.length - end, to.length - end];
  for (let index = start; index < Math.min(fromEnd, toEnd); index++) {
    compare(from[index] as Json, to[index] as Json, [...place, index], into);
  }
  for (let index = fromEnd - 1; index >= toEnd; index--) {
    into.push({ op: 'remove', path: formatPointer([...place, index]) });
  }
  for (let index = fromEnd; index < toEnd; index++) {
    into.push({ op: 'add', path: formatPointer([...place, index]), value: to[index] as Json });
  }
}

function commonStart(from: Json[], to: Json[]): number {
  const length = Math.min(from.length, to.length);
  let start = 0;
  while (start < length && jsonEqual(from[start] as Json, to[start] as Json)) start++;
  return start;
}

function commonEnd(from: Json[], to: Json[], max: number): number {
  let end = 0;
  while (end < max && jsonEqual(from[from.length - 1 - end] as Json, to[to.length - 1 - end] as Json)) end++;
  return end;
}

/** Deep equality; a bigint equals the number of the same value, as both have the same canonical bytes. */
export function jsonEqual(a: Json, b: Json): boolean {
  if (a === b) return true;
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    return a.every((item, index) => jsonEqual(item, b[index] as Json));
  }
  if (isMap(a) && isMap(b)) {
    const keys = Object.keys(a);
    if (keys.length !== Object.keys(b).length) return false;
    return keys.every((key) => Object.hasOwn(b, key) && jsonEqual(a[key] as Json, b[key] as Json));
  }
  return isNumeric(a) && isNumeric(b) && a == b;
}

function isNumeric(value: Json): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint';
}

/** A patch that does not fit the document it is applied to. */
export class PatchError extends Error {
  override readonly name = 'PatchError';
  readonly path: string;
  constructor(path: string) {
    super(`the patch does not fit at ${JSON.stringify(path)}`);
    this.path = path;
  }
}

/** The document after the patch; what it does not touch is shared. @throws PatchError */
export function applyJsonPatch(document: Json, patch: PatchOperation[]): Json {
  return patch.reduce<Json>((patched, operation) => {
    const keys = parsePointer(operation.path);
    if (keys === null) throw new PatchError(operation.path);
    return applyAt(patched, keys, operation);
  }, document);
}

function applyAt(document: Json, keys: string[], operation: PatchOperation): Json {
  const [key, ...rest] = keys;
  if (key === undefined) return operation.op === 'remove' ? null : operation.value;
  if (typeof document !== 'object' || document === null) throw new PatchError(operation.path);
  if (rest.length > 0) {
    const child = childOf(document, key);
    if (child === undefined) throw new PatchError(operation.path);
    return put(document, key, applyAt(child, rest, operation));
  }
  const isThere = childOf(document, key) !== undefined;
  if (operation.op !== 'add' && !isThere) throw new PatchError(operation.path);
  if (operation.op === 'remove') return without(document, key);
  if (operation.op === 'replace') return put(document, key, operation.value);
  return Array.isArray(document) ? insert(document, key, operation) : put(document, key, operation.value);
}

function put(document: Json, key: string, value: Json): Json {
  if (Array.isArray(document)) return document.with(Number(key), value);
  return { ...(document as JsonMap), [key]: value };
}

function without(document: Json, key: string): Json {
  if (Array.isArray(document)) return document.toSpliced(Number(key), 1);
  const { [key]: _removed, ...rest } = document as JsonMap;
  return rest;
}

function insert(list: Json[], key: string, operation: PatchOperation & { op: 'add' }): Json {
  const index = key === '-' ? list.length : Number(key);
  if (!Number.isInteger(index) || index < 0 || index > list.length) throw new PatchError(operation.path);
  return list.toSpliced(index, 0, operation.value);
}
