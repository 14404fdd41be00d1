/**
 * JSON patch in the dialect of the API server: RFC 6902, but negative indexes count from the end of a list, what is absent
 * equals null in a test, and a refusal has one text. Libraries for JSON patch hold to the RFC, so that
 * each of these would be done around them.
 */
import type { Json, JsonObject } from '../types.ts';
import { isEqual, isObject } from './shape.ts';

export interface JsonPatchOperation {
  op: 'add' | 'remove' | 'replace' | 'move' | 'copy' | 'test';
  path: string;
  from?: string;
  value?: Json;
}

export type JsonPatchOutcome<T> =
  | { outcome: 'patched'; object: T }
  /** With the message of the real API server's answer 422 (also for a `test` that failed). */
  | { outcome: 'refused'; message: string };

const REFUSED = 'the server rejected our request due to an error in our request';

export function jsonPatch<T extends object>(
  object: T,
  patch: readonly JsonPatchOperation[],
): JsonPatchOutcome<T> {
  // Under a root of our own, so that the whole object has a place too.
  const root = { '': structuredClone(object) as unknown as Json };
  for (const operation of patch)
    if (!applied(root, operation)) return { outcome: 'refused', message: REFUSED };
  return { outcome: 'patched', object: root[''] as T };
}

/** False where the operation cannot be done. */
function applied(root: { '': Json }, { op, path, from, value }: JsonPatchOperation): boolean {
  switch (op) {
    case 'add':
      return value !== undefined && add(root, path, value);
    case 'remove':
      return remove(root, path);
    case 'replace':
      return value !== undefined && at(root, path) !== undefined && replace(root, path, value);
    case 'test': {
      const found = at(root, path);
      return isEqual(found ?? null, value ?? null);
    }
    case 'copy': {
      const source = at(root, from ?? '');
      return source !== undefined && add(root, path, structuredClone(source));
    }
    case 'move': {
      const source = at(root, from ?? '');
      return source !== undefined && remove(root, from ?? '') && add(root, path, source);
    }
    default:
      return false;
  }
}

function keysOf(path: string): string[] {
  return path.split('/').map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function at(root: Json, path: string): Json | undefined {
  let value: Json | undefined = root;
  for (const key of keysOf(path)) value = childOf(value, key);
  return value;
}

function childOf(value: Json | undefined, key: string): Json | undefined {
  if (Array.isArray(value)) return value[indexOf(value, key, value.length - 1)];
  return isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

/** -1 for what is no index of the list; the API server's library counts negative ones from the end. */
function indexOf(list: Json[], key: string, last: number): number {
  if (!/^-?\d+$/.test(key)) return -1;
  const index = Number(key) < 0 ? list.length + Number(key) : Number(key);
  return index <= last ? index : -1;
}

function parentOf(root: Json, path: string): { parent: Json | undefined; key: string } {
  const keys = keysOf(path);
  const key = keys.pop() ?? '';
  let parent: Json | undefined = root;
  for (const name of keys) parent = childOf(parent, name);
  return { parent, key };
}

function add(root: Json, path: string, value: Json): boolean {
  const { parent, key } = parentOf(root, path);
  if (Array.isArray(parent)) {
    const index = key === '-' ? parent.length : indexOf(parent, key, parent.length);
    if (index < 0) return false;
    parent.splice(index, 0, value);
    return true;
  }
  if (!isObject(parent)) return false;
  put(parent, key, value);
  return true;
}

/** Also under a name that means something to JavaScript, such as `__proto__`. */
function put(parent: JsonObject, key: string, value: Json): void {
  Object.defineProperty(parent, key, { value, configurable: true, enumerable: true, writable: true });
}

function replace(root: Json, path: string, value: Json): boolean {
  const { parent, key } = parentOf(root, path);
  if (Array.isArray(parent)) parent[indexOf(parent, key, parent.length - 1)] = value;
  else if (isObject(parent)) put(parent, key, value);
  return true;
}

function remove(root: Json, path: string): boolean {
  const { parent, key } = parentOf(root, path);
  if (Array.isArray(parent)) {
    const index = indexOf(parent, key, parent.length - 1);
    if (index < 0) return false;
    parent.splice(index, 1);
    return true;
  }
  if (!isObject(parent) || !Object.hasOwn(parent, key)) return false;
  delete parent[key];
  return true;
}
