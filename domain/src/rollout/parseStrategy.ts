/**
 * From what a person wrote to a complete `Strategy`, or what is wrong with it, every problem at once. What is not
 * supported yet is refused by name, never ignored.
 */
import type { Requirement, Selector } from '../placement/selector.ts';
import { parseWindow, type Window } from '../window/window.ts';
import { parseGates, withPlan } from './parseGates.ts';
import {
  waveDefaults,
  type Amount,
  type Strategy,
  type Wave,
  type WaveMatch,
  type WaveSettings,
} from './strategy.ts';
import {
  at,
  durationOf,
  fieldsOf,
  invalid,
  isFields,
  isTexts,
  type Fields,
  type StrategyProblem,
} from './strategyFields.ts';

export type { StrategyProblem } from './strategyFields.ts';

export type ParsedStrategy = { ok: true; strategy: Strategy } | { ok: false; problems: StrategyProblem[] };

const settingFields = ['maxConcurrent', 'maxFailures', 'soak', 'deadline', 'approval', 'gates', 'window'];
const strategyFields = [...settingFields, 'waves', 'onFailure', 'offline', 'onNewRevision', 'lane', 'plan'];
const waveFields = [...settingFields, 'name', 'clusters'];

/** `undefined` and `{}` are the default strategy: one wave, all at once. */
export function parseStrategy(input: unknown): ParsedStrategy {
  const problems: StrategyProblem[] = [];
  const fields = fieldsOf(input ?? {}, '', strategyFields, problems);
  const settings = settingsOf(fields, '', waveDefaults, problems);
  const explicit = wavesOf(fields['waves'], settings, problems);
  const rest: Wave = { name: explicit.length === 0 ? 'all' : 'rest', match: { type: 'rest' }, ...settings };
  const lane = fieldsOf(fields['lane'] ?? {}, 'lane', ['maxConcurrent', 'maxFailures'], problems);
  const waves = [...explicit, { ...rest, name: freeName(rest.name, explicit) }];
  const strategy: Strategy = {
    waves: withPlan(fields['plan'], waves, problems),
    onFailure: oneOf(fields, 'onFailure', ['pause', 'rollback', 'continue'], problems),
    offline: oneOf(fields, 'offline', ['defer', 'wait', 'fail'], problems),
    onNewRevision: oneOf(fields, 'onNewRevision', ['supersede', 'queue'], problems),
    lane: {
      maxConcurrent: amountOf(lane, 'lane', 'maxConcurrent', 1, waveDefaults.maxConcurrent, problems),
      maxFailures: amountOf(lane, 'lane', 'maxFailures', 0, waveDefaults.maxFailures, problems),
    },
    deadlineMs: settings.deadlineMs,
    windows: settings.windows,
  };
  return problems.length === 0 ? { ok: true, strategy } : { ok: false, problems };
}

function wavesOf(input: unknown, settings: WaveSettings, problems: StrategyProblem[]): Wave[] {
  if (input === undefined) return [];
  if (!Array.isArray(input)) return invalid(problems, 'waves', 'must be a list', []);
  const waves = input.map((wave: unknown, at) => waveOf(wave, `waves[${at}]`, settings, problems));
  waves.forEach(({ name }, at) => {
    const isTaken = waves.slice(0, at).some((earlier) => earlier.name === name);
    if (isTaken) problems.push({ path: `waves[${at}].name`, type: 'invalid', message: `${name} is taken` });
  });
  return waves;
}

function waveOf(input: unknown, path: string, settings: WaveSettings, problems: StrategyProblem[]): Wave {
  const fields = fieldsOf(input, path, waveFields, problems);
  const { name } = fields;
  const isName = typeof name === 'string' && /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name);
  if (!isName) invalid(problems, `${path}.name`, 'must be 1 to 63 of a-z, 0-9 and -', '');
  const match = matchOf(fields['clusters'], `${path}.clusters`, ['names', 'selector', 'percent'], problems);
  return { name: isName ? name : '', match, ...settingsOf(fields, path, settings, problems) };
}

/** `ways`: which of `names`, `selector` and `percent` there are. */
export function matchOf(
  input: unknown,
  path: string,
  ways: readonly string[],
  problems: StrategyProblem[],
): WaveMatch {
  const fallback: WaveMatch = { type: 'names', names: [] };
  const fields = fieldsOf(input, path, ways, problems);
  const given = Object.keys(fields);
  if (given.length !== 1)
    return invalid(
      problems,
      path,
      `must have one of ${ways.slice(0, -1).join(', ')} and ${ways.at(-1) ?? ''}`,
      fallback,
    );
  const { names, selector, percent } = fields;
  if (names !== undefined) {
    if (isTexts(names) && names.length > 0) return { type: 'names', names };
    return invalid(problems, `${path}.names`, 'must be a list of cluster names or globs', fallback);
  }
  if (percent !== undefined) {
    if (typeof percent === 'number' && percent > 0 && percent <= 100) return { type: 'percent', percent };
    return invalid(problems, `${path}.percent`, 'must be above 0 and at most 100', fallback);
  }
  const parsed = selectorOf(selector);
  if (parsed !== null) return { type: 'labels', selector: parsed };
  return invalid(
    problems,
    `${path}.selector`,
    'must be a label selector with matchLabels or matchExpressions',
    fallback,
  );
}

