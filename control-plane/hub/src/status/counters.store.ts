/**
 * The maintained counters: targets by shown status, per application, per cluster and of the fleet. `target_counts` holds the key
 * under which each target is counted now; a recount moves the counters by the difference, so that it may run as
 * often as anyone likes and after any change: a report, an assignment, a session, a removal. The shown key is
 * `summarize` of domain/status written in SQL; a test holds the two together.
 */
import type { Sql } from '../platform/transaction.ts';

/** A live session has been heard of within this time; after it a cluster is Offline. */
export const offlineAfterMs = 90_000;

/** SQL on alias `c` (clusters): a session of this cluster is live. */
export const clusterLiveSql = `(c.state <> 'Revoked' AND c.last_seen_at > now() - interval '${offlineAfterMs} milliseconds')`;

/** SQL on aliases `c` and `o` (target_observations): what is stored was reported or confirmed by the live session. */
export const believedSql = `(o.target_id IS NOT NULL AND ${clusterLiveSql} AND (o.fence = c.fence OR c.confirmed_fence = c.fence))`;

/** SQL on aliases `t`, `c`, `o`: the sync that is shown. */
export const shownSyncSql = `CASE
  WHEN t.assignment = 0 OR ${believedSql} IS NOT TRUE THEN 'Unknown'
  WHEN o.assignment <> t.assignment THEN 'OutOfSync'
  ELSE o.sync END`;

/** SQL on aliases `t`, `c`, `o`: the health that is shown. A report about an older assignment can only look worse. */
export const shownHealthSql = `CASE
  WHEN t.assignment = 0 OR ${believedSql} IS NOT TRUE THEN 'Unknown'
  WHEN o.assignment <> t.assignment AND o.health IN ('Healthy', 'Suspended') THEN 'Progressing'
  ELSE o.health END`;

const shownKeySql = `(${shownSyncSql}) || '/' || (${shownHealthSql})`;

const joined = `targets t JOIN clusters c ON c.id = t.cluster_id LEFT JOIN target_observations o ON o.target_id = t.id`;

const movedSql = `
  SELECT ids.id AS target_id,
         coalesce(n.application_id, t.application_id) AS application_id,
         coalesce(n.cluster_id, t.cluster_id) AS cluster_id,
         n.key AS old_key,
         CASE WHEN t.id IS NULL THEN NULL ELSE ${shownKeySql} END AS new_key
    FROM unnest($1::uuid[]) AS ids(id)
    LEFT JOIN targets t ON t.id = ids.id
    LEFT JOIN clusters c ON c.id = t.cluster_id
    LEFT JOIN target_observations o ON o.target_id = t.id
    LEFT JOIN target_counts n ON n.target_id = ids.id
   WHERE n.key IS DISTINCT FROM CASE WHEN t.id IS NULL THEN NULL ELSE ${shownKeySql} END`;

/** Adds two `{key: count}` objects, without zeroes. */
function addedCountsSql(table: string): string {
  return `(SELECT coalesce(jsonb_object_agg(sums.key, sums.n) FILTER (WHERE sums.n <> 0), '{}')
             FROM (SELECT key, sum(value::int) AS n
                     FROM (SELECT * FROM jsonb_each_text(${table}.counts)
                           UNION ALL SELECT * FROM jsonb_each_text(excluded.counts)) both_sides
                    GROUP BY key) sums)`;
}

function applySql(table: string, id: string, owner: string): string {
  return `
    INSERT INTO ${table} (${id}, counts, targets)
    SELECT ${id}, jsonb_object_agg(key, by), sum(by)
      FROM (SELECT ${id}, key, sum(by)::int AS by FROM deltas GROUP BY ${id}, key) d
     WHERE EXISTS (SELECT 1 FROM ${owner} WHERE ${owner}.id = d.${id})
     GROUP BY ${id}
    ON CONFLICT (${id}) DO UPDATE
       SET counts = ${addedCountsSql(table)}, targets = ${table}.targets + excluded.targets`;
}

