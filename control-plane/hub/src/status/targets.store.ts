/** Targets as they are shown: assigned, observed, and what their rollouts say, in one read. */
import type { Condition, HealthStatus, OperationPhase, SyncStatus } from '@flotilla/domain/status/words';
import type { ObservedResource, ObservedState } from '@flotilla/domain/status/observed';
import type { Database } from '../platform/prisma.ts';
import { believedSql, shownHealthSql, shownSyncSql } from './counters.store.ts';

export interface TargetRow {
  id: string;
  application_id: string;
  application: string;
  project: string;
  cluster_id: string;
  cluster: string;
  cluster_state: string;
  stage: string;
  /** Why its agent is not let in; null: it is, or a person paused the cluster. */
  agent_refused: string | null;
  /** Why the agent does not take an entry that is newer than what it accepted; null: it has taken it, or did not refuse. */
  refused: string | null;
  last_seen_at: Date | null;
  state: 'Unassigned' | 'Active' | 'Suspended' | 'Removing';
  removal: 'delete' | 'orphan' | 'detach' | null;
  assignment: bigint;
  revision_number: number | null;
  /** Assigned. */
  bundle: string | null;
  /** Of the assigned variant; null: none is assigned. */
  reads: Record<string, string | null> | null;
  /** Why what belongs there does not render for its cluster; null: it does. */
  render_error: string | null;
  pinned_revision: number | null;
  pin_reason: string | null;
  leaving_since: Date | null;
  leaving_held: boolean;
  believed: boolean;
  observed_assignment: bigint | null;
  observed_revision: number;
  observed_bundle: string;
  observed_sync: SyncStatus;
  observed_health: HealthStatus;
  health_message: string;
  operation_phase: OperationPhase | null;
  operation_message: string;
  operation_assignment: number | null;
  conditions: Condition[] | null;
  /** What stands in the way of a newer revision of its application. */
  application_conditions: { type: string; message: string }[];
  changed_at: Date | null;
  flaps: number | null;
  /** That its stage, or the application without any, may have. */
  newest_revision: number | null;
  rollout: { phase: string; kind: string } | null;
}

export interface TargetDetailRow extends TargetRow {
  resources: ObservedResource[] | null;
  counts: ObservedState['counts'] | null;
}

const columns = `
  t.id, t.application_id, a.name AS application, p.name AS project, t.cluster_id, c.name AS cluster, t.stage,
  c.state AS cluster_state, CASE WHEN c.state <> 'Paused' THEN c.state_reason END AS agent_refused,
  CASE WHEN t.generation > c.accepted_generation THEN c.nack_reason END AS refused, c.last_seen_at, t.state, t.removal, t.assignment, t.revision_number, t.bundle, v.reads,
  CASE WHEN t.rollout_state->'lane'->>'reason' = 'render' THEN t.rollout_state->'lane'->>'message'
    ELSE rt.state->>'message' END AS render_error, t.pinned_revision,
  t.pin_reason, t.leaving_since, t.leaving_held, ${believedSql} IS TRUE AS believed,
  o.assignment AS observed_assignment, o.revision_number AS observed_revision, o.bundle AS observed_bundle,
  o.sync AS observed_sync, o.health AS observed_health, o.health_message, o.operation_phase, o.operation_message,
  (o.state->'operation'->>'assignment')::float8 AS operation_assignment, o.state->'conditions' AS conditions,
  a.conditions AS application_conditions, o.changed_at, o.flaps, newest.number AS newest_revision, to_jsonb(ro.*) AS rollout`;

/** Behind `targets t`, which comes first: Postgres reorders eight tables at most, and keeps the order in which more are written. */
const joins = `
  JOIN applications a ON a.id = t.application_id
  JOIN projects p ON p.id = a.project_id
  JOIN clusters c ON c.id = t.cluster_id
  LEFT JOIN target_observations o ON o.target_id = t.id
  LEFT JOIN LATERAL (SELECT r.number FROM revisions r WHERE r.application_id = t.application_id AND r.state = 'Ready'
                        AND (t.stage = '' OR r.number <= (SELECT max(s.revision_number) FROM rollouts s
                          WHERE s.application_id = t.application_id AND s.stage = t.stage AND s.kind = 'forward'))
                      ORDER BY r.number DESC LIMIT 1) newest ON true
  LEFT JOIN variants v ON v.id = t.variant_id
  LEFT JOIN LATERAL (SELECT x.id, x.phase, x.kind FROM rollouts x
                      WHERE x.application_id = t.application_id AND x.stage = t.stage AND x.phase IN ('Running', 'Paused', 'AwaitingSync', 'Queued')
                      ORDER BY x.phase IN ('Running', 'Paused') DESC LIMIT 1) ro ON true
  LEFT JOIN LATERAL (
    SELECT y.state FROM rollout_targets y WHERE y.rollout_id = ro.id AND y.target_id = t.id AND y.reason = 'render'
    UNION ALL
    SELECT k.state FROM rollout_packs k WHERE k.rollout_id = ro.id AND k.reason = 'render' AND t.id = ANY(k.targets)
      AND NOT EXISTS (SELECT 1 FROM rollout_targets y WHERE y.rollout_id = ro.id AND y.target_id = t.id)) rt ON true`;

