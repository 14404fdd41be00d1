/** Rows by which a plan goes from a bundle to what every cluster says of it. What agents say is observed, not done for anybody. */
import type { PlanCounts } from '@flotilla/domain/plan/plan';
import type { ClusterValues, Reads } from '@flotilla/domain/template/cluster';
import type { PlanState, PlanVerdict } from '@flotilla/domain/plan/verdict';
import type { Database } from '../../platform/prisma.ts';
import type { Sql } from '../../platform/transaction.ts';

export interface AskingPlan {
  id: string;
  applicationId: string;
  projectId: string;
  /** Null where clusters get different ones. */
  bundle: string | null;
  variants: PlanVariant[];
  /** Null: nobody was asked yet. */
  bodyDigest: string | null;
  answerTimeoutMs: number;
  createdBy: string;
}

/** One of the bundles of a plan whose clusters get different ones. */
export interface PlanVariant {
  reads: Reads;
  bundle: string | null;
  error: string | null;
}

export async function readAsking(database: Database): Promise<AskingPlan[]> {
  return database.query<AskingPlan>(
    `SELECT p.id, p.application_id AS "applicationId", a.project_id AS "projectId", p.bundle, p.variants, p.body_digest AS "bodyDigest",
       p.answer_timeout_ms AS "answerTimeoutMs", p.created_by AS "createdBy"
     FROM plans p JOIN applications a ON a.id = p.application_id WHERE p.phase = 'Asking' ORDER BY p.id LIMIT 50`,
  );
}

/** A live session has been heard of within this time, and asks nothing but what its recovery needs. */
const live = `(c.connected_at IS NOT NULL AND c.last_seen_at > now() - interval '90 seconds'
  AND c.state IN ('Active', 'Paused') AND NOT c.recovering)`;

/** Why a cluster is not asked. */
const absence = `CASE WHEN c.recovering THEN 'it is recovering'
  WHEN c.state NOT IN ('Active', 'Paused') THEN 'it is ' || lower(c.state)
  WHEN c.last_seen_at IS NULL THEN 'it never connected' ELSE 'it is not connected' END`;

/** Those that a rollout would go to. */
const targeted = `t.state IN ('Unassigned', 'Active') AND t.leaving_since IS NULL`;

/** Of every target, where all get the same bundle. */
export async function insertTargets(tx: Sql, plan: AskingPlan, bodyDigest: string): Promise<void> {
  await tx.sql(
    `INSERT INTO plan_results (plan_id, target_id, cluster_id, cluster_name, bundle, state, message)
     SELECT $1::uuid, t.id, c.id, c.name, $3, CASE WHEN ${live} THEN 'Waiting' ELSE 'Offline' END,
       CASE WHEN ${live} THEN '' ELSE ${absence} END
     FROM targets t JOIN clusters c ON c.id = t.cluster_id WHERE t.application_id = $2::uuid AND ${targeted}
     ON CONFLICT DO NOTHING`,
    [plan.id, plan.applicationId, plan.bundle],
  );
  await setBody(tx, plan, bodyDigest);
}

export interface OwnBundle {
  targetId: string;
  /** '' where there is none. */
  bundle: string;
  /** Why there is none; null: there is one. */
  error: string | null;
}

export function readClusters(tx: Sql, plan: AskingPlan): Promise<(ClusterValues & { targetId: string })[]> {
  return tx.sql(
    `SELECT t.id AS "targetId", c.name, c.labels, c.facts FROM targets t JOIN clusters c ON c.id = t.cluster_id
     WHERE t.application_id = $1::uuid AND ${targeted}`,
    [plan.applicationId],
  );
}

