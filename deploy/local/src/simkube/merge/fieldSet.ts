/**
 * Sets of field paths, and their form on the wire (fieldsV1). Values: no operation changes a set it was given.
 *
 * A path element is its own text on the wire: `f:name` of a field, `k:{"name":"web"}` of an element by its keys,
 * `v:"a"` of an element of a set.
 */
import type { Json, JsonObject } from '../types.ts';

export type PathElement = string;

export interface FieldSet {
  members: ReadonlySet<PathElement>;
  children: ReadonlyMap<PathElement, FieldSet>;
}

export const EMPTY_SET: FieldSet = { members: new Set(), children: new Map() };

export function fieldElement(name: string): PathElement {
  return `f:${name}`;
}

/** The field's name; undefined for elements of lists. */
export function fieldNameOf(element: PathElement): string | undefined {
  return element.startsWith('f:') ? element.slice(2) : undefined;
}

/** For building up a set path by path. */
export class FieldSetBuilder {
  readonly members = new Set<PathElement>();
  readonly children = new Map<PathElement, FieldSetBuilder>();

  insert(path: readonly PathElement[]): void {
    const last = path.at(-1);
    if (last === undefined) return;
    let node: FieldSetBuilder = this;
    for (const element of path.slice(0, -1)) node = node.#child(element);
    node.members.add(last);
  }

  #child(element: PathElement): FieldSetBuilder {
    const child = this.children.get(element) ?? new FieldSetBuilder();
    this.children.set(element, child);
    return child;
  }
}

export function setOfPaths(...paths: string[][]): FieldSet {
  const builder = new FieldSetBuilder();
  for (const path of paths) builder.insert(path.map(fieldElement));
  return builder;
}

export function isEmptySet(set: FieldSet): boolean {
  return set.members.size === 0 && [...set.children.values()].every(isEmptySet);
}

export function isEqualSet(a: FieldSet, b: FieldSet): boolean {
  if (a === b) return true;
  if (a.members.size !== b.members.size || a.children.size !== b.children.size) return false;
  for (const element of a.members) if (!b.members.has(element)) return false;
  for (const [element, child] of a.children) {
    const other = b.children.get(element);
    if (other === undefined || !isEqualSet(child, other)) return false;
  }
  return true;
}

export function union(a: FieldSet, b: FieldSet): FieldSet {
  const children = new Map(a.children);
  for (const [element, child] of b.children) {
    const own = children.get(element);
    children.set(element, own === undefined ? child : union(own, child));
  }
  return { members: new Set([...a.members, ...b.members]), children };
}

export function difference(a: FieldSet, b: FieldSet): FieldSet {
  return combined(a, b, (element) => !b.members.has(element), difference);
}

export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  const children = new Map<PathElement, FieldSet>();
  for (const [element, child] of a.children) {
    const other = b.children.get(element);
    if (other === undefined) continue;
    const both = intersection(child, other);
    if (!isEmptySet(both)) children.set(element, both);
  }
  return { members: new Set([...a.members].filter((element) => b.members.has(element))), children };
}

/** Without the fields of `b` and all that is below them. */
export function recursiveDifference(a: FieldSet, b: FieldSet): FieldSet {
  const above = combined(a, b, (element) => !b.members.has(element), recursiveDifference);
  const children = new Map([...above.children].filter(([element]) => !b.members.has(element)));
  return { members: above.members, children };
}

function combined(
  a: FieldSet,
  b: FieldSet,
  keep: (element: PathElement) => boolean,
  below: (a: FieldSet, b: FieldSet) => FieldSet,
): FieldSet {
  const children = new Map<PathElement, FieldSet>();
  for (const [element, child] of a.children) {
    const other = b.children.get(element);
    const rest = other === undefined ? child : below(child, other);
    if (!isEmptySet(rest)) children.set(element, rest);
  }
  return { members: new Set([...a.members].filter(keep)), children };
}

export function pathsOf(set: FieldSet): PathElement[][] {
  const paths: PathElement[][] = sorted(set.members).map((element) => [element]);
  for (const element of sorted(set.children.keys())) {
    const child = set.children.get(element) ?? EMPTY_SET;
    paths.push(...pathsOf(child).map((rest) => [element, ...rest]));
  }
  return paths;
}

/** `.spec.containers[name="web"].image` */
export function pathText(path: readonly PathElement[]): string {
  return path.map(elementText).join('');
}

function elementText(element: PathElement): string {
  const rest = element.slice(2);
  if (element.startsWith('f:')) return `.${rest}`;
  if (element.startsWith('v:')) return `[=${rest}]`;
  if (element.startsWith('i:')) return `[${rest}]`;
  const keys = Object.entries(JSON.parse(rest) as JsonObject);
  return `[${keys.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(',')}]`;
}

export function encodeFieldSet(set: FieldSet): JsonObject {
  const encoded: JsonObject = {};
  for (const element of sorted(new Set([...set.members, ...set.children.keys()]))) {
    const child = set.children.get(element);
    const below = child === undefined ? {} : encodeFieldSet(child);
    const isBranch = Object.keys(below).length > 0;
    encoded[element] = isBranch && set.members.has(element) ? { '.': {}, ...below } : below;
  }
  return encoded;
}

/** Tolerant: what is no trie is an empty set. */
export function decodeFieldSet(encoded: Json | undefined): FieldSet {
  if (typeof encoded !== 'object' || encoded === null || Array.isArray(encoded)) return EMPTY_SET;
  const members = new Set<PathElement>();
  const children = new Map<PathElement, FieldSet>();
  for (const [element, below] of Object.entries(encoded)) {
    if (element === '.') continue;
    const child = decodeFieldSet(below);
    const isLeaf = typeof below === 'object' && below !== null && Object.keys(below).length === 0;
    if (isLeaf || (below as JsonObject)['.'] !== undefined) members.add(element);
    if (!isEmptySet(child)) children.set(element, child);
  }
  return { members, children };
}

const ORDER = ['f', 'k', 'v', 'i'];

function sorted(elements: Iterable<PathElement>): PathElement[] {
  return [...elements].sort((a, b) => {
    const byKind = ORDER.indexOf(a[0] ?? '') - ORDER.indexOf(b[0] ?? '');
    if (byKind !== 0) return byKind;
    return a < b ? -1 : 1;
  });
}
