/** Which fields a value has, which differ between two, and a value without some of them. */
import type { Schema } from '../schema/schema.ts';
import type { Json, JsonObject } from '../types.ts';
import {
  EMPTY_SET,
  fieldElement,
  fieldNameOf,
  FieldSetBuilder,
  type FieldSet,
  type PathElement,
} from './fieldSet.ts';
import {
  childSchema,
  elementOf,
  elementSchema,
  isEqual,
  isNamedField,
  isObject,
  itemsOf,
  shapeOf,
} from './shape.ts';

export interface Comparison {
  added: FieldSet;
  modified: FieldSet;
  removed: FieldSet;
}

/** The fields that an applier of this value owns. */
export function fieldsOf(value: Json, schema: Schema): FieldSet {
  const set = new FieldSetBuilder();
  collectFields(value, schema, [], set);
  return set;
}

function collectFields(value: Json, schema: Schema, path: PathElement[], set: FieldSetBuilder): void {
  const shape = shapeOf(schema, value);
  if (shape === 'leaf') set.insert(path);
  if (shape === 'items' && schema.kind === 'list') {
    for (const item of itemsOf(value)) {
      const element = elementOf(schema, item);
      if (element === undefined) continue;
      collectFields(item, schema.element, [...path, element], set);
      set.insert([...path, element]);
    }
  }
  if (shape !== 'object' || !isObject(value)) return;
  for (const [name, child] of Object.entries(value)) {
    const below = [...path, fieldElement(name)];
    const childOf = childSchema(schema, name);
    if (childOf !== undefined) collectFields(child, childOf, below, set);
    const isBare = child === null || (isObject(child) && Object.keys(child).length === 0);
    if (isBare || !isNamedField(schema, name)) set.insert(below);
  }
}

/** Undefined is absent; null is there, and empty. */
export function compareFields(before: Json, after: Json, schema: Schema): Comparison {
  const comparing = new Comparing();
  comparing.values({ before, after }, schema, []);
  return comparing;
}

/** One value as it was and as it is. */
interface Change {
  before: Json | undefined;
  after: Json | undefined;
}

/** Goes down both values at once and takes down what it finds. */
class Comparing implements Comparison {
  readonly added = new FieldSetBuilder();
  readonly modified = new FieldSetBuilder();
  readonly removed = new FieldSetBuilder();

  values(change: Change, schema: Schema, path: PathElement[]): void {
    const { before, after } = change;
    const [old, next] = [shapeOf(schema, before ?? after), shapeOf(schema, after ?? before)];
    if (old !== next) return this.#acrossShapes(change, schema, path);
    if (next === 'leaf' || (isBare(before) && isBare(after))) return this.#leaf(change, path);
    if (next === 'items') this.#items(change, schema, path);
    else this.#objects(change, schema, path);
    if (before === undefined) this.added.insert(path);
    else if (after === undefined) this.removed.insert(path);
  }

  /** A free value that was an object and is none, or the other way round. */
  #acrossShapes({ before, after }: Change, schema: Schema, path: PathElement[]): void {
    const objects = {
      before: isObject(before) ? before : undefined,
      after: isObject(after) ? after : undefined,
    };
    this.#objects(objects, schema, path);
    this.modified.insert(path);
  }

  #leaf({ before, after }: Change, path: PathElement[]): void {
    if (before === undefined) this.added.insert(path);
    else if (after === undefined) this.removed.insert(path);
    else if (!isEqual(before, after)) this.modified.insert(path);
  }

  #objects({ before, after }: Change, schema: Schema, path: PathElement[]): void {
    const [old, next] = [isObject(before) ? before : {}, isObject(after) ? after : {}];
    for (const name of new Set([...Object.keys(old), ...Object.keys(next)])) {
      const child = childSchema(schema, name);
      if (child !== undefined)
        this.values({ before: old[name], after: next[name] }, child, [...path, fieldElement(name)]);
    }
  }

  #items({ before, after }: Change, schema: Schema, path: PathElement[]): void {
    const [old, next] = [itemsByElement(before, schema), itemsByElement(after, schema)];
    for (const element of new Set([...old.keys(), ...next.keys()])) {
      const change = { before: old.get(element), after: next.get(element) };
      this.values(change, elementSchema(schema), [...path, element]);
    }
  }
}

function itemsByElement(value: Json | undefined, schema: Schema): Map<PathElement, Json> {
  const items = new Map<PathElement, Json>();
  if (schema.kind !== 'list') return items;
  for (const item of itemsOf(value)) {
    const element = elementOf(schema, item);
    if (element !== undefined && !items.has(element)) items.set(element, item);
  }
  return items;
}

function isBare(value: Json | undefined): boolean {
  if (value === undefined || value === null) return true;
  if (Array.isArray(value)) return value.length === 0;
  return isObject(value) && Object.keys(value).length === 0;
}

/** The value without the fields of the set; undefined where nothing is left. */
export function withoutFields(value: Json, set: FieldSet, schema: Schema): Json | undefined {
  if (shapeOf(schema, value) === 'leaf')
    return schema.kind === 'scalar' || !isContainer(value) ? value : undefined;
  if (schema.kind === 'list') {
    const rest = itemsOf(value).flatMap((item) => {
      const element = elementOf(schema, item) ?? '';
      return set.members.has(element) ? [] : rested(item, set.children.get(element), schema.element);
    });
    return rest.length > 0 ? rest : undefined;
  }
  const rest: JsonObject = {};
  for (const [name, child] of Object.entries(isObject(value) ? value : {})) {
    const element = fieldElement(name);
    const childOf = childSchema(schema, name);
    if (set.members.has(element) || childOf === undefined) continue;
    rest[name] = rested(child, set.children.get(element), childOf)[0] ?? null;
  }
  return Object.keys(rest).length > 0 ? rest : undefined;
}

function isContainer(value: Json): boolean {
  return typeof value === 'object' && value !== null;
}

/** Untouched where nothing below was named: atomic values are only taken away as wholes. */
function rested(value: Json, set: FieldSet | undefined, schema: Schema): [Json] {
  if (set === undefined || (set.members.size === 0 && set.children.size === 0)) return [value];
  return [withoutFields(value, set, schema) ?? null];
}

/** The set with the named fields that lead to its members: who owns `a.b` owns the field `a` too, but not a key of a map. */
export function withNamedFields(set: FieldSet, schema: Schema | undefined): FieldSet {
  const members = new Set(set.members);
  const children = new Map<PathElement, FieldSet>();
  for (const [element, child] of set.children) {
    const name = fieldNameOf(element);
    if (name !== undefined && schema !== undefined && isNamedField(schema, name)) members.add(element);
    children.set(element, withNamedFields(child, schemaBelow(schema, name)));
  }
  return set === EMPTY_SET ? EMPTY_SET : { members, children };
}

function schemaBelow(schema: Schema | undefined, name: string | undefined): Schema | undefined {
  if (schema === undefined) return undefined;
  return name === undefined ? elementSchema(schema) : childSchema(schema, name);
}
