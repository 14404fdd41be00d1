/**
 * The templates in a document's values, evaluated for one cluster. Structure and keys are as they are written: only text
 * is ever replaced, so that no value of a cluster can become a key, a list or another object.
 */
import type { TemplateProblem } from './parse.ts';
import { hasTemplate, parseTemplate } from './parse.ts';
import { evaluate, type ClusterReader } from './evaluate.ts';

export interface PlacedProblem extends TemplateProblem {
  /** Where in the document: `spec.replicas`. */
  path: string;
}

export interface AppliedLimits {
  problemsMax: number;
  /** Of all values of the document that templates made. */
  charactersMax: number;
}

export interface Applied {
  /** Shares with the document what holds no template. */
  value: unknown;
  problems: PlacedProblem[];
}

/** Total, for documents of bounded depth. */
export function applyTemplates(document: unknown, reader: ClusterReader, limits: AppliedLimits): Applied {
  const application = new Application(reader, limits);
  const value = application.visit(document);
  return { value, problems: application.problems };
}

class Application {
  readonly #reader: ClusterReader;
  readonly #limits: AppliedLimits;
  readonly #path: string[] = [];
  /** What aliases share is evaluated once. */
  readonly #done = new Map<object, unknown>();
  #characters = 0;
  readonly problems: PlacedProblem[] = [];

  constructor(reader: ClusterReader, limits: AppliedLimits) {
    this.#reader = reader;
    this.#limits = limits;
  }

  visit(value: unknown): unknown {
    if (this.problems.length >= this.#limits.problemsMax) return value;
    if (typeof value === 'string') return hasTemplate(value) ? this.#text(value) : value;
    if (typeof value !== 'object' || value === null) return value;
    if (this.#done.has(value)) return this.#done.get(value);
    const visited = Array.isArray(value) ? this.#list(value) : this.#map(value as Record<string, unknown>);
    this.#done.set(value, visited);
    return visited;
  }

  #list(list: readonly unknown[]): readonly unknown[] {
    const visited = list.map((item, index) => this.#at(String(index), item));
    return visited.some((item, index) => item !== list[index]) ? visited : list;
  }

  #map(map: Record<string, unknown>): Record<string, unknown> {
    let isSame = true;
    const visited = Object.create(null) as Record<string, unknown>;
    for (const key of Object.keys(map)) {
      if (hasTemplate(key)) this.#tell({ expression: '{{', message: 'a key cannot be a template' }, key);
      visited[key] = this.#at(key, map[key]);
      isSame &&= visited[key] === map[key];
    }
    return isSame ? map : visited;
  }

  #at(key: string, value: unknown): unknown {
    this.#path.push(key);
    const visited = this.visit(value);
    this.#path.pop();
    return visited;
  }

  #text(text: string): unknown {
    const parsed = parseTemplate(text);
    const result = parsed.ok ? evaluate(parsed.template, this.#reader) : parsed;
    if (!result.ok) return this.#tell(result.problem);
    if (typeof result.value === 'string') this.#characters += result.value.length;
    if (this.#characters > this.#limits.charactersMax) {
      const message = `its templates give more than ${this.#limits.charactersMax} characters`;
      return this.#tell({ expression: '', message });
    }
    return result.value;
  }

  #tell(problem: TemplateProblem, ...more: string[]): string {
    this.problems.push({ ...problem, path: [...this.#path, ...more].join('.') });
    return '';
  }
}