export interface TargetFilter {
  applicationId: string | null;
  clusterId: string | null;
  sync: SyncStatus | null;
  health: HealthStatus | null;
  afterId: string | null;
  limit: number;
}

const syncs: readonly SyncStatus[] = ['Synced', 'OutOfSync', 'Unknown'];
const healths: readonly HealthStatus[] = [
  'Healthy',
  'Suspended',
  'Progressing',
  'Missing',
  'Degraded',
  'Unknown',
];

/**
 * The rows of the page first, then everything that is shown of them. A filter by status finds its rows by the counted
 * key, and keeps those that are so now.
 */
export function listTargets(database: Database, filter: TargetFilter): Promise<TargetRow[]> {
  const params: unknown[] = [filter.limit];
  const param = (value: unknown) => `$${params.push(value)}`;
  const where: string[] = [];
  let from = 'targets t';
  if (filter.applicationId !== null) where.push(`t.application_id = ${param(filter.applicationId)}::uuid`);
  if (filter.clusterId !== null) where.push(`t.cluster_id = ${param(filter.clusterId)}::uuid`);
  if (filter.afterId !== null) where.push(`t.id > ${param(filter.afterId)}::uuid`);
  if (filter.sync !== null || filter.health !== null) {
    from += ` JOIN target_counts n ON n.target_id = t.id JOIN clusters c ON c.id = t.cluster_id
              LEFT JOIN target_observations o ON o.target_id = t.id`;
    where.push(`n.key = ANY(${param(keysOf(filter))}::text[])`);
  }
  if (filter.sync !== null) where.push(`(${shownSyncSql}) = ${param(filter.sync)}`);
  if (filter.health !== null) where.push(`(${shownHealthSql}) = ${param(filter.health)}`);
  const condition = where.length === 0 ? '' : `WHERE ${where.join(' AND ')}`;
  const page = `SELECT t.id FROM ${from} ${condition} ORDER BY t.id LIMIT $1`;
  return database.query<TargetRow>(
    `WITH page AS MATERIALIZED (${page}) SELECT ${columns} FROM page JOIN targets t ON t.id = page.id ${joins} ORDER BY t.id`,
    params,
  );
}

function keysOf(filter: TargetFilter): string[] {
  const wantedSyncs = filter.sync === null ? syncs : [filter.sync];
  const wantedHealths = filter.health === null ? healths : [filter.health];
  return wantedSyncs.flatMap((sync) => wantedHealths.map((health) => `${sync}/${health}`));
}

export async function findTarget(database: Database, id: string): Promise<TargetDetailRow | null> {
  const rows = await database.query<TargetDetailRow>(
    `SELECT ${columns}, o.state->'resources' AS resources, o.state->'counts' AS counts FROM targets t ${joins} WHERE t.id = $1::uuid`,
    [id],
  );
  return rows[0] ?? null;
}

/** By name or id; null: there is none. */
export async function findClusterId(database: Database, nameOrId: string): Promise<string | null> {
  const rows = await database.query<{ id: string }>(
    'SELECT id FROM clusters WHERE name = $1 OR id::text = $1 LIMIT 1',
    [nameOrId],
  );
  return rows[0]?.id ?? null;
}

/** By id, or by name in a project; null: there is none. */
export async function findApplicationId(
  database: Database,
  nameOrId: string,
  project: string,
): Promise<string | null> {
  const rows = await database.query<{ id: string }>(
    `SELECT a.id FROM applications a JOIN projects p ON p.id = a.project_id
      WHERE a.id::text = $1 OR (a.name = $1 AND (p.name = $2 OR p.id::text = $2)) LIMIT 1`,
    [nameOrId, project],
  );
  return rows[0]?.id ?? null;
}
