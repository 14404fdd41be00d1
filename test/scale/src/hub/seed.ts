/**
 * Rows that no program wrote, for sizes that would take hours to come by. Only for rows of the bench that measure what the
 * hub does with many; triggers of foreign keys are off meanwhile, since every row is made from its parents.
 */
import type { World } from './world.ts';

export async function unchecked(world: World, statements: readonly [string, unknown[]?][]): Promise<void> {
  const client = await world.pool.connect();
  try {
    await client.query('BEGIN');
    await client.query(`SET LOCAL session_replication_role = replica`);
    for (const [text, params] of statements) await client.query(text, params);
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  } finally {
    client.release();
  }
}

/** Clusters with these labels that were heard of a moment ago. */
export function clusterRows(
  count: number,
  prefix: string,
  labels: Record<string, string>,
): [string, unknown[]] {
  return [
    `INSERT INTO clusters (name, project_id, labels, state, kube_system_uid, connected_at, last_seen_at, fence, confirmed_fence)
     SELECT $2 || n, (SELECT id FROM projects WHERE name = 'default'), $3::jsonb, 'Active', gen_random_uuid()::text,
            now(), now() + interval '1 hour', 1, 1
       FROM generate_series(1, $1::int) AS n`,
    [count, prefix, JSON.stringify(labels)],
  ];
}

/** Applications without a revision. */
export function applicationRows(count: number, prefix: string, spec: unknown): [string, unknown[]] {
  return [
    `INSERT INTO applications (project_id, name, spec)
     SELECT (SELECT id FROM projects WHERE name = 'default'), $2 || n, $3::jsonb FROM generate_series(1, $1::int) AS n`,
    [count, prefix, JSON.stringify(spec)],
  ];
}

/** One of each application on each cluster. */
export function targetRows(applicationPrefix: string, clustersSql: string): [string, unknown[]] {
  return [
    `INSERT INTO targets (application_id, cluster_id, state)
     SELECT a.id, c.id, 'Unassigned' FROM applications a CROSS JOIN (${clustersSql}) c
      WHERE a.name LIKE $1 ORDER BY c.id, a.id`,
    [`${applicationPrefix}%`],
  ];
}

/** What was reported of every target that has no report yet: nine of ten are well. */
export const observationRows = `
  INSERT INTO target_observations (target_id, cluster_id, application_id, fence, seq, digest, assignment, revision_number,
         bundle, sync, health, state)
  SELECT t.id, t.cluster_id, t.application_id, 1, 1, repeat('0', 64), 1, 1, repeat('0', 64),
         CASE WHEN hashtext(t.id::text) % 20 = 0 THEN 'OutOfSync' ELSE 'Synced' END,
         CASE WHEN hashtext(t.id::text) % 10 = 1 THEN 'Degraded' ELSE 'Healthy' END,
         '{"conditions": [], "resources": [], "counts": {"objects": 10, "outOfSync": 0, "pruneHeld": 0}, "operation": null}'
    FROM targets t LEFT JOIN target_observations o ON o.target_id = t.id WHERE o.target_id IS NULL`;

/** Counters as ingest would have kept them. */
export const counterRows: readonly string[] = [
  `INSERT INTO target_counts (target_id, cluster_id, application_id, key)
   SELECT target_id, cluster_id, application_id, sync || '/' || health FROM target_observations ON CONFLICT DO NOTHING`,
  `INSERT INTO application_counters (application_id, counts, targets)
   SELECT application_id, jsonb_object_agg(key, n), sum(n) FROM
     (SELECT application_id, key, count(*)::int AS n FROM target_counts GROUP BY 1, 2) x GROUP BY 1 ON CONFLICT DO NOTHING`,
  `INSERT INTO cluster_counters (cluster_id, counts, targets)
   SELECT cluster_id, jsonb_object_agg(key, n), sum(n) FROM
     (SELECT cluster_id, key, count(*)::int AS n FROM target_counts GROUP BY 1, 2) x GROUP BY 1 ON CONFLICT DO NOTHING`,
  `INSERT INTO fleet_counters (key, targets) SELECT key, count(*) FROM target_counts GROUP BY key
   ON CONFLICT (key) DO UPDATE SET targets = excluded.targets`,
];

export function auditRows(count: number): [string, unknown[]] {
  return [
    `INSERT INTO audit_events (at, actor_kind, actor_id, auth_method, action, resource_kind, resource_id, resource_name,
            changes, correlation_id, outcome)
     SELECT now() - n * interval '1 second', 'user', 'user-' || n % 50, 'api-token', 'application.update', 'application',
            'app-' || n % 1000, 'app-' || n % 1000, '[]', n::text, 'success' FROM generate_series(1, $1::int) AS n`,
    [count],
  ];
}
