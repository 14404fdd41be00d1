/**
 * Strategies that a project has by name, so that its applications share one: an application writes `{ named: 'careful' }`,
 * and beside it what it wants otherwise, field by field.
 */
import { parseStrategy, type ParsedStrategy } from './parseStrategy.ts';
import { isFields } from './strategyFields.ts';

/** As they were written, by name. */
export type NamedStrategies = Readonly<Record<string, unknown>>;

/** Which of them a strategy goes by; null: none. */
export function nameIn(written: unknown): string | null {
  const name = isFields(written) ? written['named'] : undefined;
  return typeof name === 'string' ? name : null;
}

/** A problem's path is that of the field in the application's own strategy, or in the one it names. */
export function strategyOf(written: unknown, named: NamedStrategies): ParsedStrategy {
  if (!isFields(written) || written['named'] === undefined) return parseStrategy(written);
  const { named: name, ...own } = written;
  if (typeof name !== 'string' || !Object.hasOwn(named, name)) return unknown(name, named);
  const base = named[name];
  return parseStrategy({ ...(isFields(base) ? base : {}), ...own });
}

function unknown(name: unknown, named: NamedStrategies): ParsedStrategy {
  const names = Object.keys(named);
  const known = names.length === 0 ? 'none' : names.toSorted().join(', ');
  const asked = typeof name === 'string' ? `strategy "${name}"` : 'such strategy';
  const message = `the project has no ${asked}; it has ${known}`;
  return { ok: false, problems: [{ path: 'named', type: 'invalid', message }] };
}
