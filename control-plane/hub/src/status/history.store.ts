/** What ran where and when, and what happened: keyset pages, newest first. */
import type { Database } from '../platform/prisma.ts';

export interface RunRow {
  id: string;
  target_id: string;
  application_name: string;
  cluster_name: string;
  revision_number: number;
  commit: string | null;
  bundle: string;
  assignment: bigint;
  from_at: Date;
  to_at: Date | null;
  agent_at: Date | null;
}

export interface RunFilter {
  scope: { targetId: string } | { clusterId: string } | { applicationId: string; clusterId: string | null };
  /** Only what was in force then; null: all. */
  at: Date | null;
  /** Start and id of the last row of the page before. */
  after: readonly string[] | null;
  limit: number;
}

export function listRuns(database: Database, { scope, at, after, limit }: RunFilter): Promise<RunRow[]> {
  const [column, id, clusterId] = columnOf(scope);
  return database.query<RunRow>(
    `SELECT id, target_id, application_name, cluster_name, revision_number, commit, bundle, assignment, from_at, to_at, agent_at
       FROM target_runs
      WHERE ${column} = $1::uuid
        AND ($2::timestamptz IS NULL OR (from_at <= $2 AND (to_at IS NULL OR to_at > $2)))
        AND ($3::timestamptz IS NULL OR (from_at, id) < ($3, $4::uuid))
        AND ($6::uuid IS NULL OR cluster_id = $6)
      ORDER BY from_at DESC, id DESC LIMIT $5`,
    [id, at, after?.[0] ?? null, after?.[1] ?? null, limit, clusterId],
  );
}

function columnOf(scope: RunFilter['scope']): [column: string, id: string, clusterId: string | null] {
  if ('targetId' in scope) return ['target_id', scope.targetId, null];
  if ('applicationId' in scope) return ['application_id', scope.applicationId, scope.clusterId];
  return ['cluster_id', scope.clusterId, null];
}

export interface TransitionListRow {
  id: string;
  at: Date;
  agent_at: Date | null;
  target_id: string;
  application: string | null;
  cluster: string | null;
  application_id: string;
  cluster_id: string;
  kind: string;
  from: string | null;
  to: string | null;
  detail: Record<string, unknown>;
}

export interface TransitionFilter {
  scope: { targetId: string } | { applicationId: string };
  kind: string | null;
  clusterId: string | null;
  since?: string | undefined;
  until?: string | undefined;
  after: readonly string[] | null;
  limit: number;
}

export function listTransitions(database: Database, filter: TransitionFilter): Promise<TransitionListRow[]> {
  const { scope, kind, clusterId, since = null, until = null, after, limit } = filter;
  const [column, id] =
    'targetId' in scope ? ['target_id', scope.targetId] : ['application_id', scope.applicationId];
  return database.query<TransitionListRow>(
    `SELECT h.id, h.at, h.agent_at, h.target_id, h.application_id, h.cluster_id, a.name AS application,
            c.name AS cluster, h.kind, h."from", h."to", h.detail
       FROM target_transitions h
       LEFT JOIN applications a ON a.id = h.application_id
       LEFT JOIN clusters c ON c.id = h.cluster_id
      WHERE h.${column} = $1::uuid
        AND ($2::text IS NULL OR h.kind = $2)
        AND ($3::uuid IS NULL OR h.cluster_id = $3)
        AND ($4::timestamptz IS NULL OR (h.at, h.id) < ($4, $5::uuid))
        AND ($7::timestamptz IS NULL OR h.at >= $7) AND ($8::timestamptz IS NULL OR h.at <= $8)
      ORDER BY h.at DESC, h.id DESC LIMIT $6`,
    [id, kind, clusterId, after?.[0] ?? null, after?.[1] ?? null, limit, since, until],
  );
}

/** Records each health that has lasted 30 s and is not in the history yet: a flap that stayed. */
export async function settleHealth(database: Database): Promise<number> {
  const rows = await database.query(
    `WITH settled AS (
       UPDATE target_observations o SET health_recorded = o.health
         FROM target_observations before
        WHERE before.target_id = o.target_id AND o.health_recorded <> o.health
          AND o.health_since < now() - interval '30 seconds'
       RETURNING o.target_id, o.cluster_id, o.application_id, before.health_recorded AS "from", o.health AS "to",
                 o.health_since AS at, o.health_message)
     INSERT INTO target_transitions (at, target_id, cluster_id, application_id, kind, "from", "to", detail)
     SELECT at, target_id, cluster_id, application_id, 'Health', "from", "to",
            jsonb_build_object('message', health_message) FROM settled
     RETURNING 1`,
  );
  return rows.length;
}

/** Partitions of this month and the next two: the default one only catches what comes before they are made. */
export async function makePartitions(database: Database, now: Date): Promise<string[]> {
  const made: string[] = [];
  for (const ahead of [0, 1, 2]) {
    const from = monthOf(now, ahead);
    const name = `target_transitions_${from.slice(0, 4)}_${from.slice(5, 7)}`;
    const [row] = await database.query<{ exists: boolean }>('SELECT to_regclass($1) IS NOT NULL AS exists', [
      name,
    ]);
    if (row?.exists) continue;
    if (await makePartition(database, name, from, monthOf(now, ahead + 1))) made.push(name);
  }
  return made;
}

/** Rows that went into the default partition meanwhile move over: Postgres refuses a partition that they belong to. */
async function makePartition(database: Database, name: string, from: string, to: string): Promise<boolean> {
  const connection = await database.pool.connect();
  try {
    await connection.query('BEGIN');
    // Of the table: while it waits for another lock, a connection goes on believing that there is no such partition.
    await connection.query(`LOCK TABLE target_transitions IN ACCESS EXCLUSIVE MODE`);
    const { rows } = await connection.query<{ exists: boolean }>(
      'SELECT to_regclass($1) IS NOT NULL AS exists',
      [name],
    );
    if (!rows[0]?.exists) {
      await connection.query(`CREATE TABLE ${name} (LIKE target_transitions INCLUDING ALL)`);
      await connection.query(
        `WITH moved AS (DELETE FROM target_transitions_default WHERE at >= '${from}' AND at < '${to}' RETURNING *)
         INSERT INTO ${name} SELECT * FROM moved`,
      );
      await connection.query(
        `ALTER TABLE target_transitions ATTACH PARTITION ${name} FOR VALUES FROM ('${from}') TO ('${to}')`,
      );
    }
    await connection.query('COMMIT');
    return !rows[0]?.exists;
  } catch (error) {
    await connection.query('ROLLBACK');
    throw error;
  } finally {
    connection.release();
  }
}

function monthOf(now: Date, ahead: number): string {
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + ahead, 1)).toISOString();
}
