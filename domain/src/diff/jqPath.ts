/**
 * The part of jq that names fields, as `ignoreDifferences` uses it: `.a.b`, `.a["b"]`, `.list[]`, `.list[0]`, `?`, and
 * `| select(.name == "x")` with `==`, `!=` and `and`. Whatever else jq can do is refused by name, never misread.
 */
import { isMap } from '../object/metadata.ts';
import type { Json } from '../object/types.ts';
import { jsonEqual } from './jsonPatch.ts';

export type JqStep =
  | { type: 'field'; name: string }
  | { type: 'index'; index: number }
  | { type: 'each' }
  | { type: 'select'; conditions: JqCondition[] };

export interface JqCondition {
  path: JqStep[];
  equal: boolean;
  value: Json;
}

export type JqParsed = { ok: true; steps: JqStep[] } | { ok: false; reason: string };

/** A JSON string. */
const quoted = String.raw`"(?:[^"\\\p{Cc}]|\\["\\/bfnrt]|\\u[0-9A-Fa-f]{4})*"`;

/** What a step may look like, tried in this order. White space between tokens is skipped. */
const stepForms: readonly (readonly [form: RegExp, step: (found: string) => JqStep])[] = [
  [/\.?\[\s*\]/y, () => ({ type: 'each' })],
  [/\.?\[\s*(-?\d+)\s*\]/y, (found) => ({ type: 'index', index: Number(found) })],
  [
    new RegExp(String.raw`\.?\[\s*(${quoted})\s*\]`, 'uy'),
    (found) => ({ type: 'field', name: unquoted(found) }),
  ],
  [new RegExp(String.raw`\.(${quoted})`, 'uy'), (found) => ({ type: 'field', name: unquoted(found) })],
  [/\.([A-Za-z_][A-Za-z0-9_]*)/y, (found) => ({ type: 'field', name: found })],
];

const literalForm = new RegExp(String.raw`(${quoted}|-?\d+(?:\.\d+)?|true|false|null)(?!\w)`, 'uy');

interface Reader {
  text: string;
  at: number;
}

export function parseJqPath(text: string): JqParsed {
  const reader: Reader = { text, at: 0 };
  const steps = readPipe(reader);
  skipSpace(reader);
  if (steps === null || reader.at < text.length) {
    return { ok: false, reason: `${JSON.stringify(text)} is beyond paths and select(.a == "b")` };
  }
  return { ok: true, steps };
}

function unquoted(text: string): string {
  return JSON.parse(text) as string;
}

function skipSpace(reader: Reader): void {
  while (/\s/.test(reader.text[reader.at] ?? '')) reader.at++;
}

/** The form's first group (or all of it) where it stands next, which is then read; else null. */
function take(reader: Reader, form: RegExp): string | null {
  skipSpace(reader);
  form.lastIndex = reader.at;
  const match = form.exec(reader.text);
  if (!match) return null;
  reader.at = form.lastIndex;
  return match[1] ?? match[0];
}

function readPipe(reader: Reader): JqStep[] | null {
  const steps: JqStep[] = [];
  do {
    const part = take(reader, /select\b/y) === null ? readPath(reader) : readSelect(reader);
    if (part === null) return null;
    steps.push(...part);
  } while (take(reader, /\|/y) !== null);
  return steps;
}

/** One step at least; `.` alone is the value itself. `?` changes nothing here: what is not there is left out anyway. */
function readPath(reader: Reader): JqStep[] | null {
  const steps: JqStep[] = [];
  for (let step = readStep(reader); step !== null; step = readStep(reader)) {
    steps.push(step);
    while (take(reader, /\?/y) !== null);
  }
  if (steps.length > 0) return steps;
  return take(reader, /\.(?![.\w])/y) === null ? null : [];
}

function readStep(reader: Reader): JqStep | null {
  for (const [form, step] of stepForms) {
    const found = take(reader, form);
    if (found !== null) return step(found);
  }
  return null;
}

/** What follows the parenthesis belongs to the path: `select(…).image`. */
function readSelect(reader: Reader): JqStep[] | null {
  if (take(reader, /\(/y) === null) return null;
  const conditions: JqCondition[] = [];
  do {
    const condition = readCondition(reader);
    if (condition === null) return null;
    conditions.push(condition);
  } while (take(reader, /and\b/y) !== null);
  if (take(reader, /\)/y) === null) return null;
  return [{ type: 'select', conditions }, ...(readPath(reader) ?? [])];
}

function readCondition(reader: Reader): JqCondition | null {
  const path = readPath(reader);
  const operator = take(reader, /==|!=/y);
  const literal = take(reader, literalForm);
  if (path === null || operator === null || literal === null) return null;
  return { path, equal: operator === '==', value: JSON.parse(literal) as Json };
}

/** The concrete places that the path means in a document, as pointer keys; places that are not there are left out. */
export function placesOf(steps: readonly JqStep[], document: Json): string[][] {
  let open: { keys: string[]; value: Json }[] = [{ keys: [], value: document }];
  for (const step of steps) open = open.flatMap((place) => follow(step, place));
  return open.map((place) => place.keys);
}

function follow(step: JqStep, place: { keys: string[]; value: Json }): { keys: string[]; value: Json }[] {
  const { keys, value } = place;
  if (step.type === 'select')
    return step.conditions.every((condition) => holds(condition, value)) ? [place] : [];
  if (step.type === 'each')
    return childrenOf(value).map(([key, child]) => ({ keys: [...keys, key], value: child }));
  if (step.type === 'field') {
    const child = isMap(value) && Object.hasOwn(value, step.name) ? value[step.name] : undefined;
    return child === undefined ? [] : [{ keys: [...keys, step.name], value: child }];
  }
  if (!Array.isArray(value)) return [];
  const index = step.index < 0 ? value.length + step.index : step.index;
  const child = value[index];
  return child === undefined ? [] : [{ keys: [...keys, String(index)], value: child }];
}

function childrenOf(value: Json): [string, Json][] {
  if (Array.isArray(value)) return value.map((item, index) => [String(index), item]);
  return isMap(value) ? Object.entries(value) : [];
}

/** As in jq, a field that is not there is null. */
function holds(condition: JqCondition, value: Json): boolean {
  const found = condition.path.reduce<{ keys: string[]; value: Json }[]>(
    (open, step) => open.flatMap((place) => follow(step, place)),
    [{ keys: [], value }],
  );
  return jsonEqual(found[0]?.value ?? null, condition.value) === condition.equal;
}