/** Null where it is none, or selects everything: a wave of everything would leave nothing to the others unnoticed. */
function selectorOf(input: unknown): Selector | null {
  if (!isFields(input)) return null;
  const { matchLabels = {}, matchExpressions = [] } = input;
  if (Object.keys(input).some((key) => key !== 'matchLabels' && key !== 'matchExpressions')) return null;
  if (!isFields(matchLabels) || !Object.values(matchLabels).every((value) => typeof value === 'string'))
    return null;
  if (!Array.isArray(matchExpressions) || !matchExpressions.every(isRequirement)) return null;
  if (Object.keys(matchLabels).length + matchExpressions.length === 0) return null;
  return { matchLabels: matchLabels as Record<string, string>, matchExpressions };
}

function isRequirement(input: unknown): input is Requirement {
  if (!isFields(input) || typeof input['key'] !== 'string') return false;
  const { operator, values } = input;
  if (operator === 'Exists' || operator === 'DoesNotExist') return values === undefined || isEmpty(values);
  return (operator === 'In' || operator === 'NotIn') && isTexts(values) && values.length > 0;
}

function settingsOf(
  fields: Fields,
  path: string,
  defaults: WaveSettings,
  problems: StrategyProblem[],
): WaveSettings {
  const { approval } = fields;
  if (approval !== undefined && typeof approval !== 'boolean') {
    invalid(problems, at(path, 'approval'), 'must be true or false', null);
  }
  return {
    maxConcurrent: amountOf(fields, path, 'maxConcurrent', 1, defaults.maxConcurrent, problems),
    maxFailures: amountOf(fields, path, 'maxFailures', 0, defaults.maxFailures, problems),
    soakMs: durationOf(fields, path, 'soak', { fallbackMs: defaults.soakMs, minMs: 0 }, problems),
    deadlineMs: durationOf(fields, path, 'deadline', { fallbackMs: defaults.deadlineMs, minMs: 1 }, problems),
    approval: typeof approval === 'boolean' ? approval : defaults.approval,
    gates: parseGates(fields['gates'], at(path, 'gates'), defaults.gates, problems),
    windows: windowsOf(fields['window'], at(path, 'window'), defaults.windows, problems),
  };
}

/** One window or a list of them; `[]` takes away what the strategy sets. */
function windowsOf(
  input: unknown,
  path: string,
  fallback: readonly Window[],
  problems: StrategyProblem[],
): readonly Window[] {
  if (input === undefined) return fallback;
  const windows: unknown[] = Array.isArray(input) ? input : [input];
  return windows.flatMap((window, index) => {
    const place = Array.isArray(input) ? `${path}[${index}]` : path;
    if (!isFields(window)) return invalid(problems, place, 'must be a map with schedule and duration', []);
    const parsed = parseWindow(window, 'allow');
    return parsed.ok ? [parsed.window] : invalid(problems, at(place, parsed.field), parsed.message, []);
  });
}

function amountOf(
  fields: Fields,
  path: string,
  name: string,
  min: number,
  fallback: Amount,
  problems: StrategyProblem[],
): Amount {
  const value = fields[name];
  if (value === undefined) return fallback;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min) return value;
  const isShare = typeof value === 'string' && /^(100|[0-9]{1,2})%$/.test(value);
  if (isShare && Number(value.slice(0, -1)) >= min) return value as Amount;
  return invalid(
    problems,
    at(path, name),
    `must be a number of at least ${min}, or a share such as "25%"`,
    fallback,
  );
}

/** The first of `allowed` is the default. */
function oneOf<T extends string>(
  fields: Fields,
  name: string,
  allowed: readonly [T, ...T[]],
  problems: StrategyProblem[],
): T {
  const value = fields[name];
  if (value === undefined) return allowed[0];
  const found = allowed.find((candidate) => candidate === value);
  return found ?? invalid(problems, name, `must be one of ${allowed.join(', ')}`, allowed[0]);
}

function freeName(name: string, waves: readonly Wave[]): string {
  return waves.some((wave) => wave.name === name) ? `${name}-last` : name;
}

function isEmpty(input: unknown): boolean {
  return Array.isArray(input) && input.length === 0;
}
