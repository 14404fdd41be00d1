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
  now: Date;
  /** Nothing is assigned until `hub recover` has taken over what clusters hold. */
  hubRecovering: boolean;
}

/** Null: it is gone, or the hub is recovering and decides nothing. The lock comes before those of targets and of clusters, for everybody. */
export async function lockApplication(tx: Sql, id: string): Promise<ApplicationRow | null> {
  const [row] = await tx.sql<ApplicationRow>(
    `SELECT a.id, a.name, a.project_id AS "projectId", p.name AS project, p.spec AS "projectSpec", a.spec, a.removal,
       a.revision_number AS "revisionNumber", a.rollout_version AS "rolloutVersion", a.rollout_state AS "rolloutState",
       a.sync_request AS "syncRequest", a.leave_confirmed_at AS "leaveConfirmedAt", clock_timestamp() AS now,
       coalesce((SELECT recovering FROM hub), false) AS "hubRecovering"
     FROM applications a JOIN projects p ON p.id = a.project_id
     WHERE a.id = $1::uuid AND NOT EXISTS (SELECT 1 FROM hub WHERE recovering) FOR NO KEY UPDATE OF a`,
    [id],
  );
  if (row === undefined) return null;
  // Stored specs are complete; one from before a field existed gets that field's default.
  return { ...row, spec: applicationSpec.parse(row.spec), projectSpec: projectSpec.parse(row.projectSpec) };
}

/** A target with its cluster and what the agent last said about it. */
export interface SeenTargetRow extends TargetRow {
  clusterName: string;
  labels: Record<string, string>;
  /** A cluster that is recovering is sent nothing, as one in quarantine. */
  clusterState: 'Pending' | 'Active' | 'Paused' | 'Quarantined' | 'Revoked';
  connection: 'Connected' | 'Offline' | 'Never';
  /** Null without a live session that reported or confirmed what is stored. */
  liveSinceMs: number | null;
  lastSeenMs: number | null;
  reported: boolean;
  observedAssignment: number;
  health: string;
  healthMessage: string;
  healthSinceMs: number;
  /** Null: the one that is assigned. '': none yet. */
  otherBundle: string | null;
  operation: { assignment: number; phase: string; message: string } | null;
  isRemoved: boolean;
}

/** A live session has been heard of within this time. */
const live = `(c.connected_at IS NOT NULL AND c.last_seen_at > now() - interval '90 seconds')`;

/** Epoch milliseconds as a number: ten thousand Dates cost more than the join that finds them. */
function ms(time: string): string {
  return `date_part('epoch', ${time}) * 1000`;
}

/**
 * All of them, in no order. A fleet is read whenever anything of it moves, so a row holds what decisions need and is null
 * where nearly all rows agree; the entry itself comes only where it may be rewritten as it stands: its body is not
 * `bodyDigest`, or the target or its whole application is on the way out.
 */
export async function readTargets(
  tx: Sql,
  { id, removal }: Pick<ApplicationRow, 'id' | 'removal'>,
  bodyDigest: string,
): Promise<SeenTargetRow[]> {
  const rows = await tx.sql<SeenTargetRow & { rolloutState: string; labels: string }>(
    `SELECT t.id, t.cluster_id AS "clusterId", t.stage, t.state, t.removal, t.assignment::float8 AS assignment,
       t.revision_number AS "revisionNumber", t.variant_id AS "variantId", t.bundle,
       CASE WHEN $3 OR t.state <> 'Active' OR t.leaving_since IS NOT NULL OR o.removal = 'Removed'
         OR t.body_digest IS DISTINCT FROM $2 THEN t.head END AS head, nullif(t.body_digest, $2) AS "staleBody",
       t.entitled_revision AS "entitledRevision", t.pinned_revision AS "pinnedRevision", t.pin_reason AS "pinReason",
       ${ms('t.pin_expires_at')} AS "pinExpiresMs", t.rollout_state::text AS "rolloutState",
       t.leaving_since IS NOT NULL AS "isLeaving", c.name AS "clusterName", c.labels::text AS labels,
       CASE WHEN c.recovering AND c.state = 'Active' THEN 'Quarantined' ELSE c.state END AS "clusterState",
       ${ms('c.last_seen_at')} AS "lastSeenMs",
       CASE WHEN c.connected_at IS NULL THEN 'Never' WHEN ${live} THEN 'Connected' ELSE 'Offline' END AS connection,
       CASE WHEN ${live} AND (o.fence = c.fence OR c.confirmed_fence = c.fence) THEN ${ms('c.connected_at')} END AS "liveSinceMs",
       o.target_id IS NOT NULL AS reported, coalesce(o.assignment, 0)::float8 AS "observedAssignment", o.health,
       o.health_message AS "healthMessage", ${ms('o.health_since')} AS "healthSinceMs",
       nullif(o.bundle, t.bundle) AS "otherBundle",
       nullif(o.state->'operation', 'null') AS operation, o.removal IS NOT DISTINCT FROM 'Removed' AS "isRemoved"
     FROM targets t JOIN clusters c ON c.id = t.cluster_id LEFT JOIN target_observations o ON o.target_id = t.id
     WHERE t.application_id = $1::uuid`,
    [id, bodyDigest, removal !== null],
  );
  const parse = alikeParser();
  for (const row of rows) {
    row.rolloutState = parse(row.rolloutState);
    row.labels = parse(row.labels);
  }
  return rows;
}

/** JSON that is the same from row to row is parsed once, and is then one value: rows are never changed. */
export function alikeParser(): (text: string) => never {
  const known = new Map<string, unknown>();
  return (text) => {
    if (!known.has(text)) known.set(text, JSON.parse(text));
    return known.get(text) as never;
  };
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
