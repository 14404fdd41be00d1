/**
 * One file → its YAML documents as plain JSON, or errors that name the line. Nothing in a file can make this allocate
 * without bound, run code, reach a prototype or mean two things: aliases are counted as what they expand to, keys are
 * unique, tags are the core ones, maps have no prototype.
 */
import {
  Composer,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  Parser,
  type Document,
  type Node,
  type ParsedNode,
  type Scalar as ScalarNode,
  type YAMLMap,
} from 'yaml';

import { parsePlainYaml } from './plainYaml.ts';
import { resolvePlain, type Scalar } from './scalar.ts';
import type { YamlDocument, YamlLimits } from './yamlDocument.ts';

export const yamlDefaults: YamlLimits = { documentsMax: 20_000, depthMax: 200, nodesMax: 2_000_000 };

export interface YamlProblem {
  document: number;
  line: number;
  message: string;
}

export type YamlResult = { ok: true; documents: YamlDocument[] } | { ok: false; problem: YamlProblem };

/** Brackets that are never closed cost the parser far more than they cost their author. Text may hold some. */
const openBracketsMax = 20_000;

/**
 * The first problem ends the file: what follows it may mean anything. Most files are plain, and read fast; all others, and
 * all that are wrong, by the exact parser, which knows where a problem is.
 */
export function parseYaml(text: string, limits: YamlLimits): YamlResult {
  if (hasOpenBrackets(text)) {
    return { ok: false, problem: { document: 1, line: 1, message: 'nested too deep' } };
  }
  const documents = parsePlainYaml(text, limits);
  return documents === null ? parseExactly(text, limits) : { ok: true, documents };
}

/** Every file that YAML allows and the limits do. The plain reader answers as this does, or not at all. */
export function parseExactly(text: string, limits: YamlLimits): YamlResult {
  const lines = new LineCounter();
  const parser = new Parser(lines.addNewLine);
  const composer = new Composer({
    schema: 'failsafe',
    uniqueKeys: false,
    merge: false,
    resolveKnownTags: false,
    strict: true,
    logLevel: 'silent',
    prettyErrors: false,
  });
  const documents: YamlDocument[] = [];
  const budget = { nodes: 0 };
  let number = 1;
  let line = 1;
  try {
    for (const document of composer.compose(parser.parse(text), true, text.length)) {
      if (number > limits.documentsMax) throw new YamlError(0, `more than ${limits.documentsMax} documents`);
      line = lineOf(lines, startOf(document));
      const value = new Conversion(document, limits, budget).convert();
      if (value !== undefined) documents.push({ number, line, value });
      number++;
    }
  } catch (error) {
    return { ok: false, problem: problemOf(error, number, line, lines) };
  }
  return { ok: true, documents };
}

function hasOpenBrackets(text: string): boolean {
  let open = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x5b || code === 0x7b) open++;
    else if ((code === 0x5d || code === 0x7d) && open > 0) open--;
    if (open > openBracketsMax) return true;
  }
  return false;
}

class YamlError extends Error {
  override readonly name = 'YamlError';
  readonly offset: number;
  constructor(offset: number, message: string) {
    super(message);
    this.offset = offset;
  }
}

function problemOf(error: unknown, document: number, line: number, lines: LineCounter): YamlProblem {
  if (error instanceof YamlError) {
    return { document, line: error.offset > 0 ? lineOf(lines, error.offset) : line, message: error.message };
  }
  // The parser recurses into what is nested: its stack ends before memory does.
  if (error instanceof RangeError) return { document, line, message: 'nested too deep' };
  throw error;
}

function startOf(document: Document.Parsed): number {
  return document.contents === null ? document.range[0] : document.contents.range[0];
}

function lineOf(lines: LineCounter, offset: number): number {
  return Math.max(1, lines.linePos(offset).line);
}

const mapTag = 'tag:yaml.org,2002:map';
const seqTag = 'tag:yaml.org,2002:seq';
const scalarTags = new Set(
  ['str', 'int', 'float', 'bool', 'null', 'timestamp', 'merge'].map((tag) => `tag:yaml.org,2002:${tag}`),
);
const forbiddenKeys = new Set(['__proto__', 'constructor', 'prototype']);

/** A value and how many it is when its aliases are written out. */
interface Converted {
  value: unknown;
  nodes: number;
}

class Conversion {
  readonly #document: Document.Parsed;
  readonly #limits: YamlLimits;
  readonly #budget: { nodes: number };
  /** In source order, so that a name means the last anchor before it; null while its own value is being read. */
  readonly #anchors = new Map<string, Converted | null>();

  constructor(document: Document.Parsed, limits: YamlLimits, budget: { nodes: number }) {
    this.#document = document;
    this.#limits = limits;
    this.#budget = budget;
  }

  /** Undefined for a document without content. */
  convert(): unknown {
    const [error] = this.#document.errors;
    if (error !== undefined) throw new YamlError(error.pos[0], firstLine(error.message));
    const { contents } = this.#document;
    return contents === null ? undefined : this.#node(contents, 0).value;
  }

