/** What a worker looks at to find applications that have something to do. */
import type { Database } from '../platform/prisma.ts';

export interface ClusterMark {
  id: string;
  projectId: string;
  /** Of what placement reads. */
  placement: string;
  /** Of what decides whether a target can be reached and believed. */
  presence: string;
}

/** All clusters, or those named. */
export function readClusterMarks(database: Database, ids: readonly string[] | null): Promise<ClusterMark[]> {
  return database.query<ClusterMark>(
    `SELECT id, project_id AS "projectId", md5(name || state || labels::text) AS placement,
       concat_ws('/', state, connected_at IS NOT NULL, last_seen_at > now() - interval '90 seconds', fence, confirmed_fence) AS presence
     FROM clusters WHERE $1::uuid[] IS NULL OR id = ANY($1::uuid[])`,
    [ids],
  );
}

export interface ApplicationMark {
  id: string;
  mark: string;
}

export function readApplicationMarks(database: Database): Promise<ApplicationMark[]> {
  return database.query<ApplicationMark>(
    `SELECT a.id, concat_ws('/', a.version, p.version, a.removal, a.leave_confirmed_at) AS mark
     FROM applications a JOIN projects p ON p.id = a.project_id`,
  );
}

export async function readApplicationsIn(
  database: Database,
  projectIds: readonly string[],
): Promise<string[]> {
  const rows = await database.query<{ id: string }>(
    'SELECT id FROM applications WHERE project_id = ANY($1::uuid[])',
    [projectIds],
  );
  return rows.map(({ id }) => id);
}

export async function readApplicationsOn(
  database: Database,
  clusterIds: readonly string[],
): Promise<string[]> {
  const rows = await database.query<{ id: string }>(
    'SELECT DISTINCT application_id AS id FROM targets WHERE cluster_id = ANY($1::uuid[])',
    [clusterIds],
  );
  return rows.map(({ id }) => id);
}

/** Something was asked for, or is under way. */
export async function readBusyApplications(database: Database): Promise<string[]> {
  const rows = await database.query<{ id: string }>(
    `SELECT id FROM applications WHERE sync_request IS NOT NULL OR removal IS NOT NULL
       OR jsonb_path_exists(rollout_state, '$.stages[*].soaking.revision')
     UNION SELECT application_id FROM rollouts WHERE phase IN ('Running', 'Paused', 'Queued')
     UNION SELECT a.id FROM applications a JOIN revisions v ON v.application_id = a.id AND v.number = a.revision_number
       WHERE v.state = 'Ready' AND NOT EXISTS (
         SELECT 1 FROM rollouts r WHERE r.application_id = a.id AND r.kind = 'forward' AND r.revision_number >= v.number)`,
  );
  return rows.map(({ id }) => id);
}

/** Targets outside any rollout that are not where they belong, are under way there, or are on their way out. */
export async function readMisplaced(database: Database): Promise<{ id: string; isLeaving: boolean }[]> {
  return database.query<{ id: string; isLeaving: boolean }>(
    `SELECT application_id AS id, bool_or(leaving_since IS NOT NULL OR state = 'Removing') AS "isLeaving" FROM targets
     WHERE leaving_since IS NOT NULL OR state = 'Removing'
       OR (entitled_revision IS NOT NULL AND (state = 'Unassigned' OR revision_number IS DISTINCT FROM entitled_revision))
       OR rollout_state->'lane'->>'outcome' IN ('Pending', 'Assigned', 'Progressing', 'Soaking')
     GROUP BY application_id`,
  );
}

/** When agents were last served: the newest heartbeat of a replica with that role, or word of an agent. */
export async function readLastServed(database: Database): Promise<{ lastMs: number | null; nowMs: number }> {
  const [row] = await database.query<{ last: Date | null; now: Date }>(
    `SELECT greatest((SELECT max(heartbeat_at) FROM replicas WHERE 'agents' = ANY(roles)),
       (SELECT max(last_seen_at) FROM clusters)) AS last, clock_timestamp() AS now`,
  );
  return { lastMs: row?.last?.getTime() ?? null, nowMs: row?.now.getTime() ?? 0 };
}
