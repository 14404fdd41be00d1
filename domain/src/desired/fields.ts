/**
 * A strict reader of JSON objects: each function gives a field of the expected type or throws a `FieldError` that names
 * it. Fields that nobody asks for are ignored, which is how a newer hub talks to an older agent.
 */
import { isMap } from '../object/metadata.ts';
import type { Json, JsonMap } from '../object/types.ts';

export class FieldError extends Error {
  override readonly name = 'FieldError';
  readonly field: string;
  constructor(field: string, expected: string) {
    super(`${field} must be ${expected}`);
    this.field = field;
  }
}

/** A map and where it is, for errors: `sync.managedNamespaceMetadata`. */
export interface Fields {
  map: JsonMap;
  path: string;
}

export function fieldsOf(value: Json, path: string): Fields {
  if (!isMap(value)) throw new FieldError(path === '' ? 'the document' : path, 'an object');
  return { map: value, path };
}

function at(fields: Fields, name: string): string {
  return fields.path === '' ? name : `${fields.path}.${name}`;
}

export function has(fields: Fields, name: string): boolean {
  return fields.map[name] !== undefined && fields.map[name] !== null;
}

export function objectAt(fields: Fields, name: string): Fields {
  return fieldsOf(fields.map[name] ?? null, at(fields, name));
}

export function textAt(fields: Fields, name: string, pattern?: RegExp): string {
  const value = fields.map[name];
  if (typeof value !== 'string') throw new FieldError(at(fields, name), 'text');
  if (pattern && !pattern.test(value)) throw new FieldError(at(fields, name), `text like ${pattern.source}`);
  return value;
}

export function flagAt(fields: Fields, name: string): boolean {
  const value = fields.map[name];
  if (typeof value !== 'boolean') throw new FieldError(at(fields, name), 'true or false');
  return value;
}

/** A whole number from 0 (or `min`). */
export function countAt(fields: Fields, name: string, min = 0): number {
  const value = fields.map[name];
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < min) {
    throw new FieldError(at(fields, name), `a whole number from ${min}`);
  }
  return value;
}

export function numberAt(fields: Fields, name: string, min: number): number {
  const value = fields.map[name];
  if (typeof value !== 'number' || value < min)
    throw new FieldError(at(fields, name), `a number from ${min}`);
  return value;
}

export function oneOfAt<T extends string>(fields: Fields, name: string, words: readonly T[]): T {
  const word = words.find((candidate) => candidate === fields.map[name]);
  if (word === undefined) throw new FieldError(at(fields, name), `one of ${words.join(', ')}`);
  return word;
}

export function textsAt(fields: Fields, name: string): string[] {
  const value = fields.map[name];
  if (!Array.isArray(value) || !value.every((item) => typeof item === 'string')) {
    throw new FieldError(at(fields, name), 'a list of text');
  }
  return value;
}

export function listAt<T>(fields: Fields, name: string, read: (item: Fields) => T): T[] {
  const value = fields.map[name];
  if (!Array.isArray(value)) throw new FieldError(at(fields, name), 'a list');
  return value.map((item, index) => read(fieldsOf(item, `${at(fields, name)}[${index}]`)));
}

export function textMapAt(fields: Fields, name: string): Record<string, string> {
  const { map } = objectAt(fields, name);
  const texts = Object.entries(map).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  );
  if (texts.length < Object.keys(map).length) throw new FieldError(at(fields, name), 'an object of text');
  return Object.fromEntries(texts);
}

/** `{[name]: read()}` where the field is there, else `{}`: to be spread, so that optional fields stay absent. */
export function optional<K extends string, T>(fields: Fields, name: K, read: () => T): { [key in K]?: T } {
  return has(fields, name) ? ({ [name]: read() } as { [key in K]?: T }) : {};
}
