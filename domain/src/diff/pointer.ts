/** JSON pointers (RFC 6901) as lists of keys. */
import type { Json } from '../object/types.ts';
import { isMap } from '../object/metadata.ts';

export function formatPointer(keys: readonly (string | number)[]): string {
  return keys.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** Null for text that is no pointer. */
export function parsePointer(pointer: string): string[] | null {
  if (pointer === '') return [];
  if (!pointer.startsWith('/') || /~(?![01])/.test(pointer)) return null;
  return pointer
    .slice(1)
    .split('/')
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** Undefined where nothing is there. */
export function getAt(document: Json, keys: readonly string[]): Json | undefined {
  let value: Json | undefined = document;
  for (const key of keys) value = value === undefined ? undefined : childOf(value, key);
  return value;
}

export function childOf(value: Json, key: string): Json | undefined {
  if (Array.isArray(value)) return /^(0|[1-9][0-9]*)$/.test(key) ? value[Number(key)] : undefined;
  return isMap(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

/** The document with the value at a place replaced, or removed where `value` is undefined. What is not on the way is shared; a place whose parent is missing changes nothing. */
export function setAt(document: Json, keys: readonly string[], value: Json | undefined): Json {
  const [key, ...rest] = keys;
  if (key === undefined) return value === undefined ? null : value;
  if (rest.length === 0) return replaceChild(document, key, value);
  const child = childOf(document, key);
  return child === undefined ? document : replaceChild(document, key, setAt(child, rest, value));
}

function replaceChild(document: Json, key: string, value: Json | undefined): Json {
  if (Array.isArray(document)) {
    const index = Number(key);
    if (value === undefined) return document.filter((_, position) => position !== index);
    return index < document.length ? document.with(index, value) : document;
  }
  if (!isMap(document)) return document;
  const { [key]: _old, ...rest } = document;
  return value === undefined ? rest : { ...document, [key]: value };
}
