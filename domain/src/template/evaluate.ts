/** A template and a cluster → a value, and what of the cluster was read for it. What is not defined is an error, unless a default is given. */
import { readName, referenceText, valueAt, type ClusterValues, type Reads } from './cluster.ts';
import { resultCharactersMax, runFilter, type Filtered } from './filters.ts';
import type { Expression, Template, TemplateProblem } from './parse.ts';

/** Characters of one value. */
export const valueCharactersMax = 1 << 20;

export type Evaluated =
  { ok: true; value: string | number | boolean } | { ok: false; problem: TemplateProblem };

/** Reads of one cluster, and remembers which. */
export class ClusterReader {
  readonly #cluster: ClusterValues;
  readonly #reads: Record<string, string | null> = {};

  constructor(cluster: ClusterValues) {
    this.#cluster = cluster;
  }

  /** Also what was not there, and what was read before an error. */
  get reads(): Reads {
    return { ...this.#reads };
  }

  read(reference: Parameters<typeof valueAt>[1]): string | null {
    const value = valueAt(this.#cluster, reference);
    this.#reads[readName(reference)] = value;
    return value;
  }
}

export function evaluate(template: Template, reader: ClusterReader): Evaluated {
  let text = '';
  for (const part of template) {
    if (typeof part === 'string') {
      text += part;
      continue;
    }
    const result = evaluateOne(part, reader);
    if (!result.ok) return { ok: false, problem: { expression: part.text, message: result.problem } };
    if (typeof result.value !== 'string') return { ok: true, value: result.value };
    text += result.value;
    if (text.length > valueCharactersMax) {
      const message = `the value has more than ${valueCharactersMax} characters`;
      return { ok: false, problem: { expression: part.text, message } };
    }
  }
  return { ok: true, value: text };
}

function evaluateOne({ value, filters }: Expression, reader: ClusterReader): Filtered {
  let result: string | number | boolean | null = value.of === 'text' ? value.text : reader.read(value);
  for (const filter of filters) {
    if (result === null && filter.name === 'default') result = filter.arguments[0] ?? '';
    if (result === null) continue;
    const filtered = runFilter(filter, String(result));
    if (!filtered.ok) return filtered;
    result = filtered.value;
  }
  if (result === null) return { ok: false, problem: undefinedText(value) };
  if (typeof result === 'string' && result.length > resultCharactersMax)
    return { ok: false, problem: `it comes to more than ${resultCharactersMax} characters` };
  return { ok: true, value: result };
}

function undefinedText(value: Expression['value']): string {
  if (value.of === 'text') return 'it has no value';
  const text = referenceText(value);
  const [what, how] = value.of === 'labels' ? ['label', 'set it'] : ['fact', 'see what its agent says of it'];
  return `${text} is not defined: the cluster has no such ${what}; ${how}, or write | default "…" behind it`;
}
