/**
 * A fast reader of YAML as people and tools write manifests: block collections, text on one line, block scalars, flow
 * collections. It knows no errors. Whatever it is not sure of (anchors, tags, text over several lines, a key that is there
 * twice, any mistake) it leaves to the exact parser, so that both mean the same: what it answers, that one would.
 */
import { readBlockScalar } from './plainBlock.ts';
import { FlowReader } from './plainFlow.ts';
import { Lines, NotPlain } from './plainLines.ts';
import { Budget, checkKey, nameOfPlain, newMap, readQuoted, scalarOfPlain } from './plainToken.ts';
import type { YamlDocument, YamlLimits } from './yamlDocument.ts';

/** Line ends of other systems, control characters, marks of byte order. */
const unusualCharacters = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/;

/** Null: for the exact parser to read. */
export function parsePlainYaml(text: string, limits: YamlLimits): YamlDocument[] | null {
  if (unusualCharacters.test(text)) return null;
  try {
    return new PlainReader(text, limits).documents();
  } catch (error) {
    if (error instanceof NotPlain) return null;
    throw error;
  }
}

const [quote, apostrophe, colon, dash, space, newline] = [0x22, 0x27, 0x3a, 0x2d, 0x20, 0x0a];
const [pipe, greater, openList, openMap] = [0x7c, 0x3e, 0x5b, 0x7b];

/** What unquoted text must not begin with, for here it would be something else, or another parser's business. */
const indicators = new Set(Array.from(',[]{}#&*!|>\'"%@`?:', (sign) => sign.charCodeAt(0)));

class PlainReader {
  readonly #lines: Lines;
  readonly #limits: YamlLimits;
  readonly #budget: Budget;

  constructor(text: string, limits: YamlLimits) {
    this.#lines = new Lines(text);
    this.#limits = limits;
    this.#budget = new Budget(limits);
  }

  documents(): YamlDocument[] {
    const lines = this.#lines;
    const documents: YamlDocument[] = [];
    lines.advance();
    for (let number = 1; ; number++) {
      const { kind, number: marker } = lines;
      if (number > this.#limits.documentsMax) throw new NotPlain('too many documents');
      if (kind === 'marker') lines.advance();
      if (lines.kind === 'content') {
        documents.push({ number, line: lines.number, value: this.#root() });
      } else if (kind === 'marker') {
        this.#budget.spend(0);
        documents.push({ number, line: marker, value: null });
      }
      if (lines.kind === 'end') return documents;
      if (lines.kind === 'content') throw new NotPlain('more than one value');
    }
  }

  #root(): unknown {
    const lines = this.#lines;
    const code = lines.text.charCodeAt(lines.at);
    if (code !== openMap && code !== openList) return this.#collection(lines.column, 0, null);
    return this.#flow(lines.text.length, 0);
  }

  /** A sequence or a map whose first entry stands at the lines' place, which is at `column`. */
  #collection(column: number, depth: number, firstKey: string | null): unknown {
    return firstKey === null && this.#lines.isDash
      ? this.#list(column, depth)
      : this.#map(column, depth, firstKey);
  }

  #map(column: number, depth: number, firstKey: string | null): Record<string, unknown> {
    this.#budget.spend(depth);
    const lines = this.#lines;
    const map = newMap();
    let name = firstKey;
    do {
      name ??= this.#key();
      if (name === null) throw new NotPlain('no key');
      checkKey(map, name);
      map[name] = this.#value(column, depth + 1, true);
      name = null;
    } while (lines.column === column);
    if (lines.column > column) throw new NotPlain('unexpected indentation');
    return map;
  }

  #list(column: number, depth: number): unknown[] {
    this.#budget.spend(depth);
    const lines = this.#lines;
    const list: unknown[] = [];
    do {
      lines.at++;
      list.push(this.#entry(column, depth + 1));
    } while (lines.column === column && lines.isDash);
    if (lines.column > column) throw new NotPlain('unexpected indentation');
    return list;
  }

