/** From what an application says of its strategy to its stages: those written, or the one of an application without any. */
import { parseDuration } from '../rollout/duration.ts';
import { nameIn, strategyOf, type NamedStrategies } from '../rollout/namedStrategy.ts';
import { matchOf } from '../rollout/parseStrategy.ts';
import {
  at,
  durationOf,
  fieldsOf,
  invalid,
  isFields,
  type StrategyProblem,
} from '../rollout/strategyFields.ts';
import { defaultStrategy } from '../rollout/strategy.ts';
import type { Stage } from './stage.ts';

export type ParsedStages = { ok: true; stages: Stage[] } | { ok: false; problems: StrategyProblem[] };

const stagesMin = 2;
const stagesMax = 10;
const soakMaxMs = 90 * 24 * 3_600_000;

/** A problem's path is that of the field in the strategy as it was written. */
export function stagesOf(written: unknown, named: NamedStrategies): ParsedStages {
  if (isFields(written) && written['stages'] !== undefined) return parseStages(written, named);
  const parsed = strategyOf(written, named);
  if (!parsed.ok) return parsed;
  const match = { type: 'rest' } as const;
  return { ok: true, stages: [{ name: '', match, strategy: parsed.strategy, soakMs: 0, approval: false }] };
}

/** Names of the strategies of the project that these stages, or the one without a name, go by. */
export function namesIn(written: unknown): string[] {
  const stages = isFields(written) ? written['stages'] : undefined;
  const strategies: unknown[] = Array.isArray(stages)
    ? stages.map((stage: unknown) => (isFields(stage) ? stage['strategy'] : undefined))
    : [written];
  return strategies.flatMap((strategy) => nameIn(strategy) ?? []);
}

function parseStages({ stages: written, ...others }: Record<string, unknown>, named: NamedStrategies) {
  const problems: StrategyProblem[] = Object.keys(others).map((path) => ({
    path,
    type: 'invalid',
    message: 'cannot stand beside "stages": write it in the strategy of each stage that it is for',
  }));
  const stages = listOf(written, problems).map((stage, index, all) =>
    stageOf(stage, index, index === all.length - 1, named, problems),
  );
  stages.forEach(({ name }, index) => {
    const isTaken = stages.slice(0, index).some((earlier) => earlier.name === name);
    if (isTaken)
      invalid(problems, `stages[${index}].name`, `is the name of an earlier stage, "${name}"`, null);
  });
  return problems.length === 0 ? { ok: true as const, stages } : { ok: false as const, problems };
}

function listOf(written: unknown, problems: StrategyProblem[]): unknown[] {
  const isList = Array.isArray(written) && written.length >= stagesMin && written.length <= stagesMax;
  if (isList) return written;
  return invalid(problems, 'stages', `must be a list of ${stagesMin} to ${stagesMax} stages`, []);
}

function stageOf(
  written: unknown,
  index: number,
  isLast: boolean,
  named: NamedStrategies,
  problems: StrategyProblem[],
): Stage {
  const path = `stages[${index}]`;
  const fields = fieldsOf(written, path, ['name', 'clusters', 'strategy', 'soak', 'approval'], problems);
  const { name, clusters, strategy, soak, approval = false } = fields;
  const isName = typeof name === 'string' && /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name);
  if (!isName) invalid(problems, `${path}.name`, 'must be 1 to 63 of a-z, 0-9 and -', '');
  for (const [field, value] of Object.entries({ soak, approval: approval || undefined })) {
    if (index === 0 && value !== undefined)
      invalid(problems, `${path}.${field}`, 'is not for the first stage: it takes every revision', null);
  }
  if (typeof approval !== 'boolean') invalid(problems, `${path}.approval`, 'must be true or false', false);
  return {
    name: isName ? name : '',
    match: matchOfStage(clusters, path, isLast, problems),
    strategy: strategyIn(strategy, path, named, problems),
    soakMs: durationOf(fields, path, 'soak', { fallbackMs: 0, minMs: 0, maxMs: soakMaxMs }, problems),
    approval: approval === true,
  };
}

function matchOfStage(
  clusters: unknown,
  path: string,
  isLast: boolean,
  problems: StrategyProblem[],
): Stage['match'] {
  const rest = { type: 'rest' } as const;
  if (clusters === undefined) {
    if (isLast) return rest;
    return invalid(problems, `${path}.clusters`, 'is missing: only the last stage may take the rest', rest);
  }
  const match = matchOf(clusters, `${path}.clusters`, ['names', 'selector'], problems);
  return match.type === 'percent' ? rest : match;
}

function strategyIn(written: unknown, path: string, named: NamedStrategies, problems: StrategyProblem[]) {
  const parsed = strategyOf(written, named);
  if (parsed.ok) return parsed.strategy;
  const place = `${path}.strategy`;
  for (const problem of parsed.problems)
    problems.push({ ...problem, path: problem.path === '' ? place : at(place, problem.path) });
  return defaultStrategy;
}

export interface StageOutline {
  name: string;
  soakMs: number;
  approval: boolean;
}

/** Of stages that were checked when they were written, whatever strategies they name; empty: the application has none. */
export function outlinesOf(written: unknown): StageOutline[] {
  const stages = isFields(written) ? written['stages'] : undefined;
  if (!Array.isArray(stages)) return [];
  return stages.filter(isFields).map(({ name, soak, approval }) => ({
    name: typeof name === 'string' ? name : '',
    soakMs: (typeof soak === 'string' ? parseDuration(soak) : null) ?? 0,
    approval: approval === true,
  }));
}
