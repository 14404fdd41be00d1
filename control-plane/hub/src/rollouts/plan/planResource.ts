/** From rows to the plan that the API shows: grouped, judged, said in a sentence. */
import { groupFleet, type GroupedFleet } from '@flotilla/domain/plan/group';
import { noCounts } from '@flotilla/domain/plan/plan';
import { summaryOf } from '@flotilla/domain/plan/summary';
import { verdictOfFleet } from '@flotilla/domain/plan/verdict';
import type { PlanResource, PlanResultResource, PlanSummary } from './plan.schema.ts';
import type { PartRow, PlanRow, ResultRow } from './plan.store.ts';

const groupsMax = 50;

export function planResourceOf(row: PlanRow, parts: readonly PartRow[]): PlanResource {
  const fleet = groupFleet(parts);
  const counts = new Map(parts.map((part) => [part.digest, part.counts]));
  const targets = parts.reduce((sum, { clusters }) => sum + clusters, 0);
  const { id, application, project, revision, phase, error, bundle, objects, createdBy } = row;
  return {
    id,
    application,
    project,
    revision,
    phase,
    error,
    bundle,
    objects,
    createdBy,
    commit: row.sources.find(({ repository }) => repository === row.repositoryId)?.commit ?? null,
    message: row.meta.message ?? '',
    author: row.meta.author ?? '',
    ...wordsOf(row, fleet),
    targets,
    answered: targets - fleet.tally.waiting,
    tally: fleet.tally,
    groups: fleet.groups
      .slice(0, groupsMax)
      .map((group) => ({ ...group, counts: counts.get(group.digest) ?? noCounts() })),
    groupsOmitted: Math.max(0, fleet.groups.length - groupsMax),
    createdAt: row.createdAt.toISOString(),
    finishedAt: row.finishedAt?.toISOString() ?? null,
  };
}

export function planSummaryOf(row: PlanRow, parts: readonly PartRow[]): PlanSummary {
  const { groups: _groups, groupsOmitted: _omitted, ...summary } = planResourceOf(row, parts);
  return summary;
}

/** What does not resolve or render would fail everywhere. */
function wordsOf({ phase, error }: PlanRow, fleet: GroupedFleet): Pick<PlanResource, 'verdict' | 'summary'> {
  switch (phase) {
    case 'Rendering':
      return { verdict: null, summary: 'rendering' };
    case 'Failed':
      return { verdict: 'failing', summary: error ?? 'it failed' };
    case 'Asking':
      return { verdict: 'incomplete', summary: summaryOf(fleet) };
    case 'Done':
      return { verdict: verdictOfFleet(fleet.tally), summary: summaryOf(fleet) };
  }
}

export function planResultOf({
  cluster,
  clusterId,
  state,
  verdict,
  digest,
  counts,
  message,
  answeredAt,
}: ResultRow): PlanResultResource {
  return {
    cluster,
    clusterId,
    state,
    verdict,
    digest,
    counts,
    message,
    answeredAt: answeredAt?.toISOString() ?? null,
  };
}