/** Of targets that each have their own. Where it does not render nobody is asked, and what that comes to is known. */
export async function insertOwn(
  tx: Sql,
  plan: AskingPlan,
  own: readonly OwnBundle[],
  bodyDigest: string,
): Promise<void> {
  await tx.sql(
    `INSERT INTO plan_results (plan_id, target_id, cluster_id, cluster_name, bundle, state, verdict, message)
     SELECT $1::uuid, t.id, c.id, c.name, x.bundle,
       CASE WHEN x.error IS NOT NULL THEN 'Error' WHEN ${live} THEN 'Waiting' ELSE 'Offline' END,
       CASE WHEN x.error IS NOT NULL THEN 'failing' END,
       coalesce(x.error, CASE WHEN ${live} THEN '' ELSE ${absence} END)
     FROM unnest($3::uuid[], $4::text[], $5::text[]) AS x(target_id, bundle, error)
       JOIN targets t ON t.id = x.target_id JOIN clusters c ON c.id = t.cluster_id WHERE t.application_id = $2::uuid AND ${targeted}
     ON CONFLICT DO NOTHING`,
    [
      plan.id,
      plan.applicationId,
      own.map(({ targetId }) => targetId),
      own.map(({ bundle }) => bundle),
      own.map(({ error }) => error),
    ],
  );
  await setBody(tx, plan, bodyDigest);
}

async function setBody(tx: Sql, plan: AskingPlan, bodyDigest: string): Promise<void> {
  await tx.sql('UPDATE plans SET body_digest = $2 WHERE id = $1::uuid', [plan.id, bodyDigest]);
}

/** So many at once: more are asked as answers come. Gives the clusters to be hinted. */
export async function askNext(
  tx: Sql,
  plan: AskingPlan,
  body: string,
  inFlightMax: number,
): Promise<string[]> {
  const rows = await tx.sql<{ clusterId: string }>(
    `WITH flight AS (SELECT count(*)::int AS n FROM plan_results
         WHERE plan_id = $1::uuid AND state = 'Waiting' AND command_id IS NOT NULL),
       next AS MATERIALIZED (
         SELECT target_id, cluster_id, bundle, gen_random_uuid() AS command FROM plan_results
         WHERE plan_id = $1::uuid AND state = 'Waiting' AND command_id IS NULL
         ORDER BY target_id LIMIT greatest(0, $2::int - (SELECT n FROM flight))),
       made AS (
         INSERT INTO commands (id, cluster_id, target_id, kind, payload, created_by, expires_at)
         SELECT command, cluster_id, target_id, 'plan', jsonb_build_object('bundle', bundle, 'body', $3::text), $4,
           now() + make_interval(secs => $5::float8 / 1000)
         FROM next)
     UPDATE plan_results r SET command_id = next.command, asked_at = now() FROM next
     WHERE r.plan_id = $1::uuid AND r.target_id = next.target_id RETURNING r.cluster_id AS "clusterId"`,
    [plan.id, inFlightMax, body, plan.createdBy, plan.answerTimeoutMs],
  );
  return rows.map(({ clusterId }) => clusterId);
}

/** Who went away is not waited for, and who takes too long is not either. True: somebody was given up. */
export async function giveUp(tx: Sql, plan: AskingPlan): Promise<boolean> {
  const gone = await tx.sql(
    `UPDATE plan_results r SET state = 'Offline', message = ${absence}
     FROM clusters c WHERE c.id = r.cluster_id AND r.plan_id = $1::uuid AND r.state = 'Waiting' AND NOT ${live}
       AND NOT EXISTS (SELECT 1 FROM answer_chunks x WHERE x.command_id = r.command_id) RETURNING 1`,
    [plan.id],
  );
  const late = await tx.sql(
    `UPDATE plan_results SET state = 'NoAnswer', message = 'no answer within ' || $2::int / 1000 || ' s'
     WHERE plan_id = $1::uuid AND state = 'Waiting' AND asked_at < now() - make_interval(secs => $2::float8 / 1000)
     RETURNING 1`,
    [plan.id, plan.answerTimeoutMs],
  );
  return gone.length + late.length > 0;
}

export interface FinishedAnswer {
  targetId: string;
  commandId: string;
  bytes: number;
}

/** Answers that have come whole, or with their error. */
export function readFinished(database: Database, planId: string, limit: number): Promise<FinishedAnswer[]> {
  return database.query<FinishedAnswer>(
    `SELECT r.target_id AS "targetId", r.command_id AS "commandId",
       (SELECT coalesce(sum(octet_length(data)), 0)::int FROM answer_chunks x WHERE x.command_id = r.command_id) AS bytes
     FROM plan_results r JOIN answer_chunks a ON a.command_id = r.command_id AND a.last
     WHERE r.plan_id = $1::uuid AND r.state = 'Waiting' LIMIT $2`,
    [planId, limit],
  );
}

