/** Everything a tick decides on, read under the application's lock, which all writers of its targets and rollouts take first. */
import type { PendingSync } from '../applications/joinSync.ts';
import { projectSpec, type ProjectSpec } from '../applications/project.ts';
import { applicationSpec, type ApplicationSpec } from '../applications/spec.ts';
import type { Sql } from '../platform/transaction.ts';
import { supersededByRecovery } from './recovered.ts';
import {
  completedMax,
  type CompletedRow,
  type FleetRows,
  type OutcomeRow,
  type RolloutRow,
  type StoredApplicationState,
  type TargetRow,
} from './fleetRows.ts';
import { readOutcomes, type ReadOutcomes } from './outcomes.store.ts';

export interface ApplicationRow {
  id: string;
  name: string;
  projectId: string;
  project: string;
  projectSpec: ProjectSpec;
  spec: ApplicationSpec;
  removal: 'delete' | 'orphan' | 'detach' | null;
  /** Of the newest revision; 0 before the first. */
  revisionNumber: number;
  rolloutVersion: bigint;
  rolloutState: StoredApplicationState;
  syncRequest: PendingSync | null;
  leaveConfirmedAt: Date | null;
  /** Its conditions say so. */
  saysRebuilt: boolean;
  now: Date;
  /** Nothing is assigned until `hub recover` has taken over what clusters hold. */
  hubRecovering: boolean;
  /** When its server was started: another one, or the same from a copy, may have other transactions under the same numbers. */
  server: string;
  /** Of the oldest transaction that was not over when this was read: all before it are seen from here on. */
  horizon: string;
}

/** Null: it is gone, or the hub is recovering and decides nothing. The lock comes before those of targets and of clusters, for everybody. */
export async function lockApplication(tx: Sql, id: string): Promise<ApplicationRow | null> {
  const [row] = await tx.sql<ApplicationRow>(
    `SELECT a.id, a.name, a.project_id AS "projectId", p.name AS project, p.spec AS "projectSpec", a.spec, a.removal,
       a.revision_number AS "revisionNumber", a.rollout_version AS "rolloutVersion", a.rollout_state AS "rolloutState",
       a.sync_request AS "syncRequest", a.leave_confirmed_at AS "leaveConfirmedAt",
       a.conditions @> '[{"type": "InventoryRebuilt"}]' AS "saysRebuilt", clock_timestamp() AS now,
       coalesce((SELECT recovering FROM hub), false) AS "hubRecovering",
       pg_postmaster_start_time()::text AS server, pg_snapshot_xmin(pg_current_snapshot())::xid::text AS horizon
     FROM applications a JOIN projects p ON p.id = a.project_id
     WHERE a.id = $1::uuid AND NOT EXISTS (SELECT 1 FROM hub WHERE recovering) FOR NO KEY UPDATE OF a`,
    [id],
  );
  if (row === undefined) return null;
  // Stored specs are complete; one from before a field existed gets that field's default.
  return { ...row, spec: applicationSpec.parse(row.spec), projectSpec: projectSpec.parse(row.projectSpec) };
}

export const selectRollouts = `
  SELECT id, stage, kind, of_id AS "ofId", revision_number AS "revisionNumber", phase, phase_reason AS "phaseReason", strategy,
    state, created_by AS "createdBy", created_at AS "createdAt", started_at AS "startedAt", closed_at AS "closedAt"
  FROM rollouts`;

/** `stages`: whose history counts, each since its time. */
export async function readFleet(
  tx: Sql,
  applicationId: string,
  targets: readonly TargetRow[],
  stages: readonly StageSince[],
): Promise<FleetRows & Pick<ReadOutcomes, 'stored'>> {
  const rollouts = await tx.sql<RolloutRow>(
    `${selectRollouts} WHERE application_id = $1::uuid AND phase IN ('Running', 'Paused', 'Queued', 'AwaitingSync')`,
    [applicationId],
  );
  const { outcomes, stored } = await readOutcomes(
    tx,
    rollouts.map(({ id }) => id),
  );
  const completed = await tx.sql<CompletedRow>(
    `SELECT s.stage, c.revision, c.rollout FROM ${stagesSql} CROSS JOIN LATERAL (
       SELECT revision_number AS revision, max(closed_at) AS closed, (array_agg(id ORDER BY closed_at DESC))[1] AS rollout
       FROM rollouts WHERE ${inStage} AND kind = 'forward' AND phase = 'Completed'
       GROUP BY revision_number ORDER BY closed DESC LIMIT ${completedMax}) c
     ORDER BY s.stage, c.closed DESC`,
    [applicationId, ...paramsOf(stages)],
  );
  const rejected = await tx.sql<{ number: number }>(
    `SELECT number FROM revisions WHERE application_id = $1::uuid AND state = 'Rejected' ORDER BY number`,
    [applicationId],
  );
  return {
    targets,
    rollouts,
    outcomes,
    stored,
    completed,
    rejected: rejected.map(({ number }) => number),
  };
}

