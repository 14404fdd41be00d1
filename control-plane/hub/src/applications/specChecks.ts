/** What a spec's schema cannot say: the strategy is one that rollouts understand, dependencies make no circle. */
import { requestOf } from '@flotilla/domain/gate/gate';
import { strategyOf, type NamedStrategies } from '@flotilla/domain/rollout/namedStrategy';
import type { StrategyProblem } from '@flotilla/domain/rollout/parseStrategy';
import { stagesOf } from '@flotilla/domain/promotion/parseStages';
import type { Strategy } from '@flotilla/domain/rollout/strategy';
import type { FieldIssue } from '../http/problem.ts';
import { checkTarget, gatesAllowSetting } from '../platform/address.ts';
import type { ApplicationSpec } from './spec.ts';

/** `gatesAllow`: hosts that gates may ask though they are private or speak plain http. `at`: where it is written. */
export function issuesOfStrategy(
  written: unknown,
  named: NamedStrategies,
  gatesAllow: readonly string[],
  at = 'spec.strategy',
): FieldIssue[] {
  const parsed = strategyOf(written, named);
  if (parsed.ok) return gateIssues(parsed.strategy, gatesAllow, at);
  return issuesAt(parsed.problems, at);
}

/** The same of an application's, which may have stages. */
export function issuesOfStages(
  written: unknown,
  named: NamedStrategies,
  gatesAllow: readonly string[],
): FieldIssue[] {
  const parsed = stagesOf(written, named);
  if (!parsed.ok) return issuesAt(parsed.problems, 'spec.strategy');
  return parsed.stages.flatMap(({ name, strategy }, index) =>
    gateIssues(
      strategy,
      gatesAllow,
      name === '' ? 'spec.strategy' : `spec.strategy.stages[${index}].strategy`,
    ),
  );
}

function issuesAt(problems: readonly StrategyProblem[], at: string): FieldIssue[] {
  return problems.map(({ path, message }) => ({ path: path === '' ? at : `${at}.${path}`, message }));
}

/** Said when it is written, not when a fleet waits for it. */
function gateIssues({ waves }: Strategy, allow: readonly string[], path: string): FieldIssue[] {
  const gates = new Set(waves.flatMap((wave) => wave.gates));
  return [...gates].flatMap(({ name, probe, timeoutMs }) => {
    if (probe.type === 'plan') return [];
    const verdict = checkTarget(new URL(requestOf(probe, timeoutMs).url), allow, gatesAllowSetting);
    if (verdict.ok) return [];
    return [{ path, message: `gate "${name}" asks what it may not: ${verdict.reason}` }];
  });
}

/** `others`: what every application of the project depends on, by name. */
export function dependencyIssues(
  name: string,
  spec: ApplicationSpec,
  others: ReadonlyMap<string, readonly string[]>,
): FieldIssue[] {
  return spec.dependsOn.flatMap((dependency, at) => {
    const path = `spec.dependsOn.${at}`;
    if (dependency !== name && !others.has(dependency)) {
      return [{ path, message: `there is no application "${dependency}" in this project: create it first` }];
    }
    return reaches(dependency, name, others)
      ? [{ path, message: `"${dependency}" depends on "${name}" itself: neither could ever start` }]
      : [];
  });
}

function reaches(from: string, to: string, edges: ReadonlyMap<string, readonly string[]>): boolean {
  const seen = new Set<string>();
  const open = [from];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (name === to) return true;
    if (seen.has(name)) continue;
    seen.add(name);
    open.push(...(edges.get(name) ?? []));
  }
  return false;
}

/** Names and ids that `found` lacks, each with where it is written. */
export function repositoryIssues(
  spec: ApplicationSpec,
  project: string,
  found: ReadonlyMap<string, string>,
): FieldIssue[] {
  return spec.sources.flatMap(({ repository }, at) =>
    found.has(repository)
      ? []
      : [
          {
            path: `spec.sources.${at}.repository`,
            message: `there is no repository "${repository}" in project "${project}": add it with "flotilla repo add ${repository} <url>"`,
          },
        ],
  );
}
