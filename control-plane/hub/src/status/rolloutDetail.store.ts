/**
 * One rollout as a person follows it. Its outcomes are counted by the database and its failures are the first few, so that
 * what is read has the same size for ten targets and for ten thousand.
 */
import type { WaveTally } from '@flotilla/domain/rollout/tally';
import type { Database } from '../platform/prisma.ts';
import type { RolloutRow } from '../rollouts/fleetRows.ts';

export interface RolloutDetailRow extends RolloutRow {
  application: string;
  applicationId: string;
  /** Rises with whatever changes an outcome. */
  rolloutVersion: bigint;
  revisionState: string;
  sources: { commit: string }[];
  meta: { message?: string; author?: string };
  now: Date;
}

export async function findRollout(database: Database, id: string): Promise<RolloutDetailRow | null> {
  const [row] = await database.query<RolloutDetailRow>(
    `SELECT r.id, r.stage, r.kind, r.of_id AS "ofId", r.revision_number AS "revisionNumber", r.phase, r.phase_reason AS "phaseReason",
       r.strategy, r.state, r.created_by AS "createdBy", r.created_at AS "createdAt", r.started_at AS "startedAt",
       r.closed_at AS "closedAt", a.name AS application, a.id AS "applicationId",
       a.rollout_version AS "rolloutVersion", v.state AS "revisionState", v.sources, v.meta,
       clock_timestamp() AS now
     FROM rollouts r JOIN applications a ON a.id = r.application_id JOIN revisions v ON v.id = r.revision_id
     WHERE r.id = $1::uuid`,
    [id],
  );
  return row ?? null;
}

/** Of the targets of one wave that have one outcome; of the row without a wave: of all. */
export interface OutcomeCountRow extends Omit<WaveTally, 'counts'> {
  wave: number | null;
  outcome: string | null;
  count: number;
  healthyAfterMs: number | null;
}

/** What `tallyOf` of domain/rollout/tally counts. */
export function countOutcomes(database: Database, rolloutId: string): Promise<OutcomeCountRow[]> {
  return database.query<OutcomeCountRow>(
    `SELECT wave, outcome, count(*)::int4 AS count,
       (count(*) FILTER (WHERE outcome = 'Failed' OR regressed))::int4 AS failures,
       min(assigned) FILTER (WHERE outcome IN ('Assigned', 'Progressing')) AS "assignedFirstMs",
       max(assigned) FILTER (WHERE outcome IN ('Assigned', 'Progressing')) AS "assignedLastMs",
       max(healthy) FILTER (WHERE outcome = 'Soaking') AS "soakFromMs",
       percentile_disc(0.5) WITHIN GROUP (ORDER BY greatest(healthy - assigned, 0))
         FILTER (WHERE outcome IN ('Succeeded', 'Soaking') AND healthy IS NOT NULL AND assigned IS NOT NULL) AS "healthyAfterMs"
     FROM (SELECT wave, outcome, state ? 'regressedAtMs' AS regressed, (state->'assignedAtMs')::float8 AS assigned,
             (state->'healthyFromMs')::float8 - coalesce((state->'soakedMs')::float8, 0) AS healthy
           FROM rollout_outcomes WHERE rollout_id = $1::uuid) o
     GROUP BY GROUPING SETS ((wave, outcome), ())`,
    [rolloutId],
  );
}

export interface FailuresRow {
  reasons: Record<string, number> | null;
  first: { cluster: string; wave: number; reason: string; message: string; atMs: number | null }[] | null;
}

/** Failed, or bad again after they had Succeeded, the first ones first. A cluster that is gone is named by its id. */
export async function readFailures(
  database: Database,
  rolloutId: string,
  limit: number,
): Promise<FailuresRow> {
  const [row] = await database.query<FailuresRow>(
    `WITH failed AS MATERIALIZED (
       SELECT cluster_id, wave, CASE WHEN outcome = 'Failed' THEN coalesce(reason, '') ELSE 'degraded' END AS reason,
         left(coalesce(state->>'message', ''), 500) AS message,
         coalesce(state->'regressedAtMs', state->'finishedAtMs')::float8 AS at
       FROM rollout_outcomes WHERE rollout_id = $1::uuid AND (outcome = 'Failed' OR state ? 'regressedAtMs'))
     SELECT (SELECT jsonb_object_agg(reason, n) FROM (SELECT reason, count(*) AS n FROM failed GROUP BY reason) r) AS reasons,
       (SELECT jsonb_agg(jsonb_build_object('cluster', coalesce(c.name, f.cluster_id::text), 'wave', f.wave, 'reason', f.reason,
            'message', f.message, 'atMs', f.at) ORDER BY f.at, c.name)
          FROM (SELECT * FROM failed ORDER BY at, cluster_id LIMIT $2) f LEFT JOIN clusters c ON c.id = f.cluster_id) AS first`,
    [rolloutId, limit],
  );
  return row ?? { reasons: null, first: null };
}
