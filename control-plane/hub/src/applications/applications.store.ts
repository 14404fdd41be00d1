/** Rows of applications: read with everything a screen shows, written with their sources. */
import type { NamedStrategies } from '@flotilla/domain/rollout/namedStrategy';
import type { Database } from '../platform/prisma.ts';
import type { HubTransaction, Sql } from '../platform/transaction.ts';
import type { RemovalMode } from './application.ts';
import { isUuid } from '../platform/uuid.ts';
import { joinSync, type PendingSync } from './joinSync.ts';
import { fetchedPath, refText, type ApplicationSpec } from './spec.ts';

export interface ApplicationRow {
  id: string;
  project_id: string;
  project: string;
  name: string;
  spec: ApplicationSpec;
  version: number;
  revision_number: number;
  conditions: { type: string; message: string }[];
  removal: RemovalMode | null;
  created_at: Date;
  updated_at: Date;
  counts: Record<string, number> | null;
  revision: {
    state: string;
    sources: { commit: string }[];
    meta: { message?: string; author?: string };
  } | null;
  rollout: {
    id: string;
    revision_number: number;
    kind: string;
    phase: string;
    phase_reason: string | null;
  } | null;
  /** Of the newest completed forward rollout; null before the first. */
  completed_revision: number | null;
}

const selectSql = `
  SELECT a.id, a.project_id, p.name AS project, a.name, a.spec, a.version, a.revision_number, a.conditions, a.removal,
         a.created_at, a.updated_at, k.counts,
         CASE WHEN r.id IS NULL THEN NULL
              ELSE jsonb_build_object('state', r.state, 'sources', r.sources, 'meta', r.meta) END AS revision,
         to_jsonb(o.*) AS rollout, done.revision_number AS completed_revision
    FROM applications a
    JOIN projects p ON p.id = a.project_id
    LEFT JOIN application_counters k ON k.application_id = a.id
    LEFT JOIN revisions r ON r.application_id = a.id AND r.number = a.revision_number
    LEFT JOIN LATERAL (
      SELECT x.id, x.stage, x.revision_number, x.kind, x.phase, x.phase_reason FROM rollouts x
       WHERE x.application_id = a.id AND x.phase IN ('Running', 'Paused', 'AwaitingSync', 'Queued')
       ORDER BY x.phase IN ('Running', 'Paused') DESC, x.created_at DESC LIMIT 1) o ON true
    LEFT JOIN LATERAL (
      SELECT x.revision_number FROM rollouts x
       WHERE x.application_id = a.id AND x.phase = 'Completed' AND x.kind = 'forward' AND x.stage = coalesce(o.stage, x.stage)
       ORDER BY x.created_at DESC LIMIT 1) done ON true`;

/** By id, or by name in a project. */
export async function findApplication(
  db: Sql,
  nameOrId: string,
  project: string,
): Promise<ApplicationRow | null> {
  const byId = isUuid(nameOrId);
  const rows = await db.sql<ApplicationRow>(
    `${selectSql} WHERE ${byId ? 'a.id = $1' : 'a.name = $1 AND (p.name = $2 OR p.id::text = $2)'}`,
    byId ? [nameOrId] : [nameOrId, project],
  );
  return rows[0] ?? null;
}

export interface ApplicationFilter {
  project: string | null;
  health: string | null;
  /** Name and id of the last row of the page before. */
  after: readonly string[] | null;
  limit: number;
}

export function listApplications(database: Database, filter: ApplicationFilter): Promise<ApplicationRow[]> {
  const { project, health, after, limit } = filter;
  const params: unknown[] = [limit];
  const where: string[] = [];
  const param = (value: unknown) => `$${params.push(value)}`;
  if (project !== null) {
    const at = param(project);
    where.push(`(p.name = ${at} OR p.id::text = ${at})`);
  }
  if (health !== null)
    where.push(
      `EXISTS (SELECT 1 FROM jsonb_object_keys(k.counts) key WHERE key LIKE '%/' || ${param(health)})`,
    );
  if (after !== null) where.push(`(a.name, a.id) > (${param(after[0])}, ${param(after[1])}::uuid)`);
  const condition = where.length === 0 ? '' : `WHERE ${where.join(' AND ')}`;
  return database.query<ApplicationRow>(`${selectSql} ${condition} ORDER BY a.name, a.id LIMIT $1`, params);
}

/** Null: it is gone. Held until the transaction ends: first in the order of locks. */
export async function lockApplication(
  tx: Sql,
  id: string,
): Promise<{ version: number; spec: ApplicationSpec; removal: RemovalMode | null } | null> {
  const rows = await tx.sql<{ version: number; spec: ApplicationSpec; removal: RemovalMode | null }>(
    'SELECT version, spec, removal FROM applications WHERE id = $1 FOR UPDATE',
    [id],
  );
  return rows[0] ?? null;
}

/** Null: the name is taken in this project. */
export async function insertApplication(
  tx: Sql,
  row: { projectId: string; name: string; spec: ApplicationSpec },
): Promise<string | null> {
  const rows = await tx.sql<{ id: string }>(
    `INSERT INTO applications (project_id, name, spec, requested_seq) VALUES ($1, $2, $3, 1)
     ON CONFLICT (project_id, name) DO NOTHING RETURNING id`,
    [row.projectId, row.name, JSON.stringify(row.spec)],
  );
  return rows[0]?.id ?? null;
}

