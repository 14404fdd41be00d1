/** Between the two ways to name a place: by index (JSON pointers) and by what a list item is (FieldsV1). */
import { isMap } from '../object/metadata.ts';
import type { Json } from '../object/types.ts';
import { jsonEqual } from './jsonPatch.ts';
import {
  hasKey,
  pathElement,
  type FieldNode,
  type FieldPath,
  type ManagedEntry,
  type PathElement,
} from './managedFields.ts';
import { childOf } from './pointer.ts';

/** Pointer keys of a path in this document; null where it is not there. */
export function keysOfPath(document: Json, path: FieldPath): string[] | null {
  const keys: string[] = [];
  let value: Json | undefined = document;
  for (const element of path) {
    const key: string | null = value === undefined ? null : keyOf(value, element);
    if (key === null || value === undefined) return null;
    keys.push(key);
    value = childOf(value, key);
  }
  return value === undefined ? null : keys;
}

function keyOf(value: Json, element: PathElement): string | null {
  if (element.type === 'field') return isMap(value) ? element.name : null;
  if (!Array.isArray(value)) return null;
  const index = value.findIndex((item, position) => isItem(item, position, element));
  return index < 0 ? null : String(index);
}

function isItem(item: Json, index: number, element: PathElement): boolean {
  if (element.type === 'key') return hasKey(item, element.key);
  if (element.type === 'value') return jsonEqual(item, element.value);
  return element.type === 'index' && element.index === index;
}

/** Whether a tree owns the place or anything in it; also inside what it owns as a whole. */
export function ownsPlace(fields: FieldNode, document: Json, keys: readonly string[]): boolean {
  let node = fields;
  let value: Json | undefined = document;
  for (const key of keys) {
    if (node !== fields && node.children.size === 0) return true;
    const child = value === undefined ? undefined : childNode(node, value, key);
    if (child === undefined) return false;
    node = child;
    value = value === undefined ? undefined : childOf(value, key);
  }
  return true;
}

function childNode(node: FieldNode, value: Json, key: string): FieldNode | undefined {
  if (!Array.isArray(value)) return node.children.get(`f:${key}`);
  const item = value[Number(key)];
  if (item === undefined) return undefined;
  for (const [raw, child] of node.children) {
    if (!raw.startsWith('f:') && isItem(item, Number(key), pathElement(raw))) return child;
  }
  return undefined;
}

/**
 * Where a place of the desired object is in the live one: list items are found by the key fields under which managers own
 * them, and by index in lists that have none. Null where it is not there.
 */
export function placeInLive(
  desired: Json,
  live: Json,
  keys: readonly string[],
  entries: ManagedEntry[],
): string[] | null {
  const place: string[] = [];
  let [here, there]: [Json | undefined, Json | undefined] = [desired, live];
  let nodes = entries.map((entry) => entry.fields);
  for (const key of keys) {
    if (here === undefined || there === undefined) return null;
    const liveKey: string | null = Array.isArray(here) ? liveIndex(here, there, key, nodes) : key;
    const next: Json | undefined = liveKey === null ? undefined : childOf(there, liveKey);
    if (liveKey === null || next === undefined) return null;
    const value: Json = there;
    nodes = nodes.map((node) => childNode(node, value, liveKey)).filter((node) => node !== undefined);
    [here, there] = [childOf(here, key), next];
    place.push(liveKey);
  }
  return place;
}

function liveIndex(here: Json[], there: Json, key: string, nodes: FieldNode[]): string | null {
  const item = here[Number(key)];
  if (item === undefined || !Array.isArray(there)) return null;
  const elements = nodes.flatMap((node) => [...node.children.keys()].map(pathElement));
  const keyed = elements.filter((element) => element.type === 'key');
  if (keyed.length === 0) return key;
  const own = keyed.find((element) => hasKey(item, element.key));
  const index = own ? there.findIndex((candidate) => hasKey(candidate, own.key)) : -1;
  return index < 0 ? null : String(index);
}