const recountSql = `
  WITH moved AS MATERIALIZED (${movedSql}),
  gone AS (DELETE FROM target_counts WHERE target_id IN (SELECT target_id FROM moved WHERE new_key IS NULL)),
  kept AS (
    INSERT INTO target_counts (target_id, application_id, cluster_id, key)
    SELECT target_id, application_id, cluster_id, new_key FROM moved WHERE new_key IS NOT NULL
    ON CONFLICT (target_id) DO UPDATE SET key = excluded.key),
  deltas AS (
    SELECT application_id, cluster_id, old_key AS key, -1 AS by FROM moved WHERE old_key IS NOT NULL
    UNION ALL
    SELECT application_id, cluster_id, new_key, 1 FROM moved WHERE new_key IS NOT NULL),
  applications_moved AS (${applySql('application_counters', 'application_id', 'applications')}),
  clusters_moved AS (${applySql('cluster_counters', 'cluster_id', 'clusters')}),
  fleet_moved AS (
    INSERT INTO fleet_counters (key, targets)
    SELECT key, sum(by) FROM deltas GROUP BY key HAVING sum(by) <> 0
    ON CONFLICT (key) DO UPDATE SET targets = fleet_counters.targets + excluded.targets)
  SELECT DISTINCT application_id FROM moved`;

/**
 * Moves the counters of these targets to what is shown of them now; returns the applications that moved.
 * Recounts follow one another: the counters of a big application are one row that all of them want.
 */
export async function recount(tx: Sql, targetIds: readonly string[]): Promise<string[]> {
  if (targetIds.length === 0) return [];
  const moved = await tx.sql<{ target_id: string }>(`SELECT target_id FROM (${movedSql}) m`, [targetIds]);
  if (moved.length === 0) return [];
  await tx.sql(`SELECT pg_advisory_xact_lock(hashtext('flotilla.counters'))`);
  const ids = moved.map((row) => row.target_id);
  const rows = await tx.sql<{ application_id: string }>(recountSql, [ids]);
  return rows.map((row) => row.application_id);
}

/** Targets that are counted as something else than they are: the scan that makes a lost hint cost seconds. */
export async function findMiscounted(db: Sql, limit: number): Promise<string[]> {
  const rows = await db.sql<{ id: string }>(
    `SELECT t.id FROM ${joined} LEFT JOIN target_counts n ON n.target_id = t.id
      WHERE n.key IS DISTINCT FROM ${shownKeySql}
     UNION ALL
     SELECT n.target_id FROM target_counts n WHERE NOT EXISTS (SELECT 1 FROM targets t WHERE t.id = n.target_id)
     LIMIT $1`,
    [limit],
  );
  return rows.map((row) => row.id);
}

/** The same for clusters that a hint named, or whose session ended without anyone writing a row. */
export async function findMiscountedOf(
  db: Sql,
  scope: { clusterIds: readonly string[]; applicationIds: readonly string[] },
): Promise<string[]> {
  const rows = await db.sql<{ id: string }>(
    `SELECT t.id FROM ${joined} LEFT JOIN target_counts n ON n.target_id = t.id
      WHERE (t.cluster_id = ANY($1::uuid[]) OR t.application_id = ANY($2::uuid[]))
        AND n.key IS DISTINCT FROM ${shownKeySql}
     UNION
     SELECT n.target_id FROM target_counts n
      WHERE (n.cluster_id = ANY($1::uuid[]) OR n.application_id = ANY($2::uuid[]))
        AND NOT EXISTS (SELECT 1 FROM targets t WHERE t.id = n.target_id)
     UNION
     SELECT n.target_id FROM clusters c JOIN target_counts n ON n.cluster_id = c.id
      WHERE ${clusterLiveSql} IS NOT TRUE AND n.key <> 'Unknown/Unknown'`,
    [scope.clusterIds, scope.applicationIds],
  );
  return rows.map((row) => row.id);
}
