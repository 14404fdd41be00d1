/** What may follow a value: `| lower`, `| replace "." "-"`. Each is total, and gives no more than a bounded text. */

/** Characters that an expression may come to. */
export const resultCharactersMax = 8192;

export type Filtered = { ok: true; value: string | number | boolean } | { ok: false; problem: string };

export interface Filter {
  name: string;
  arguments: readonly string[];
}

interface FilterRule {
  arguments: number;
  /** What it makes of text is no text, so that nothing may stand around it. */
  isTyped?: true;
  run: (text: string, given: readonly string[]) => Filtered;
}

const rules: Readonly<Record<string, FilterRule>> = {
  // Of a value that is there; of one that is not, the evaluation itself gives the argument.
  default: { arguments: 1, run: (text) => value(text) },
  lower: { arguments: 0, run: (text) => value(text.toLowerCase()) },
  upper: { arguments: 0, run: (text) => value(text.toUpperCase()) },
  trimPrefix: {
    arguments: 1,
    run: (text, [prefix = '']) => value(text.startsWith(prefix) ? text.slice(prefix.length) : text),
  },
  trimSuffix: {
    arguments: 1,
    run: (text, [suffix = '']) =>
      value(text.endsWith(suffix) ? text.slice(0, text.length - suffix.length) : text),
  },
  replace: { arguments: 2, run: (text, [from = '', to = '']) => replaced(text, from, to) },
  int: { arguments: 0, isTyped: true, run: integer },
  bool: { arguments: 0, isTyped: true, run: boolean },
};

export const filterNames: readonly string[] = Object.keys(rules);

/** Null: it is one, with as many arguments as it takes. */
export function filterProblem({ name, arguments: given }: Filter): string | null {
  const rule = ruleOf(name);
  if (rule === null) return `there is no filter '${name}': there are ${filterNames.join(', ')}`;
  if (given.length !== rule.arguments)
    return `the filter '${name}' takes ${rule.arguments} quoted texts, not ${given.length}`;
  if (name === 'replace' && given[0] === '') return `the filter 'replace' cannot look for an empty text`;
  return null;
}

export function isTyped({ name }: Filter): boolean {
  return ruleOf(name)?.isTyped === true;
}

export function runFilter(filter: Filter, text: string): Filtered {
  const rule = ruleOf(filter.name);
  return rule === null
    ? { ok: false, problem: `there is no filter '${filter.name}'` }
    : rule.run(text, filter.arguments);
}

function ruleOf(name: string): FilterRule | null {
  return Object.hasOwn(rules, name) ? (rules[name] ?? null) : null;
}

function value(of: string | number | boolean): Filtered {
  return { ok: true, value: of };
}

/** Counted before it is made. */
function replaced(text: string, from: string, to: string): Filtered {
  const times = text.split(from).length - 1;
  if (text.length + times * (to.length - from.length) > resultCharactersMax)
    return { ok: false, problem: `'replace' gives more than ${resultCharactersMax} characters` };
  return value(text.replaceAll(from, () => to));
}

function integer(text: string): Filtered {
  const number = Number(text);
  if (/^-?(0|[1-9][0-9]*)$/.test(text) && Number.isSafeInteger(number)) return value(number);
  return { ok: false, problem: `${JSON.stringify(text)} is no integer` };
}

function boolean(text: string): Filtered {
  if (text === 'true' || text === 'false') return value(text === 'true');
  return { ok: false, problem: `${JSON.stringify(text)} is neither "true" nor "false"` };
}