export async function updateSpec(tx: Sql, id: string, spec: ApplicationSpec): Promise<void> {
  await tx.sql(
    `UPDATE applications SET spec = $2, version = version + 1, requested_seq = requested_seq + 1, updated_at = now()
      WHERE id = $1`,
    [id, JSON.stringify(spec)],
  );
}

/** "Who uses this repository", and what polling reads: rewritten with the spec, in the same transaction. */
export async function replaceSources(
  tx: Sql,
  applicationId: string,
  spec: ApplicationSpec,
  repositoryIds: readonly string[],
): Promise<void> {
  await tx.sql('DELETE FROM application_sources WHERE application_id = $1', [applicationId]);
  await tx.sql(
    `INSERT INTO application_sources (application_id, position, repository_id, ref, path)
     SELECT $1, n - 1, r, ref, path FROM unnest($2::uuid[], $3::text[], $4::text[]) WITH ORDINALITY AS s(r, ref, path, n)`,
    [
      applicationId,
      repositoryIds,
      spec.sources.map((source) => refText(source.ref)),
      spec.sources.map(fetchedPath),
    ],
  );
}

/** A ref that nobody used before must be looked at: asks for a poll, as a webhook would. */
export async function requestPolls(tx: HubTransaction, repositoryIds: readonly string[]): Promise<void> {
  const ids = [...new Set(repositoryIds)].toSorted();
  await tx.sql('UPDATE repositories SET requested_seq = requested_seq + 1 WHERE id = ANY($1::uuid[])', [ids]);
  for (const id of ids) tx.hint('repository', id);
}

/** Id by name and id of the repositories of a project that were asked for. */
export async function findRepositories(
  tx: Sql,
  projectId: string,
  namesOrIds: readonly string[],
): Promise<Map<string, string>> {
  const rows = await tx.sql<{ id: string; name: string }>(
    'SELECT id, name FROM repositories WHERE project_id = $1 AND (name = ANY($2::text[]) OR id::text = ANY($2::text[]))',
    [projectId, namesOrIds],
  );
  return new Map(rows.flatMap(({ id, name }) => [[id, id] as const, [name, id] as const]));
}

export async function setRemoval(tx: Sql, id: string, mode: RemovalMode): Promise<void> {
  await tx.sql('UPDATE applications SET removal = $2, updated_at = now() WHERE id = $1', [id, mode]);
}

/** Those that the project names, as they stay until the transaction ends. */
export async function lockStrategies(tx: Sql, projectId: string): Promise<NamedStrategies> {
  const [row] = await tx.sql<{ strategies: NamedStrategies | null }>(
    `SELECT spec->'strategies' AS strategies FROM projects WHERE id = $1::uuid FOR SHARE`,
    [projectId],
  );
  return row?.strategies ?? {};
}

/** `dependsOn` of every application of a project, by name. */
export async function readDependencies(tx: Sql, projectId: string): Promise<Map<string, string[]>> {
  const rows = await tx.sql<{ name: string; depends_on: string[] | null }>(
    `SELECT name, spec->'dependsOn' AS depends_on FROM applications WHERE project_id = $1`,
    [projectId],
  );
  return new Map(rows.map((row) => [row.name, row.depends_on ?? []]));
}

export interface SyncTarget {
  clusterId: string;
  clusterName: string;
  revisionNumber: number | null;
}

export async function readSyncTargets(tx: Sql, applicationId: string): Promise<SyncTarget[]> {
  return tx.sql<SyncTarget>(
    `SELECT c.id AS "clusterId", c.name AS "clusterName", t.revision_number AS "revisionNumber"
       FROM targets t JOIN clusters c ON c.id = t.cluster_id WHERE t.application_id = $1 AND t.state <> 'Removing'`,
    [applicationId],
  );
}

/** Revision of the newest rollout that waits for a person in the stages of these clusters; `clusters` null: in any. */
export async function readWaiting(
  tx: Sql,
  applicationId: string,
  clusters: readonly string[] | null,
): Promise<number | null> {
  const [row] = await tx.sql<{ number: number | null }>(
    `SELECT max(r.revision_number) AS number FROM rollouts r WHERE r.application_id = $1::uuid AND r.phase = 'AwaitingSync'
       AND ($2::uuid[] IS NULL OR r.stage IN (SELECT stage FROM targets WHERE application_id = $1::uuid AND cluster_id = ANY($2::uuid[])))`,
    [applicationId, clusters],
  );
  return row?.number ?? null;
}

/** The caller holds the application's lock, as the tick does that answers it. */
export async function addSyncRequest(tx: Sql, id: string, asked: PendingSync): Promise<void> {
  const [row] = await tx.sql<{ pending: PendingSync | null }>(
    'SELECT sync_request AS pending FROM applications WHERE id = $1',
    [id],
  );
  const request = joinSync(row?.pending ?? null, asked);
  await tx.sql('UPDATE applications SET sync_request = $2 WHERE id = $1', [id, JSON.stringify(request)]);
}
