/**
 * `metadata.managedFields` (FieldsV1) as trees of paths: who owns a field, and since when. Keys of the tree are `f:name`
 * (a field), `k:{…}` (the list item with these key fields), `v:…` (a set's item), `i:n` (an item by place), `.` (the node itself).
 */
import { canonicalText, parseJson } from '../bundle/canonical.ts';
import { isMap } from '../object/metadata.ts';
import type { Json, JsonMap, KubeObject } from '../object/types.ts';
import { jsonEqual } from './jsonPatch.ts';

export type PathElement =
  | { type: 'field'; name: string }
  | { type: 'key'; key: JsonMap }
  | { type: 'value'; value: Json }
  | { type: 'index'; index: number };

export type FieldPath = PathElement[];

/** `self` is the node's `.`, and true for a leaf. Children by their raw key. */
export interface FieldNode {
  self: boolean;
  children: ReadonlyMap<string, FieldNode>;
}

export interface ManagedEntry {
  manager: string;
  operation: 'Apply' | 'Update';
  subresource: string;
  /** RFC 3339, '' where none was recorded. */
  time: string;
  fields: FieldNode;
}

export function managedEntries(object: KubeObject): ManagedEntry[] {
  const entries = object.metadata['managedFields'];
  if (!Array.isArray(entries)) return [];
  return entries.filter(isMap).map((entry) => ({
    manager: textOf(entry['manager']),
    operation: entry['operation'] === 'Apply' ? 'Apply' : 'Update',
    subresource: textOf(entry['subresource']),
    time: textOf(entry['time']),
    fields: nodeOf(entry['fieldsV1']),
  }));
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}

function nodeOf(value: Json | undefined): FieldNode {
  const children = new Map<string, FieldNode>();
  if (!isMap(value)) return { self: true, children };
  for (const [key, child] of Object.entries(value)) {
    if (key !== '.') children.set(key, nodeOf(child));
  }
  return { self: children.size === 0 || '.' in value, children };
}

/** Unreadable keys of `k:` and `v:` become an item that is never found: nothing is concluded from them. */
export function pathElement(key: string): PathElement {
  const text = key.slice(2);
  if (key.startsWith('f:')) return { type: 'field', name: text };
  if (key.startsWith('i:')) return { type: 'index', index: Number(text) };
  const value = jsonOrNull(text);
  return key.startsWith('k:') && isMap(value) ? { type: 'key', key: value } : { type: 'value', value };
}

function jsonOrNull(text: string): Json {
  try {
    return parseJson(text);
  } catch {
    return null;
  }
}

/** Every owned leaf, in document order. */
export function leafPaths(fields: FieldNode): FieldPath[] {
  const paths: FieldPath[] = [];
  walk(fields, [], paths);
  return paths;
}

function walk(node: FieldNode, path: FieldPath, into: FieldPath[]): void {
  for (const [key, child] of node.children) {
    const here = [...path, pathElement(key)];
    if (child.children.size === 0) into.push(here);
    else walk(child, here, into);
  }
}

function rawKey(element: PathElement): string {
  if (element.type === 'field') return `f:${element.name}`;
  if (element.type === 'index') return `i:${element.index}`;
  return element.type === 'key' ? `k:${canonicalText(element.key)}` : `v:${canonicalText(element.value)}`;
}

/** The child for an element, by its key as written, else by what the key means. */
function childFor(node: FieldNode, element: PathElement): FieldNode | undefined {
  const exact = node.children.get(rawKey(element));
  if (exact || element.type === 'field') return exact;
  for (const [key, child] of node.children) {
    if (!key.startsWith('f:') && rawKey(pathElement(key)) === rawKey(element)) return child;
  }
  return undefined;
}

/** Also true inside a node that is owned as a whole (an atomic list or map). */
export function ownsPath(fields: FieldNode, path: FieldPath): boolean {
  let node = fields;
  for (const element of path) {
    const child = childFor(node, element);
    if (child === undefined) return node !== fields && node.children.size === 0;
    node = child;
  }
  return true;
}

/** Entries that own the path, newest first. */
export function ownersOfPath(entries: ManagedEntry[], path: FieldPath): ManagedEntry[] {
  return newestFirst(entries.filter((entry) => ownsPath(entry.fields, path)));
}

/** RFC 3339 in UTC without fractions, as the server writes it, sorts as text. */
export function newestFirst(entries: ManagedEntry[]): ManagedEntry[] {
  return entries.toSorted((a, b) => Number(a.time < b.time) - Number(a.time > b.time));
}

/** The value at a path; undefined where it is not there. */
export function valueAt(object: Json, path: FieldPath): Json | undefined {
  let value: Json | undefined = object;
  for (const element of path) {
    if (value === undefined) return undefined;
    value = step(value, element);
  }
  return value;
}

function step(value: Json, element: PathElement): Json | undefined {
  if (element.type === 'field')
    return isMap(value) && Object.hasOwn(value, element.name) ? value[element.name] : undefined;
  if (!Array.isArray(value)) return undefined;
  if (element.type === 'index') return value[element.index];
  if (element.type === 'value') return value.find((item) => jsonEqual(item, element.value));
  return value.find((item) => hasKey(item, element.key));
}

/** A key field that the server defaulted in the key (`protocol: TCP`) may be missing in an item written by hand. */
export function hasKey(item: Json, key: JsonMap): boolean {
  if (!isMap(item)) return false;
  return Object.entries(key).every(([name, value]) => {
    const own = item[name];
    return own === undefined ? name === 'protocol' && value === 'TCP' : jsonEqual(own, value);
  });
}

/** `spec.template.spec.containers[name="app"].image` */
export function formatPath(path: FieldPath): string {
  return path.map(formatElement).join('').replace(/^\./, '');
}

function formatElement(element: PathElement): string {
  if (element.type === 'field') {
    return /^[A-Za-z0-9_$-]+$/.test(element.name) ? `.${element.name}` : `[${JSON.stringify(element.name)}]`;
  }
  if (element.type === 'index') return `[${element.index}]`;
  if (element.type === 'value') return `[=${canonicalText(element.value)}]`;
  const parts = Object.entries(element.key).map(([name, value]) => `${name}=${canonicalText(value)}`);
  return `[${parts.join(',')}]`;
}
