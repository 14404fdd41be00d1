/** What the readers of a strategy share: maps with known fields, and problems with their places. */
import { formatDuration, parseDuration } from './duration.ts';

export interface StrategyProblem {
  /** `waves[1].maxConcurrent` */
  path: string;
  type: 'invalid' | 'unknown';
  message: string;
}

export type Fields = Record<string, unknown>;

const elsewhere: Record<string, string> = {
  stages: 'belongs to the strategy of an application, where it stands alone',
};

export function durationOf(
  fields: Fields,
  path: string,
  name: string,
  { fallbackMs, minMs, maxMs = Number.POSITIVE_INFINITY }: DurationRule,
  problems: StrategyProblem[],
): number {
  const value = fields[name];
  if (value === undefined) return fallbackMs;
  const parsed = typeof value === 'string' ? parseDuration(value) : null;
  if (parsed !== null && parsed >= minMs && parsed <= maxMs) return parsed;
  const bounds =
    maxMs === Number.POSITIVE_INFINITY ? '' : ` from ${formatDuration(minMs)} to ${formatDuration(maxMs)}`;
  const message = `must be a duration such as "90s", "30m" or "1h30m"${bounds}`;
  return invalid(problems, at(path, name), message, fallbackMs);
}

export interface DurationRule {
  fallbackMs: number;
  minMs: number;
  maxMs?: number;
}

export function fieldsOf(
  input: unknown,
  path: string,
  known: readonly string[],
  problems: StrategyProblem[],
): Fields {
  if (!isFields(input)) return invalid(problems, path, 'must be a map', {});
  for (const name of Object.keys(input)) {
    if (known.includes(name)) continue;
    const message = elsewhere[name] ?? 'is not a field of a strategy here';
    problems.push({ path: at(path, name), type: 'unknown', message });
  }
  return input;
}

export function invalid<T>(problems: StrategyProblem[], path: string, message: string, fallback: T): T {
  problems.push({ path, type: 'invalid', message });
  return fallback;
}

export function at(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

export function isFields(input: unknown): input is Fields {
  return typeof input === 'object' && input !== null && !Array.isArray(input);
}

export function isTexts(input: unknown): input is string[] {
  return Array.isArray(input) && input.every((item) => typeof item === 'string' && item !== '');
}
