/** A fleet's plan in one sentence: "same change on 812 clusters; 3 differ: a, b, c; 2 would fail: …; 1 offline". */
import type { GroupedFleet, PlanGroup } from './group.ts';

const namesMax = 3;

export function summaryOf({ tally, groups, unrendered }: GroupedFleet): string {
  const parts = [
    ...changesPart(groups.filter(({ verdict }) => verdict === 'changes')),
    ...cleanPart(tally.clean, tally.changes),
    ...failingPart(groups, tally.failing, unrendered),
    ...counted(tally.incomplete, 'could not be checked wholly'),
    ...counted(tally.error, 'could not find out'),
    ...counted(tally.offline, 'offline'),
    ...counted(tally.noAnswer, 'did not answer in time'),
    ...counted(tally.waiting, tally.waiting === 1 ? 'has not answered yet' : 'have not answered yet'),
  ];
  return parts.length === 0 ? 'on no cluster' : parts.join('; ');
}

/** The largest group is the change; whoever differs from it is named. */
function changesPart([main, ...others]: readonly PlanGroup[]): string[] {
  if (main === undefined) return [];
  const same =
    main.clusters === 1 ? 'a change on 1 cluster' : `same change on ${clustersText(main.clusters)}`;
  if (others.length === 0) return [same];
  const differing = others.reduce((sum, { clusters }) => sum + clusters, 0);
  const names = namesText(
    others.flatMap(({ sample }) => sample),
    differing,
  );
  return [same, `${differing} ${differing === 1 ? 'differs' : 'differ'}: ${names}`];
}

function cleanPart(clean: number, changes: number): string[] {
  if (clean === 0) return [];
  return [changes === 0 ? `no change on ${clustersText(clean)}` : `no change on ${clean}`];
}

function failingPart(groups: readonly PlanGroup[], failing: number, unrendered: string): string[] {
  if (failing === 0) return [];
  const message = groups.find(({ verdict }) => verdict === 'failing')?.message ?? unrendered;
  return [`${failing} would fail${message === '' ? '' : `: ${message}`}`];
}

function counted(count: number, words: string): string[] {
  return count === 0 ? [] : [`${count} ${words}`];
}

function clustersText(count: number): string {
  return count === 1 ? '1 cluster' : `${count} clusters`;
}

function namesText(names: readonly string[], of: number): string {
  const shown = names.slice(0, namesMax).join(', ');
  return of > namesMax ? `${shown}, …` : shown;
}
