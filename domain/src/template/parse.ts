/**
 * Text with `{{ … }}` in it → its parts. An expression is a value (`cluster.name`, `cluster.labels.x`,
 * `cluster.labels["x/y"]`, the same of `facts`, or quoted text) and filters behind it. There are no conditions, loops or
 * variables: everything ends, and what is read can be told. `{{ "{{" }}` stands for two braces.
 */
import type { Reference } from './cluster.ts';
import { filterProblem, isTyped, type Filter } from './filters.ts';

export const expressionCharactersMax = 1024;
export const filtersMax = 16;
export const expressionsMax = 1000;
/** Of a label's name: a prefix, a slash and a name, as Kubernetes has them. */
export const keyCharactersMax = 317;

export interface Expression {
  /** As it is written, braces included. */
  text: string;
  value: Reference | { of: 'text'; text: string };
  filters: readonly Filter[];
}

export type Template = readonly (string | Expression)[];

export interface TemplateProblem {
  /** The expression as it is written, for finding its line; '' where there is none. */
  expression: string;
  message: string;
}

export type ParseResult = { ok: true; template: Template } | { ok: false; problem: TemplateProblem };

/** Text without these is no template, and stands for itself. */
export function hasTemplate(text: string): boolean {
  return text.includes('{{');
}

export function parseTemplate(text: string): ParseResult {
  const parts: (string | Expression)[] = [];
  let at = 0;
  let expressions = 0;
  try {
    for (let begin = text.indexOf('{{'); begin >= 0; begin = text.indexOf('{{', at)) {
      if (begin > at) parts.push(text.slice(at, begin));
      const { expression, end } = readExpression(text, begin);
      parts.push(expression);
      at = end;
      if (++expressions > expressionsMax) fail('', `more than ${expressionsMax} expressions in one value`);
    }
    if (at < text.length) parts.push(text.slice(at));
    checkTyped(parts);
  } catch (error) {
    if (error instanceof Wrong) return { ok: false, problem: error.problem };
    throw error;
  }
  return { ok: true, template: parts };
}

class Wrong extends Error {
  override readonly name = 'Wrong';
  readonly problem: TemplateProblem;
  constructor(problem: TemplateProblem) {
    super(problem.message);
    this.problem = problem;
  }
}

function fail(expression: string, message: string): never {
  throw new Wrong({ expression, message });
}

/** A number or a boolean is a value of its own: between letters it would be text all the same. */
function checkTyped(parts: Template): void {
  for (const part of parts) {
    if (typeof part === 'string') continue;
    const at = part.filters.findIndex(isTyped);
    if (at < 0) continue;
    const { name = '' } = part.filters[at] ?? {};
    if (at < part.filters.length - 1) fail(part.text, `the filter '${name}' must be the last one`);
    if (parts.length > 1)
      fail(part.text, `with the filter '${name}' nothing may stand around the expression`);
  }
}

const escapeHint = 'two braces that mean themselves are written {{ "{{" }}';

function readExpression(text: string, begin: number): { expression: Expression; end: number } {
  const written = text.slice(begin, begin + expressionCharactersMax);
  const tokens = new Tokens(written);
  const value = readValue(tokens);
  const filters: Filter[] = [];
  while (tokens.take('|')) {
    const name = tokens.word() ?? fail(tokens.shown(), `a filter is missing behind '|'`);
    const given: string[] = [];
    for (let next = tokens.quoted(); next !== null; next = tokens.quoted()) given.push(next);
    const filter = { name, arguments: given };
    const problem = filterProblem(filter);
    if (problem !== null) fail(tokens.shown(), problem);
    filters.push(filter);
    if (filters.length > filtersMax) fail(tokens.shown(), `more than ${filtersMax} filters`);
  }
  if (!tokens.take('}}')) fail(tokens.shown(), `'}}' is expected ${tokens.where()}; ${escapeHint}`);
  return {
    expression: { text: written.slice(0, tokens.at), value, filters },
    end: begin + tokens.at,
  };
}

function readValue(tokens: Tokens): Expression['value'] {
  tokens.take('{{');
  const text = tokens.quoted();
  if (text !== null) return { of: 'text', text };
  if (tokens.take('cluster.name')) return { of: 'name' };
  for (const map of ['labels', 'facts'] as const)
    if (tokens.take(`cluster.${map}`)) return { of: map, key: readKey(tokens, map) };
  return fail(
    tokens.shown(),
    `a value is expected ${tokens.where()}: cluster.name, cluster.labels.NAME, cluster.facts.NAME or quoted text; ${escapeHint}`,
  );
}

function readKey(tokens: Tokens, of: 'labels' | 'facts'): string {
  const isDotted = tokens.take('.');
  const key = isDotted ? tokens.word() : bracketed(tokens);
  if (key === null || key === '' || (isDotted && tokens.isAt('.', '/')))
    fail(tokens.shown(), `cluster.${of} is read by cluster.${of}.NAME or cluster.${of}["NAME/WITH.SIGNS"]`);
  if (key.length > keyCharactersMax)
    fail(tokens.shown(), `the name of a label or fact has at most ${keyCharactersMax} characters`);
  return key;
}

function bracketed(tokens: Tokens): string | null {
  const key = tokens.take('[') ? tokens.quoted() : null;
  return tokens.take(']') ? key : null;
}

const word = /[A-Za-z0-9_-]+/y;
const quoted = /"(?:[^"\\]|\\.)*"|'[^']*'/sy;

class Tokens {
  readonly #text: string;
  at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Blanks go before anything but a key's dot. */
  #skip(): void {
    while (' \t\n\r'.includes(this.#text[this.at] ?? 'x')) this.at++;
  }

  take(sign: string): boolean {
    if (sign !== '.') this.#skip();
    if (!this.#text.startsWith(sign, this.at)) return false;
    // `cluster.name` must not be the beginning of a longer word.
    if (/\w$/.test(sign) && /[\w-]/.test(this.#text[this.at + sign.length] ?? '')) return false;
    this.at += sign.length;
    return true;
  }

  isAt(...signs: string[]): boolean {
    return signs.includes(this.#text[this.at] ?? '');
  }

  word(): string | null {
    this.#skip();
    return this.#match(word);
  }

  /** Text in double quotes with JSON's escapes, or in single ones with none. */
  quoted(): string | null {
    this.#skip();
    const token = this.#match(quoted);
    if (token === null) return null;
    if (token.startsWith("'")) return token.slice(1, -1);
    try {
      return JSON.parse(token) as string;
    } catch {
      return fail(this.shown(), `${token} is no quoted text: its escapes are those of JSON`);
    }
  }

  #match(pattern: RegExp): string | null {
    pattern.lastIndex = this.at;
    const [token = null] = pattern.exec(this.#text) ?? [];
    if (token !== null) this.at += token.length;
    return token;
  }

  where(): string {
    this.#skip();
    const rest = this.#text.slice(this.at, this.at + 20).split('\n')[0] ?? '';
    return rest === '' ? 'where the text ends' : `at '${rest}'`;
  }

  /** The expression as far as it can be told, on one line. */
  shown(): string {
    const end = this.#text.indexOf('}}');
    const whole = end < 0 ? this.#text.slice(0, 60) : this.#text.slice(0, end + 2);
    return whole.split('\n')[0] ?? '';
  }
}
