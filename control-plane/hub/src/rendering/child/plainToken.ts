/** Quoted text and keys that stand on one line, for a reader of plain YAML. */
import { resolvePlain, type Scalar } from './scalar.ts';
import { NotPlain } from './plainLines.ts';

export interface Token {
  value: string;
  /** Offset behind it. */
  end: number;
}

const [doubleQuote, singleQuote, backslash] = [0x22, 0x27, 0x5c];
/** Those that JSON knows as well, with the same meaning. */
const usualEscapes = /^(?:[^\\]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*$/;
const keyLengthMax = 256;

/** The quoted text at `at`, which ends before `limit`; null where no quote stands there. @throws NotPlain */
export function readQuoted(text: string, at: number, limit: number): Token | null {
  const quote = text.charCodeAt(at);
  if (quote === doubleQuote) return readDouble(text, at, limit);
  return quote === singleQuote ? readSingle(text, at, limit) : null;
}

function readDouble(text: string, at: number, limit: number): Token {
  let end = text.indexOf('"', at + 1);
  while (end > 0 && isEscaped(text, end, at)) end = text.indexOf('"', end + 1);
  if (end < 0 || end >= limit) throw new NotPlain('a quote that does not end on its line');
  const content = text.slice(at + 1, end);
  if (!content.includes('\\')) return { value: content, end: end + 1 };
  if (!usualEscapes.test(content) || content.includes('\t')) throw new NotPlain('an unusual escape');
  return { value: JSON.parse(`"${content}"`) as string, end: end + 1 };
}

/** An odd number of backslashes stands before it. */
function isEscaped(text: string, at: number, start: number): boolean {
  let before = at - 1;
  while (before > start && text.charCodeAt(before) === backslash) before--;
  return (at - before) % 2 === 0;
}

function readSingle(text: string, at: number, limit: number): Token {
  let end = text.indexOf("'", at + 1);
  while (end > 0 && text.charCodeAt(end + 1) === singleQuote) end = text.indexOf("'", end + 2);
  if (end < 0 || end >= limit) throw new NotPlain('a quote that does not end on its line');
  return { value: text.slice(at + 1, end).replaceAll("''", "'"), end: end + 1 };
}

/** @throws NotPlain */
export function scalarOfPlain(text: string): Scalar {
  const resolved = resolvePlain(text);
  if (!resolved.ok) throw new NotPlain('no JSON number');
  return resolved.value;
}

/** What an unquoted key is called: `yes` is `true`. @throws NotPlain */
export function nameOfPlain(text: string): string {
  const value = scalarOfPlain(text);
  if (value === null) throw new NotPlain('a null key');
  return String(value);
}

/** Without a prototype. Made like this rather than by `Object.create` an object stays fast to fill and to walk. */
export function newMap(): Record<string, unknown> {
  return Object.setPrototypeOf({}, null) as Record<string, unknown>;
}

/** @throws NotPlain for a key that is refused, or there twice: the exact parser says where */
export function checkKey(map: object, name: string): void {
  const isForbidden = name === '__proto__' || name === 'constructor' || name === 'prototype';
  if (isForbidden || name.length > keyLengthMax || name in map) throw new NotPlain('a key to look at');
}

/** How many values there are, and how deep; over a limit the exact parser says so. */
export class Budget {
  readonly #depthMax: number;
  #nodesLeft: number;

  constructor(limits: { depthMax: number; nodesMax: number }) {
    this.#depthMax = limits.depthMax;
    this.#nodesLeft = limits.nodesMax;
  }

  /** One value more, so deep. @throws NotPlain */
  spend(depth: number): void {
    if (depth > this.#depthMax || --this.#nodesLeft < 0) throw new NotPlain('over a limit');
  }
}