  /** What follows a dash: a collection that begins on its line, or a value as of a key. */
  #entry(column: number, depth: number): unknown {
    const lines = this.#lines;
    if (lines.isBlankFrom(lines.at)) return this.#value(column, depth, false);
    lines.skipSpaces();
    const inner = lines.at - lines.start;
    if (lines.isDash) return this.#list(inner, depth);
    const key = this.#key();
    return key === null ? this.#value(column, depth, false) : this.#map(inner, depth, key);
  }

  /** What a collection at `column` has behind a key or a dash; then the lines are at what comes next. */
  #value(column: number, depth: number, isOfKey: boolean): unknown {
    const lines = this.#lines;
    if (lines.isBlankFrom(lines.at)) return this.#below(column, depth, isOfKey);
    lines.skipSpaces();
    const code = lines.text.charCodeAt(lines.at);
    if (code === openList || code === openMap) return this.#flow(lines.end, depth);
    this.#budget.spend(depth);
    if (code === pipe || code === greater) return readBlockScalar(lines, column);
    const value = code === quote || code === apostrophe ? this.#quoted() : this.#plain();
    lines.finish();
    return value;
  }

  /** Nothing stands on the line: a collection further in, a sequence right below its key, or null. */
  #below(column: number, depth: number, isOfKey: boolean): unknown {
    const lines = this.#lines;
    lines.advance();
    if (lines.column > column) return this.#collection(lines.column, depth, null);
    if (isOfKey && lines.column === column && lines.isDash) return this.#list(column, depth);
    this.#budget.spend(depth);
    return null;
  }

  #flow(limit: number, depth: number): unknown {
    const lines = this.#lines;
    const reader = new FlowReader(lines.text, lines.at, limit, this.#budget);
    const value = reader.read(depth);
    lines.moveTo(reader.at);
    lines.finish();
    return value;
  }

  #quoted(): string {
    const lines = this.#lines;
    const token = readQuoted(lines.text, lines.at, lines.end);
    if (token === null) throw new NotPlain('no quote');
    lines.at = token.end;
    return token.value;
  }

  /** Unquoted text up to the end of the line or a comment. */
  #plain(): unknown {
    const lines = this.#lines;
    const { text, at } = lines;
    const code = text.charCodeAt(at);
    if (indicators.has(code) || lines.isDash) throw new NotPlain('an indicator');
    const line = text.slice(at, lines.end);
    const comment = line.indexOf(' #');
    let end = comment < 0 ? line.length : comment;
    while (line.charCodeAt(end - 1) === space) end--;
    const content = line.slice(0, end);
    if (/:(?: |$)|\t/.test(content)) throw new NotPlain('a key or a tab inside of text');
    lines.at = at + end;
    return scalarOfPlain(content);
  }

  /** The key at the lines' place and its colon; null where none stands, and then the place stays. */
  #key(): string | null {
    const lines = this.#lines;
    const { text, at } = lines;
    const code = text.charCodeAt(at);
    const isQuoted = code === quote || code === apostrophe;
    const end = isQuoted ? (readQuoted(text, at, lines.end)?.end ?? at) : endOfWord(text, at);
    if (end === at || text.charCodeAt(end) !== colon) return null;
    const after = text.charCodeAt(end + 1);
    if (after !== space && after !== newline && end + 1 !== text.length) return null;
    lines.at = end + 1;
    return isQuoted ? (readQuoted(text, at, lines.end)?.value ?? null) : nameOfPlain(text.slice(at, end));
  }
}

/** Letters, digits and `_./-`, of which a dash does not begin it. */
function endOfWord(text: string, start: number): number {
  if (text.charCodeAt(start) === dash) return start;
  let at = start;
  for (let code = text.charCodeAt(at); isOfWord(code); code = text.charCodeAt(at)) at++;
  return at;
}

function isOfWord(code: number): boolean {
  return (
    (code >= 0x61 && code <= 0x7a) ||
    (code >= 0x41 && code <= 0x5a) ||
    (code >= 0x2d && code <= 0x39) ||
    code === 0x5f
  );
}