export interface StageSince {
  name: string;
  sinceMs: number;
}

const stagesSql = 'unnest($2::text[], $3::float8[]) AS s(stage, since)';
const inStage = `application_id = $1::uuid AND rollouts.stage = s.stage AND created_at >= to_timestamp(s.since / 1000)`;

function paramsOf(stages: readonly StageSince[]): [string[], number[]] {
  return [stages.map(({ name }) => name), stages.map(({ sinceMs }) => sinceMs)];
}

/**
 * Revision of the newest forward rollout there ever was in each stage: what is newer was never proposed there. One that
 * a recovery closed on its way does not count: what it had not reached would wait for another commit.
 */
export async function readNewestProposed(
  tx: Sql,
  applicationId: string,
  stages: readonly StageSince[],
): Promise<Map<string, number>> {
  const rows = await tx.sql<{ stage: string; number: number | null }>(
    `SELECT s.stage, (SELECT max(revision_number) FROM rollouts WHERE ${inStage} AND kind = 'forward'
       AND phase_reason IS DISTINCT FROM $4) AS number
     FROM ${stagesSql}`,
    [applicationId, ...paramsOf(stages), supersededByRecovery],
  );
  return new Map(rows.map(({ stage, number }) => [stage, number ?? 0]));
}

export interface RevisionRow {
  id: string;
  number: number;
  state: 'Candidate' | 'Ready' | 'Failed' | 'Rejected';
  error: string | null;
  variant: string | null;
  bundle: string | null;
  sizeBytes: number | null;
  /** Only clusters remember it, and not from which commits it was made: automation starts it nowhere else. */
  isLost: boolean;
  /** Clusters may get different bundles: it has a variant for each set of values that was read, and none here. */
  isTemplated: boolean;
  /** Nothing more is rendered of it. */
  isFinal: boolean;
}

/** The newest ones, and those that are spoken of; each with its one variant, where it has only one. */
export async function readRevisions(
  tx: Sql,
  applicationId: string,
  spokenOf: readonly number[],
): Promise<Map<number, RevisionRow>> {
  const rows = await tx.sql<RevisionRow>(
    `SELECT r.id, r.number, r.state, r.error->>'message' AS error, v.id AS variant, v.bundle, v.size_bytes AS "sizeBytes",
       r.sources = '[]' AS "isLost", r.render_spec ? 'templating' AS "isTemplated", r.error->'isFinal' IS NOT NULL AS "isFinal"
     FROM revisions r LEFT JOIN variants v ON v.revision_id = r.id AND v.bundle IS NOT NULL AND NOT r.render_spec ? 'templating'
     WHERE r.application_id = $1::uuid AND (r.number = ANY($2::int[])
       OR r.number > (SELECT revision_number - 20 FROM applications WHERE id = $1::uuid))`,
    [applicationId, [...new Set(spokenOf)]],
  );
  return new Map(rows.map((row) => [row.number, row]));
}

/** A bundle's index at rest; null when retention has taken it. */
export async function readIndex(tx: Sql, projectId: string, digest: string): Promise<Buffer | null> {
  const [row] = await tx.sql<{ index: Buffer }>(
    'SELECT index FROM bundles WHERE project_id = $1::uuid AND digest = $2',
    [projectId, digest],
  );
  return row?.index ?? null;
}

/** The last forward rollout that was completed in a stage, with its outcomes: what a rollback undoes when none is open. */
export async function readLastCompleted(
  tx: Sql,
  applicationId: string,
  { name, sinceMs }: StageSince,
): Promise<{ rollout: RolloutRow; outcomes: readonly OutcomeRow[] } | null> {
  const [rollout] = await tx.sql<RolloutRow>(
    `${selectRollouts} WHERE application_id = $1::uuid AND kind = 'forward' AND phase = 'Completed'
       AND stage = $2 AND created_at >= to_timestamp($3::float8 / 1000)
     ORDER BY closed_at DESC LIMIT 1`,
    [applicationId, name, sinceMs],
  );
  if (rollout === undefined) return null;
  const { outcomes } = await readOutcomes(tx, [rollout.id]);
  return { rollout, outcomes };
}
