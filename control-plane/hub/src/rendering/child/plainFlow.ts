/** Flow collections, `[a, b]` and `{a: b}`, JSON among them: quoted text and single words, no comments, no tabs. */
import { NotPlain } from './plainLines.ts';
import { checkKey, nameOfPlain, newMap, readQuoted, scalarOfPlain, type Budget } from './plainToken.ts';

const newline = 0x0a;
const space = 0x20;
const [openMap, closeMap, openList, closeList, comma, colon] = [0x7b, 0x7d, 0x5b, 0x5d, 0x2c, 0x3a];

/** What a word may begin with, and go on with: what means the same inside of a collection and outside of it. */
const word = /[A-Za-z0-9_./][A-Za-z0-9_./+-]*|[+-][0-9][A-Za-z0-9_./+-]*/y;

export class FlowReader {
  readonly #text: string;
  readonly #limit: number;
  readonly #budget: Budget;
  /** Behind what was read. */
  at: number;

  /** Reads between `at` and `limit`, lines and all. */
  constructor(text: string, at: number, limit: number, budget: Budget) {
    this.#text = text;
    this.at = at;
    this.#limit = limit;
    this.#budget = budget;
  }

  /** @throws NotPlain */
  read(depth: number): unknown {
    this.#budget.spend(depth);
    const code = this.#code();
    if (code === openMap) return this.#map(depth);
    if (code === openList) return this.#list(depth);
    return this.#quoted() ?? scalarOfPlain(this.#word());
  }

  #map(depth: number): Record<string, unknown> {
    const map = newMap();
    this.at++;
    if (this.#next() === closeMap) {
      this.at++;
      return map;
    }
    do {
      this.#next();
      const name = this.#key();
      checkKey(map, name);
      this.#next();
      map[name] = this.read(depth + 1);
    } while (this.#goesOn(closeMap));
    return map;
  }

  #list(depth: number): unknown[] {
    const list: unknown[] = [];
    this.at++;
    if (this.#next() === closeList) {
      this.at++;
      return list;
    }
    do {
      this.#next();
      list.push(this.read(depth + 1));
    } while (this.#goesOn(closeList));
    return list;
  }

  /** A colon right behind it; behind a word a blank must follow that. */
  #key(): string {
    const quoted = this.#quoted();
    const name = quoted ?? nameOfPlain(this.#word());
    if (this.#code() !== colon) throw new NotPlain('a key without a value');
    this.at++;
    const code = this.#code();
    if (quoted === null && code !== space && code !== newline) throw new NotPlain('a word with a colon');
    return name;
  }

  /** Past a comma (true) or the end of the collection. */
  #goesOn(close: number): boolean {
    const code = this.#next();
    this.at++;
    if (code === comma) return true;
    if (code !== close) throw new NotPlain('an unusual collection');
    return false;
  }

  #quoted(): string | null {
    const token = readQuoted(this.#text, this.at, this.#limit);
    if (token === null) return null;
    if (token.value.includes('\n') && this.#text.slice(this.at, token.end).includes('\n'))
      throw new NotPlain('a quote over several lines');
    this.at = token.end;
    return token.value;
  }

  #word(): string {
    word.lastIndex = this.at;
    const match = word.exec(this.#text)?.[0];
    if (match === undefined) throw new NotPlain('an unusual word');
    this.at += match.length;
    return match;
  }

  /** The code of the next character that is no blank. */
  #next(): number {
    let code = this.#code();
    while (code === space || code === newline) {
      this.at++;
      code = this.#code();
    }
    return code;
  }

  #code(): number {
    return this.at < this.#limit ? this.#text.charCodeAt(this.at) : Number.NaN;
  }
}
