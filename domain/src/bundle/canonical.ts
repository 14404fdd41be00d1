/**
 * RFC 8785 (JSON Canonicalization Scheme): one value, one sequence of bytes. Everything that is hashed or signed goes
 * through here. One extension: integers beyond 2^53 are kept digit by digit as `bigint`, where the RFC would round them.
 */
import type { Json } from '../object/types.ts';

/** A value that JSON cannot hold: NaN, an infinity, a lone surrogate, or what is no JSON at all. */
export class CanonicalError extends Error {
  override readonly name = 'CanonicalError';
}

/** Members that are undefined are left out, as JSON.stringify does. @throws CanonicalError */
export function canonicalText(value: Json | object): string {
  return encode(value);
}

/** UTF-8 of `canonicalText`. @throws CanonicalError */
export function canonicalBytes(value: Json | object): Uint8Array {
  return new TextEncoder().encode(encode(value));
}

function encode(value: unknown): string {
  if (typeof value === 'string') return encodeString(value);
  if (typeof value === 'number') return encodeNumber(value);
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object') throw new CanonicalError(`a ${typeof value} is no JSON`);
  return Array.isArray(value) ? encodeArray(value) : encodeObject(value as Record<string, unknown>);
}

/** Printable ASCII without quote and backslash stands for itself; most text is that, and a test is cheaper than escaping. */
const plainText = /^[ !#-[\]-~]*$/;

function encodeString(text: string): string {
  if (plainText.test(text)) return `"${text}"`;
  if (!text.isWellFormed()) throw new CanonicalError('text with a lone surrogate');
  return JSON.stringify(text);
}

/** The RFC asks for what ECMAScript prints; -0 prints as 0. */
function encodeNumber(number: number): string {
  if (!Number.isFinite(number)) throw new CanonicalError(`${number} is no JSON number`);
  return JSON.stringify(number);
}

function encodeArray(items: unknown[]): string {
  let text = '[';
  for (let index = 0; index < items.length; index++) {
    if (index > 0) text += ',';
    text += encode(items[index]);
  }
  return `${text}]`;
}

/** Keys by UTF-16 code units, which is how JavaScript sorts text. */
function encodeObject(members: Record<string, unknown>): string {
  let text = '';
  for (const key of sortedKeys(members)) {
    const member = members[key];
    if (member === undefined) continue;
    text += `${text === '' ? '' : ','}${encodeString(key)}:${encode(member)}`;
  }
  return `{${text}}`;
}

/** Sorted only where they are not: what was canonical once, and most of what tools write, is in order already. */
function sortedKeys(members: Record<string, unknown>): string[] {
  const keys = Object.keys(members);
  for (let index = 1; index < keys.length; index++) {
    if ((keys[index - 1] ?? '') > (keys[index] ?? '')) return keys.sort();
  }
  return keys;
}

/** Parses JSON, keeping integers beyond 2^53 as bigint. @throws SyntaxError */
export function parseJson(text: string): Json {
  // Only a run of 16 digits can be such an integer, and a reviver makes parsing several times slower.
  if (!/[0-9]{16}/.test(text)) return JSON.parse(text) as Json;
  return (JSON.parse as ParseWithSource)(text, keepInteger);
}

/** ECMAScript's source text access, which the type library does not know yet. */
type ParseWithSource = (
  text: string,
  reviver: (key: string, value: Json, context: { source?: string }) => Json,
) => Json;

function keepInteger(_key: string, value: Json, context: { source?: string }): Json {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
  return context.source !== undefined && /^-?[0-9]+$/.test(context.source) ? BigInt(context.source) : value;
}