  #node(node: Node, depth: number): Converted {
    if (depth > this.#limits.depthMax)
      throw new YamlError(offsetOf(node), `nested deeper than ${this.#limits.depthMax}`);
    if (isAlias(node)) return this.#alias(node.source, node);
    const { anchor } = node as ParsedNode & { anchor?: string };
    if (anchor !== undefined) this.#anchors.set(anchor, null);
    const before = this.#budget.nodes;
    this.#count(1, node);
    const value = this.#valueOf(node, depth);
    const converted = { value, nodes: this.#budget.nodes - before };
    if (anchor !== undefined) this.#anchors.set(anchor, converted);
    return converted;
  }

  #valueOf(node: Node, depth: number): unknown {
    if (isMap(node)) {
      checkTag(node, node.tag, (tag) => tag === mapTag);
      return this.#map(node, depth);
    }
    if (isSeq(node)) {
      checkTag(node, node.tag, (tag) => tag === seqTag);
      return node.items.map((item) => this.#node(item as Node, depth + 1).value);
    }
    if (isScalar(node)) return scalarOf(node);
    throw new YamlError(0, 'an unknown kind of node');
  }

  #alias(name: string, node: Node): Converted {
    const target = this.#anchors.get(name);
    if (target === undefined) throw new YamlError(offsetOf(node), `unknown anchor '${name}'`);
    if (target === null) throw new YamlError(offsetOf(node), `the anchor '${name}' contains itself`);
    this.#count(target.nodes, node);
    return target;
  }

  #count(nodes: number, at: Node): void {
    this.#budget.nodes += nodes;
    if (this.#budget.nodes > this.#limits.nodesMax) {
      throw new YamlError(
        offsetOf(at),
        `more than ${this.#limits.nodesMax} values, aliases counted as what they stand for`,
      );
    }
  }

  #map(map: YAMLMap, depth: number): Record<string, unknown> {
    const result = Object.create(null) as Record<string, unknown>;
    const merged: Record<string, unknown>[] = [];
    for (const { key, value } of map.items) {
      const keyNode = key as Node;
      const converted = value === null ? null : this.#node(value as Node, depth + 1).value;
      if (isMergeKey(keyNode)) {
        merged.push(...mergeSources(converted, keyNode));
        continue;
      }
      const name = keyText(keyNode);
      if (Object.hasOwn(result, name))
        throw new YamlError(offsetOf(keyNode), `the key '${name}' is there twice`);
      result[name] = converted;
    }
    // What is written out wins over what is merged in, and the first source over later ones.
    for (const source of merged)
      for (const name of Object.keys(source)) if (!Object.hasOwn(result, name)) result[name] = source[name];
    return result;
  }
}

function checkTag(node: Node, tag: string | undefined, isKnown: (tag: string) => boolean): void {
  if (tag === undefined || isKnown(tag)) return;
  throw new YamlError(offsetOf(node), `the tag ${tag} is not supported`);
}

function scalarOf(node: ScalarNode): Scalar {
  const text = String(node.value);
  const { tag, type } = node;
  checkTag(node, tag, (known) => scalarTags.has(known));
  const isText =
    tag === 'tag:yaml.org,2002:str' || (type !== 'PLAIN' && (tag === undefined || tag.endsWith('timestamp')));
  if (isText) return text;
  const resolved = resolvePlain(text);
  if (!resolved.ok) throw new YamlError(offsetOf(node), `${text} is no JSON number`);
  if (tag !== undefined && !fitsTag(tag, resolved.value))
    throw new YamlError(offsetOf(node), `${JSON.stringify(text)} is no ${tag}`);
  return resolved.value;
}

function fitsTag(tag: string, value: Scalar): boolean {
  switch (tag.replace('tag:yaml.org,2002:', '')) {
    case 'int':
      return typeof value === 'bigint' || Number.isInteger(value);
    case 'float':
      return typeof value === 'number' || typeof value === 'bigint';
    case 'bool':
      return typeof value === 'boolean';
    case 'null':
      return value === null;
    default:
      return true;
  }
}

function isMergeKey(key: Node): boolean {
  return isScalar(key) && key.type === 'PLAIN' && key.value === '<<';
}

function mergeSources(value: unknown, at: Node): Record<string, unknown>[] {
  const sources = Array.isArray(value) ? (value as unknown[]) : [value];
  return sources.map((source) => {
    if (typeof source === 'object' && source !== null && !Array.isArray(source))
      return source as Record<string, unknown>;
    throw new YamlError(offsetOf(at), "'<<' merges mappings only");
  });
}

/** Keys of JSON are text: numbers and booleans become what they print as. */
function keyText(key: Node): string {
  if (!isScalar(key)) throw new YamlError(offsetOf(key), 'a key must be text');
  const value = scalarOf(key);
  if (value === null) throw new YamlError(offsetOf(key), 'a key must not be null');
  const name = String(value);
  if (forbiddenKeys.has(name)) throw new YamlError(offsetOf(key), `the key '${name}' is refused`);
  return name;
}

function offsetOf(node: Node): number {
  return node.range?.[0] ?? 0;
}

function firstLine(message: string): string {
  // The parser reports its own stack's end as a problem of the document.
  if (message.includes('call stack')) return 'nested too deep';
  return (message.split('\n')[0] ?? message).slice(0, 300);
}
