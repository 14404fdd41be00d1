/** The read side: loads rows, shows them. Nothing here changes anything. */
import { Injectable } from '@nestjs/common';
import { countsOf } from '../applications/shown.ts';
import { defaultProject } from '../applications/project.ts';
import { decodeCursor, pageOf, type Page, type PageQuery } from '../http/pages.ts';
import { notFound } from '../http/problem.ts';
import { Database } from '../platform/prisma.ts';
import * as history from './history.store.ts';
import { RolloutCounts } from './rolloutCounts.ts';
import { findRollout } from './rolloutDetail.store.ts';
import { rolloutDetailOf } from './rolloutDetail.ts';
import * as rollouts from './rollouts.store.ts';
import type * as schema from './status.schema.ts';
import { targetResourceOf } from './targetResource.ts';
import { runResourceOf, transitionResourceOf, revisionResourceOf, rolloutResourceOf } from './shown.ts';
import * as targets from './targets.store.ts';

/** Names with the project they are looked for in. */
export interface Named {
  application?: string | undefined;
  cluster?: string | undefined;
  project?: string | undefined;
}

@Injectable()
export class StatusReader {
  private readonly counts: RolloutCounts;

  constructor(private readonly database: Database) {
    this.counts = new RolloutCounts(database);
  }

  async targets(query: schema.TargetsQuery): Promise<Page<schema.TargetResource>> {
    const { applicationId, clusterId } = await this.idsOf(query);
    const { sync = null, health = null, limit, cursor } = query;
    const afterId = decodeCursor(cursor, 1)?.[0] ?? null;
    const filter = { applicationId, clusterId, sync, health, afterId, limit: limit + 1 };
    const rows = await targets.listTargets(this.database, filter);
    return pageOf(rows, limit, (row) => [row.id], targetResourceOf);
  }

  async target(id: string): Promise<schema.TargetDetail> {
    const row = await targets.findTarget(this.database, id);
    if (!row) throw notFound('target');
    const scope = { targetId: row.id };
    const [runs, recent] = await Promise.all([
      history.listRuns(this.database, { scope, at: null, after: null, limit: 20 }),
      history.listTransitions(this.database, { scope, kind: null, clusterId: null, after: null, limit: 50 }),
    ]);
    return {
      ...targetResourceOf(row),
      resources: row.resources ?? [],
      counts: row.counts,
      flaps: row.flaps ?? 0,
      runs: runs.map(runResourceOf),
      recent: recent.map(transitionResourceOf),
    };
  }

  runsOfTarget(id: string, query: schema.RunsQuery): Promise<Page<schema.RunResource>> {
    return this.runs({ targetId: id }, query);
  }

  async runsOfCluster(cluster: string, query: schema.RunsQuery): Promise<Page<schema.RunResource>> {
    const { clusterId } = await this.idsOf({ cluster });
    return this.runs({ clusterId: clusterId ?? '' }, query);
  }

  async runsOfApplication(
    application: string,
    query: schema.ApplicationRunsQuery,
  ): Promise<Page<schema.RunResource>> {
    const { applicationId, clusterId } = await this.idsOf({ ...query, application });
    return this.runs({ applicationId: applicationId ?? '', clusterId }, query);
  }

  async transitions(
    application: string,
    query: schema.TransitionsQuery,
  ): Promise<Page<schema.TransitionResource>> {
    const { limit, kind = null, since, until } = query;
    const { applicationId, clusterId } = await this.idsOf({ ...query, application });
    const after = decodeCursor(query.cursor, 2);
    const scope = { applicationId: applicationId ?? '' };
    const filter = { scope, kind, clusterId, since, until, after, limit: limit + 1 };
    const rows = await history.listTransitions(this.database, filter);
    return pageOf(rows, limit, (row) => [row.at.toISOString(), row.id], transitionResourceOf);
  }

  async revisions(application: string, query: PageQuery & Named): Promise<Page<schema.RevisionResource>> {
    const { applicationId } = await this.idsOf({ application, project: query.project });
    const cursor = decodeCursor(query.cursor, 1)?.[0];
    const below = cursor === undefined ? null : Number(cursor);
    const filter = { applicationId: applicationId ?? '', below, limit: query.limit + 1 };
    const rows = await rollouts.listRevisions(this.database, filter);
    return pageOf(rows, query.limit, (row) => [row.number], revisionResourceOf);
  }

  async rollouts(application: string, query: schema.RolloutsQuery): Promise<Page<schema.RolloutResource>> {
    const { applicationId } = await this.idsOf({ application, project: query.project });
    const after = decodeCursor(query.cursor, 2);
    const { stage = null, limit } = query;
    const filter = { applicationId: applicationId ?? '', stage, after, limit: limit + 1 };
    const rows = await rollouts.listRollouts(this.database, filter);
    return pageOf(rows, query.limit, (row) => [row.created_at.toISOString(), row.id], rolloutResourceOf);
  }

  async rollout(id: string, query: schema.RolloutQuery): Promise<schema.RolloutDetail> {
    const row = await findRollout(this.database, id);
    if (!row) throw notFound('rollout');
    const [counted, events] = await Promise.all([
      this.counts.at(row.id, row.rolloutVersion),
      rollouts.listRolloutEvents(this.database, {
        rolloutId: row.id,
        withOutcomes: query.outcomes === 'true',
        limit: query.events,
      }),
    ]);
    return rolloutDetailOf({ row, ...counted, events });
  }

  async fleet(): Promise<schema.FleetResource> {
    const row = await rollouts.readFleet(this.database);
    const clusters = row.clusters ?? [];
    return {
      clusters: {
        total: clusters.reduce((sum, { n }) => sum + n, 0),
        states: sumBy(clusters, ({ state }) => state),
        connections: sumBy(clusters, ({ connection }) => connection),
      },
      applications: { total: Number(row.applications) },
      targets: countsOf(row.counts ?? {}),
      rollouts: row.rollouts ?? {},
    };
  }

  private async runs(
    scope: history.RunFilter['scope'],
    query: schema.RunsQuery,
  ): Promise<Page<schema.RunResource>> {
    const at = query.at === undefined ? null : new Date(query.at);
    const after = decodeCursor(query.cursor, 2);
    const rows = await history.listRuns(this.database, { scope, at, after, limit: query.limit + 1 });
    return pageOf(rows, query.limit, (row) => [row.from_at.toISOString(), row.id], runResourceOf);
  }

  /** Null where nothing was named. @throws Problem for a name that is nobody's */
  async idsOf(named: Named): Promise<{ applicationId: string | null; clusterId: string | null }> {
    const { application, cluster, project = defaultProject } = named;
    const [applicationId, clusterId] = await Promise.all([
      application === undefined ? null : targets.findApplicationId(this.database, application, project),
      cluster === undefined ? null : targets.findClusterId(this.database, cluster),
    ]);
    if (application !== undefined && applicationId === null) throw notFound('application');
    if (cluster !== undefined && clusterId === null) throw notFound('cluster');
    return { applicationId, clusterId };
  }
}

function sumBy<T extends { n: number }>(rows: readonly T[], key: (row: T) => string): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const row of rows) sums[key(row)] = (sums[key(row)] ?? 0) + row.n;
  return sums;
}
