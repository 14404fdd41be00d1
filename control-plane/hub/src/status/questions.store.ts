/** What waits for a person's answer, over all applications: read from what the rollouts and the placement keep of it. */
import type { Database } from '../platform/prisma.ts';

export interface QuestionRow {
  kind: 'drop' | 'leaving' | 'inventory';
  applicationId: string;
  application: string;
  project: string;
  /** Of a drop; 0 for targets that leave, -1 for rebuilt inventories. */
  revision: number;
  revisionState: string | null;
  sources: { commit: string }[] | null;
  meta: { message?: string; author?: string } | null;
  /** Objects that would go, targets that would leave or clusters that rebuilt their inventory, and out of how many. */
  count: number;
  of: number;
  since: Date;
  /** That wait to be deleted by rebuilt inventories; else null. */
  objects: number | null;
  /** What becomes of the objects on the clusters that targets leave; null for a drop. */
  removal: 'delete' | 'orphan' | 'detach' | null;
  /** The first clusters by name that targets would leave or that rebuilt their inventory; none for a drop. */
  clusters: string[];
}

export interface QuestionFilter {
  /** Null: of all. */
  applicationId: string | null;
  /** Project, application, its id and revision of the last row of the page before. */
  after: readonly string[] | null;
  limit: number;
}

/** A revision that is asked about both in a rollout and outside of one is one question. */
const drops = `
  SELECT DISTINCT ON (a.id, d.revision) 'drop' AS kind, a.id, a.name, a.project_id, d.revision, d.dropped AS count, d.total AS "of",
    to_timestamp(d."sinceMs" / 1000) AS since, NULL::float8 AS objects, NULL AS removal, '{}'::text[] AS clusters
  FROM applications a LEFT JOIN rollouts r ON r.application_id = a.id AND r.phase IN ('Running', 'Paused'),
    jsonb_to_recordset(coalesce(r.state->'heldDrops', '[]') || coalesce(a.rollout_state->'laneDrops', '[]')
      || jsonb_path_query_array(a.rollout_state, '$.stages[*].laneDrops[*]'))
      AS d(revision int4, dropped float8, total float8, "sinceMs" float8)
  WHERE a.removal IS NULL AND ($1::uuid IS NULL OR a.id = $1)
  ORDER BY a.id, d.revision, d."sinceMs"`;

/** The condition says where to look, the targets what is true: an answer counts before the placement has acted on it. */
const leavings = `
  SELECT 'leaving' AS kind, a.id, a.name, a.project_id, 0 AS revision, l.count, l."of", l.since, NULL::float8 AS objects,
    coalesce(a.spec->'syncPolicy'->>'onUnplace', 'orphan') AS removal, l.clusters
  FROM applications a CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE t.held)::float8 AS count, count(*)::float8 AS "of", min(t.leaving_since) FILTER (WHERE t.held) AS since,
      coalesce((array_agg(t.name ORDER BY t.name) FILTER (WHERE t.held))[1:10], '{}') AS clusters
    FROM (SELECT c.name, x.leaving_since, x.leaving_held AND (a.leave_confirmed_at IS NULL OR x.leaving_since > a.leave_confirmed_at) AS held
          FROM targets x JOIN clusters c ON c.id = x.cluster_id WHERE x.application_id = a.id AND x.state <> 'Removing') t) l
  WHERE a.removal IS NULL AND a.conditions @> '[{"type": "LeavingHeld"}]' AND l.count > 0 AND ($1::uuid IS NULL OR a.id = $1)`;

/** As `rollouts/rebuilt.ts` has it. Since when nobody knows: at least since what was last said of the targets. */
const inventories = `
  SELECT 'inventory' AS kind, a.id, a.name, a.project_id, -1 AS revision, l.count, l."of", l.since, l.objects, NULL AS removal, l.clusters
  FROM applications a CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE t.asks)::float8 AS count, count(*)::float8 AS "of", min(t.observed_at) FILTER (WHERE t.asks) AS since,
      coalesce(sum(t.objects) FILTER (WHERE t.asks), 0)::float8 AS objects,
      coalesce((array_agg(t.name ORDER BY t.name) FILTER (WHERE t.asks))[1:10], '{}') AS clusters
    FROM (SELECT c.name, o.observed_at, (o.state->'counts'->>'pruneHeld')::float8 AS objects, coalesce(o.assignment = x.assignment AND o.state->'conditions' @> '[{"type": "InventoryRebuilt"}]'
              AND (x.state = 'Removing' OR a.rollout_state->'operations'->x.id::text->>'force' IS DISTINCT FROM 'true'), false) AS asks
          FROM targets x JOIN clusters c ON c.id = x.cluster_id LEFT JOIN target_observations o ON o.target_id = x.id
          WHERE x.application_id = a.id) t) l
  WHERE a.conditions @> '[{"type": "InventoryRebuilt"}]' AND l.count > 0 AND ($1::uuid IS NULL OR a.id = $1)`;

export function listQuestions(
  database: Database,
  { applicationId, after, limit }: QuestionFilter,
): Promise<QuestionRow[]> {
  return database.query<QuestionRow>(
    `SELECT q.kind, q.id AS "applicationId", q.name AS application, p.name AS project, q.revision, v.state AS "revisionState",
       v.sources, v.meta, q.count, q."of", q.since, q.objects, q.removal, q.clusters
     FROM (SELECT * FROM (${drops}) d UNION ALL ${leavings} UNION ALL ${inventories}) q JOIN projects p ON p.id = q.project_id
       LEFT JOIN revisions v ON v.application_id = q.id AND v.number = q.revision
     WHERE $2::text IS NULL OR (p.name, q.name, q.id, q.revision) > ($2, $3, $4::uuid, $5::int)
     ORDER BY p.name, q.name, q.id, q.revision LIMIT $6`,
    [applicationId, ...(after ?? [null, null, null, null]), limit],
  );
}
