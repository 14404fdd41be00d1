/** Stages as they are shown: of each its targets by status, its rollouts, what it completed last, and what is about to come. */
import type { Ready, Soaking } from '@flotilla/domain/promotion/candidates';
import type { Sql } from '../platform/transaction.ts';
import type { StoredRevision } from './applicationResource.ts';

export interface StageRolloutRow {
  id: string;
  revision: number;
  kind: string;
  phase: string;
  phaseReason: string | null;
}

export interface StageRow {
  applicationId: string;
  name: string;
  counts: Record<string, number> | null;
  /** Last completed here; null before the first. */
  completed: number | null;
  open: StageRolloutRow | null;
  waiting: StageRolloutRow | null;
  soaking: Soaking | null;
  ready: Ready | null;
}

function rolloutSql(phases: string): string {
  return `(SELECT jsonb_build_object('id', x.id, 'revision', x.revision_number, 'kind', x.kind, 'phase', x.phase, 'phaseReason', x.phase_reason)
     FROM rollouts x WHERE x.application_id = s.id AND x.stage = s.name AND x.phase IN (${phases}))`;
}

/** In the order of each application's spec; of applications without stages there are none. */
export function readStages(db: Sql, applicationIds: readonly string[]): Promise<StageRow[]> {
  return db.sql<StageRow>(
    `WITH staged AS (
       SELECT a.id, e.n, e.stage->>'name' AS name, k.kept
       FROM applications a CROSS JOIN jsonb_array_elements(a.spec->'strategy'->'stages') WITH ORDINALITY AS e(stage, n)
         LEFT JOIN LATERAL (SELECT kept FROM jsonb_array_elements(a.rollout_state->'stages') AS kept
           WHERE kept->>'name' = e.stage->>'name') k ON true
       WHERE a.id = ANY($1::uuid[]))
     SELECT s.id AS "applicationId", s.name, nullif(s.kept->'soaking', 'null') AS soaking, nullif(s.kept->'ready', 'null') AS ready,
       (SELECT jsonb_object_agg(key, n) FROM (
          SELECT coalesce(k.key, 'Unknown/Unknown') AS key, count(*) AS n FROM targets t LEFT JOIN target_counts k ON k.target_id = t.id
          WHERE t.application_id = s.id AND t.stage = s.name AND t.state <> 'Removing' GROUP BY 1) c) AS counts,
       coalesce((SELECT x.revision_number FROM rollouts x
          WHERE x.application_id = s.id AND x.stage = s.name AND x.kind = 'forward' AND x.phase = 'Completed'
            AND x.created_at >= to_timestamp((s.kept->'sinceMs')::float8 / 1000)
          ORDER BY x.closed_at DESC LIMIT 1), (s.kept->'inherited'->0)::int) AS completed,
       ${rolloutSql(`'Running', 'Paused'`)} AS open, ${rolloutSql(`'Queued', 'AwaitingSync'`)} AS waiting
     FROM staged s ORDER BY s.id, s.n`,
    [applicationIds],
  );
}

export interface StageRevisionRow extends StoredRevision {
  applicationId: string;
}

export function readStageRevisions(
  db: Sql,
  wanted: readonly { applicationId: string; number: number }[],
): Promise<StageRevisionRow[]> {
  return db.sql<StageRevisionRow>(
    `SELECT r.application_id AS "applicationId", r.number, r.state, r.sources, r.meta
     FROM unnest($1::uuid[], $2::int[]) AS w(id, number) JOIN revisions r ON r.application_id = w.id AND r.number = w.number`,
    [wanted.map(({ applicationId }) => applicationId), wanted.map(({ number }) => number)],
  );
}
