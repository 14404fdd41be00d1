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

const tokens =
  /\s*(?:(\.(?=\s*(?:$|[|)"=!]))|\.?\[\s*\]|\.?\[\s*-?\d+\s*\]|\.?\[\s*"(?:[^"\\]|\\.)*"\s*\]|\.[A-Za-z_][A-Za-z0-9_]*|\."(?:[^"\\]|\\.)*")|([?|()])|(==|!=|\band\b|\bselect\b)|("(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?|\btrue\b|\bfalse\b|\bnull\b))/y;

interface Reader {
  words: string[];
  at: number;
}

export function parseJqPath(text: string): JqParsed {
  const words = tokenise(text);
  if (words === null || words.length === 0)
    return { ok: false, reason: `cannot read ${JSON.stringify(text)}` };
  const reader: Reader = { words, at: 0 };
  const steps = readPipe(reader);
  if (steps === null || reader.at < words.length) {
    return { ok: false, reason: `${JSON.stringify(text)} is beyond paths and select(.a == "b")` };
  }
  return { ok: true, steps };
}

function tokenise(text: string): string[] | null {
  const words: string[] = [];
  tokens.lastIndex = 0;
  const trimmed = text.trim();
  while (tokens.lastIndex < trimmed.length) {
    const match = tokens.exec(trimmed);
    if (!match) return null;
    words.push(match[0].trim());
  }
  return words;
}

function take(reader: Reader, word: string): boolean {
  if (reader.words[reader.at] !== word) return false;
  reader.at++;
  return true;
}

function readPipe(reader: Reader): JqStep[] | null {
  const steps: JqStep[] = [];
  do {
    const part = take(reader, 'select') ? readSelect(reader) : readPath(reader);
    if (part === null) return null;
    steps.push(...part);
  } while (take(reader, '|'));
  return steps;
}

function readPath(reader: Reader): JqStep[] | null {
  const steps: JqStep[] = [];
  const start = reader.at;
  for (;;) {
    const word = reader.words[reader.at] ?? '';
    const step = stepOf(word);
    if (step === null && word !== '.' && word !== '?') break;
    if (step) steps.push(step);
    reader.at++;
  }
  return reader.at > start ? steps : null;
}

function stepOf(word: string): JqStep | null {
  if (!/^\.?[[."A-Za-z_]/.test(word) || word === '.') return null;
  if (/^\.?\[\s*\]$/.test(word)) return { type: 'each' };
  const index = /^\.?\[\s*(-?\d+)\s*\]$/.exec(word);
  if (index) return { type: 'index', index: Number(index[1]) };
  const quoted = /^(?:\.?\[\s*|\.)(".*")\s*\]?$/.exec(word);
  if (quoted) return { type: 'field', name: JSON.parse(quoted[1] ?? '""') as string };
  return /^\.[A-Za-z_]/.test(word) ? { type: 'field', name: word.slice(1) } : null;
}

function readSelect(reader: Reader): JqStep[] | null {
  if (!take(reader, '(')) return null;
  const conditions: JqCondition[] = [];
  do {
    const condition = readCondition(reader);
    if (condition === null) return null;
    conditions.push(condition);
  } while (take(reader, 'and'));
  return take(reader, ')') ? [{ type: 'select', conditions }] : null;
}

function readCondition(reader: Reader): JqCondition | null {
  const path = readPath(reader);
  const equal = take(reader, '==');
  if (path === null || (!equal && !take(reader, '!='))) return null;
  const literal = reader.words[reader.at++];
  const isLiteral = literal !== undefined && /^("|-?\d|true$|false$|null$)/.test(literal);
  return isLiteral ? { path, equal, value: JSON.parse(literal) as Json } : null;
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
