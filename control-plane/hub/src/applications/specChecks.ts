/** What a spec's schema cannot say: the strategy is one that rollouts understand, dependencies make no circle. */
import { parseStrategy } from '@flotilla/domain/rollout/parseStrategy';
import type { FieldIssue } from '../http/problem.ts';
import type { ApplicationSpec } from './spec.ts';

export function strategyIssues(spec: ApplicationSpec): FieldIssue[] {
  const parsed = parseStrategy(spec.strategy);
  if (parsed.ok) return [];
  return parsed.problems.map(({ path, message }) => ({
    path: path === '' ? 'spec.strategy' : `spec.strategy.${path}`,
    message,
  }));
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
