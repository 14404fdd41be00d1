/** Rollouts, revisions and the fleet as they are shown. */
import type { Database } from '../platform/prisma.ts';
import { offlineAfterMs } from './counters.store.ts';

export interface RolloutRow {
  id: string;
  application_id: string;
  application: string;
  stage: string;
  revision_number: number;
  kind: string;
  phase: string;
  phase_reason: string | null;
  created_by: string;
  created_at: Date;
  started_at: Date | null;
  closed_at: Date | null;
  waves: { wave: number; outcomes: Record<string, number> }[] | null;
}

const selectRollouts = `
  SELECT r.id, r.application_id, a.name AS application, r.stage, r.revision_number, r.kind, r.phase, r.phase_reason,
         r.created_by, r.created_at, r.started_at, r.closed_at,
         (SELECT jsonb_agg(jsonb_build_object('wave', w.wave, 'outcomes', w.outcomes) ORDER BY w.wave)
            FROM (SELECT wave, jsonb_object_agg(outcome, n) AS outcomes
                    FROM (SELECT wave, outcome, count(*) AS n FROM rollout_outcomes WHERE rollout_id = r.id GROUP BY 1, 2) o
                   GROUP BY wave) w) AS waves
    FROM rollouts r JOIN applications a ON a.id = r.application_id`;

export function listRollouts(
  database: Database,
  filter: { applicationId: string; stage: string | null; after: readonly string[] | null; limit: number },
): Promise<RolloutRow[]> {
  return database.query<RolloutRow>(
    `${selectRollouts}
      WHERE r.application_id = $1 AND ($2::timestamptz IS NULL OR (r.created_at, r.id) < ($2, $3::uuid))
        AND ($5::text IS NULL OR r.stage = $5)
      ORDER BY r.created_at DESC, r.id DESC LIMIT $4`,
    [filter.applicationId, filter.after?.[0] ?? null, filter.after?.[1] ?? null, filter.limit, filter.stage],
  );
}

export interface RolloutEventRow {
  at: Date;
  kind: string;
  message: string;
  detail: Record<string, unknown>;
}

/** The newest ones. What an event says of one target it says in `detail`; of several, how many they are. */
export function listRolloutEvents(
  database: Database,
  { rolloutId, withOutcomes, limit }: { rolloutId: string; withOutcomes: boolean; limit: number },
): Promise<RolloutEventRow[]> {
  return database.query<RolloutEventRow>(
    `SELECT at, kind, CASE WHEN n > 1 THEN message || ', ' || n || ' targets' ELSE message END AS message,
            CASE WHEN n = 0 THEN detail
                 WHEN n = 1 THEN detail || jsonb_build_object('target', targets[1], 'assignment', assignments[1])
                 ELSE detail || jsonb_build_object('targets', n) END AS detail
       FROM (SELECT *, cardinality(targets) AS n FROM rollout_events
              WHERE rollout_id = $1 AND ($2 OR kind <> 'Outcome') ORDER BY at DESC, id DESC LIMIT $3) e ORDER BY at DESC, id DESC`,
    [rolloutId, withOutcomes, limit],
  );
}

export interface RevisionRow {
  id: string;
  number: number;
  state: string;
  sources: { repository: string; ref: string; commit: string; path: string }[];
  meta: { message?: string; author?: string };
  error: { message?: string } | null;
  created_at: Date;
}

export function listRevisions(
  database: Database,
  filter: { applicationId: string; below: number | null; limit: number },
): Promise<RevisionRow[]> {
  return database.query<RevisionRow>(
    `SELECT id, number, state, sources, meta, error, created_at FROM revisions
      WHERE application_id = $1 AND ($2::int IS NULL OR number < $2) ORDER BY number DESC LIMIT $3`,
    [filter.applicationId, filter.below, filter.limit],
  );
}

export interface FleetRow {
  clusters: { state: string; connection: string; n: number }[] | null;
  applications: bigint;
  counts: Record<string, number> | null;
  rollouts: Record<string, number> | null;
}

/** From the maintained counters: no target is counted here. */
export async function readFleet(database: Database): Promise<FleetRow> {
  const [row] = await database.query<FleetRow>(
    `SELECT
       (SELECT jsonb_agg(x) FROM (
          SELECT state, CASE WHEN connected_at IS NULL THEN 'Never'
                             WHEN last_seen_at > now() - interval '${offlineAfterMs} milliseconds' THEN 'Connected'
                             ELSE 'Offline' END AS connection, count(*) AS n
            FROM clusters GROUP BY 1, 2) x) AS clusters,
       (SELECT count(*) FROM applications) AS applications,
       (SELECT jsonb_object_agg(key, targets) FROM fleet_counters WHERE targets <> 0) AS counts,
       (SELECT jsonb_object_agg(phase, n) FROM (
          SELECT phase, count(*) AS n FROM rollouts
           WHERE phase IN ('Running', 'Paused', 'AwaitingSync', 'Queued') GROUP BY phase) x) AS rollouts`,
  );
  if (!row) throw new Error('no row from the fleet summary');
  return row;
}