export interface ChunkRow {
  commandId: string;
  data: Buffer | null;
  error: { code: string; message: string } | null;
}

export function readChunks(database: Database, commandIds: readonly string[]): Promise<ChunkRow[]> {
  return database.query<ChunkRow>(
    `SELECT command_id AS "commandId", data, error FROM answer_chunks WHERE command_id = ANY($1::uuid[])
     ORDER BY command_id, seq`,
    [commandIds],
  );
}

export interface ResultToSave {
  targetId: string;
  commandId: string;
  state: PlanState;
  digest: string | null;
  verdict: PlanVerdict | null;
  counts: PlanCounts | null;
  message: string;
}

export async function saveResults(tx: Sql, planId: string, results: readonly ResultToSave[]): Promise<void> {
  await tx.sql(
    `UPDATE plan_results r SET state = x.state, digest = x.digest, verdict = x.verdict, counts = x.counts,
       message = x.message, answered_at = clock_timestamp()
     FROM jsonb_to_recordset($2::jsonb) AS x("targetId" uuid, state text, digest text, verdict text, counts jsonb, message text)
     WHERE r.plan_id = $1::uuid AND r.target_id = x."targetId" AND r.state = 'Waiting'`,
    [planId, JSON.stringify(results)],
  );
  await tx.sql('DELETE FROM answer_chunks WHERE command_id = ANY($1::uuid[])', [
    results.map(({ commandId }) => commandId),
  ]);
}

/** Diffs that are kept of this plan, and their bytes. */
export async function readKept(
  database: Database,
  planId: string,
): Promise<{ digests: Set<string>; bytes: number }> {
  const rows = await database.query<{ digest: string; bytes: number }>(
    'SELECT digest, size_bytes AS bytes FROM plan_diffs WHERE plan_id = $1::uuid',
    [planId],
  );
  return {
    digests: new Set(rows.map(({ digest }) => digest)),
    bytes: rows.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

export interface DiffToSave {
  digest: string;
  data: Uint8Array;
  keyVersion: number;
  sizeBytes: number;
}

export async function saveDiffs(tx: Sql, planId: string, diffs: readonly DiffToSave[]): Promise<void> {
  if (diffs.length === 0) return;
  await tx.sql(
    `INSERT INTO plan_diffs (plan_id, digest, data, key_version, size_bytes)
     SELECT $1::uuid, * FROM unnest($2::text[], $3::bytea[], $4::int[], $5::int[]) ON CONFLICT DO NOTHING`,
    [
      planId,
      diffs.map(({ digest }) => digest),
      diffs.map(({ data }) => Buffer.from(data)),
      diffs.map(({ keyVersion }) => keyVersion),
      diffs.map(({ sizeBytes }) => sizeBytes),
    ],
  );
}

/** Where nobody is waited for any more. Its commands go with it: who still works on one is not heard. */
export async function finishIfDone(tx: Sql, planId: string): Promise<boolean> {
  const done = await tx.sql(
    `UPDATE plans SET phase = 'Done', finished_at = clock_timestamp() WHERE id = $1::uuid AND phase = 'Asking'
       AND NOT EXISTS (SELECT 1 FROM plan_results WHERE plan_id = $1::uuid AND state = 'Waiting') RETURNING 1`,
    [planId],
  );
  if (done.length === 0) return false;
  await tx.sql(
    `DELETE FROM commands WHERE id IN (
       SELECT command_id FROM plan_results WHERE plan_id = $1::uuid AND command_id IS NOT NULL)`,
    [planId],
  );
  return true;
}

export async function failPlan(tx: Sql, planId: string, error: string): Promise<void> {
  await tx.sql(
    `UPDATE plans SET phase = 'Failed', error = $2, finished_at = now() WHERE id = $1::uuid AND phase = 'Asking'`,
    [planId, error],
  );
}

/** Newest plans of each application that are kept, for a week. */
const plansKept = 50;

export async function dropOldPlans(database: Database): Promise<void> {
  await database.query(
    `DELETE FROM plans WHERE phase IN ('Done', 'Failed') AND (created_at < now() - interval '7 days' OR id IN (
       SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY application_id ORDER BY id DESC) AS n FROM plans) x
       WHERE n > ${plansKept}))`,
  );
}
