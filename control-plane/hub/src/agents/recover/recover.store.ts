/** Rows of recovery. */
import type { Database } from '../../platform/prisma.ts';
import { supersededByRecovery } from '../../rollouts/recovered.ts';
import type { Sql } from '../../platform/transaction.ts';
import type { HeldEntry, KnownRevision } from './heldEntry.ts';

export interface RecoveringCluster {
  id: string;
  name: string;
  projectId: string;
  state: string;
  recovering: boolean;
  recoveringReason: string | null;
  /** Rollouts that started later are newer than whatever it holds. */
  since: Date;
  fence: bigint;
  /** Null: it has not said what it holds. */
  report: { fence: bigint; epoch: bigint; generation: bigint; digest: string | null } | null;
  lastSeenAt: Date | null;
}

export interface ApplicationRow {
  id: string;
  name: string;
  projectId: string;
}

export interface StoredTarget {
  id: string;
  applicationId: string;
  application: string;
  state: string;
  assignment: bigint;
  revisionNumber: number | null;
  headDigest: string | null;
  observedAssignment: bigint;
}

/** Where and as what an entry is adopted. */
export interface Adopted {
  clusterId: string;
  generation: bigint;
  headDigest: string;
  revisionId: string;
  variantId: string;
  number: number;
  since: Date;
}

/** Clusters that are held: all of them while the hub itself is recovering. */
export async function recoveringClusters(source: Sql): Promise<RecoveringCluster[]> {
  const rows = await source.sql<
    RecoveringCluster & {
      reportFence: bigint | null;
      reportEpoch: bigint;
      reportGeneration: bigint;
      reportDigest: string | null;
    }
  >(
    `SELECT c.id, c.name, c.project_id AS "projectId", c.state, c.recovering, c.recovering_reason AS "recoveringReason",
       CASE WHEN h.recovering THEN now() ELSE coalesce(c.recovering_since, now()) END AS since, c.fence, c.last_seen_at AS "lastSeenAt", r.fence AS "reportFence", r.epoch AS "reportEpoch",
       r.generation AS "reportGeneration", r.digest AS "reportDigest"
     FROM clusters c CROSS JOIN hub h LEFT JOIN holding_reports r ON r.cluster_id = c.id
     WHERE (c.recovering OR h.recovering) AND c.state <> 'Revoked' ORDER BY c.name`,
  );
  return rows.map(({ reportFence, reportEpoch, reportGeneration, reportDigest, ...cluster }) => ({
    ...cluster,
    report:
      reportFence === null
        ? null
        : { fence: reportFence, epoch: reportEpoch, generation: reportGeneration, digest: reportDigest },
  }));
}

export async function readHoldings(
  source: Sql,
  clusterId: string,
): Promise<{
  entries: { target: string; head: Buffer }[];
  bodies: Map<string, Buffer>;
  indexes: Map<string, Buffer>;
}> {
  const entries = await source.sql<{ target: string; head: Buffer }>(
    'SELECT target_id AS target, head FROM holdings WHERE cluster_id = $1 ORDER BY target_id',
    [clusterId],
  );
  const parts = await source.sql<{ kind: string; digest: string; data: Buffer }>(
    'SELECT kind, digest, data FROM holding_parts WHERE cluster_id = $1',
    [clusterId],
  );
  const ofKind = (kind: string): Map<string, Buffer> =>
    new Map(parts.filter((part) => part.kind === kind).map(({ digest, data }) => [digest, data]));
  return { entries, bodies: ofKind('body'), indexes: ofKind('bundle') };
}

export async function readApplications(
  source: Sql,
  ids: readonly string[],
  lock: boolean,
): Promise<Map<string, ApplicationRow>> {
  const rows = await source.sql<ApplicationRow>(
    `SELECT id, name, project_id AS "projectId" FROM applications WHERE id = ANY($1::uuid[]) ORDER BY id
     ${lock ? 'FOR NO KEY UPDATE' : ''}`,
    [ids],
  );
  return new Map(rows.map((row) => [row.id, row]));
}

export function readTargets(source: Sql, clusterId: string): Promise<StoredTarget[]> {
  return source.sql<StoredTarget>(
    `SELECT t.id, t.application_id AS "applicationId", a.name AS application, t.state, t.assignment,
       t.revision_number AS "revisionNumber", t.head_digest AS "headDigest",
       coalesce(o.assignment, 0) AS "observedAssignment"
     FROM targets t JOIN applications a ON a.id = t.application_id LEFT JOIN target_observations o ON o.target_id = t.id
     WHERE t.cluster_id = $1 ORDER BY t.id`,
    [clusterId],
  );
}

export async function readRevisions(source: Sql, applicationId: string): Promise<KnownRevision[]> {
  const rows = await source.sql<{
    id: string;
    number: number;
    isLost: boolean;
    variant: string | null;
    bundle: string | null;
  }>(
    `SELECT r.id, r.number, r.sources = '[]' AS "isLost", v.id AS variant, v.bundle FROM revisions r LEFT JOIN variants v ON v.revision_id = r.id
     WHERE r.application_id = $1 ORDER BY r.number DESC`,
    [applicationId],
  );
  return [...Map.groupBy(rows, ({ id }) => id).values()].map((group) => ({
    id: group[0]?.id ?? '',
    number: group[0]?.number ?? 0,
    isLost: group[0]?.isLost ?? false,
    variants: group.flatMap(({ variant, bundle }) => (variant === null ? [] : [{ id: variant, bundle }])),
  }));
}

export async function missingBundles(
  source: Sql,
  wanted: readonly { projectId: string; digest: string }[],
): Promise<{ projectId: string; digest: string }[]> {
  return source.sql(
    `SELECT DISTINCT w.project_id AS "projectId", w.digest FROM unnest($1::uuid[], $2::text[]) AS w(project_id, digest)
     WHERE NOT EXISTS (SELECT 1 FROM bundles b WHERE b.project_id = w.project_id AND b.digest = w.digest)`,
    [wanted.map(({ projectId }) => projectId), wanted.map(({ digest }) => digest)],
  );
}

/** A revision that only clusters remember: its commit is lost, its bundle is not. */
export async function insertLostRevision(
  tx: Sql,
  lost: { applicationId: string; projectId: string; number: number; bundle: string; sizeBytes: number },
): Promise<{ revisionId: string; variantId: string }> {
  const error = { message: 'the bundle was lost with the database' };
  const [revision] = await tx.sql<{ id: string; isKnown: boolean }>(
    `INSERT INTO revisions (application_id, number, key, sources, render_spec, meta, state, error)
     SELECT $1, $2, 'recovered ' || $3, '[]', '{}', '{"message":"recovered from a cluster"}',
       CASE WHEN b.digest IS NULL THEN 'Failed' ELSE 'Ready' END, CASE WHEN b.digest IS NULL THEN $5::jsonb END
     FROM (SELECT 1) one LEFT JOIN bundles b ON b.project_id = $4 AND b.digest = $3 RETURNING id`,
    [lost.applicationId, lost.number, lost.bundle, lost.projectId, JSON.stringify(error)],
  );
  const [variant] = await tx.sql<{ id: string }>(
    `INSERT INTO variants (revision_id, key, project_id, bundle, size_bytes, objects)
     SELECT $1, encode(sha256(''), 'hex'), $2, $3, $4, coalesce((SELECT objects FROM bundles WHERE project_id = $2 AND digest = $3), 0)
     RETURNING id`,
    [revision?.id, lost.projectId, lost.bundle, lost.sizeBytes],
  );
  if (!revision || !variant) throw new Error('the revision was not inserted');
  return { revisionId: revision.id, variantId: variant.id };
}

/** Another bundle of such a revision: from here on each cluster has its own of it. */
export async function insertLostVariant(
  tx: Sql,
  lost: { revisionId: string; projectId: string; bundle: string; sizeBytes: number },
): Promise<{ revisionId: string; variantId: string }> {
  const { revisionId, projectId, bundle, sizeBytes } = lost;
  await tx.sql(
    `UPDATE revisions SET render_spec = render_spec || '{"templating":{"version":1,"sources":[],"overrides":[]}}' WHERE id = $1`,
    [revisionId],
  );
  const [variant] = await tx.sql<{ id: string }>(
    `INSERT INTO variants (revision_id, key, project_id, bundle, size_bytes, objects)
     SELECT $1, 'recovered ' || $3, $2, $3, $4, coalesce((SELECT objects FROM bundles WHERE project_id = $2 AND digest = $3), 0)
     RETURNING id`,
    [revisionId, projectId, bundle, sizeBytes],
  );
  if (!variant) throw new Error('the variant was not inserted');
  return { revisionId, variantId: variant.id };
}

/** One that this hub made after the backup, and that its clusters knew by this number before. */
export async function renumberRevision(tx: Sql, id: string, number: number): Promise<void> {
  await tx.sql('UPDATE revisions SET number = $2 WHERE id = $1', [id, number]);
  await tx.sql('UPDATE rollouts SET revision_number = $2 WHERE revision_id = $1', [id, number]);
  await tx.sql('UPDATE targets SET revision_number = $2, entitled_revision = $2 WHERE revision_id = $1', [
    id,
    number,
  ]);
}

/**
 * The entry exactly as the cluster holds it becomes what is assigned there. It is also what belongs there, unless a
 * rollout that started since has given it another revision: that one it is still to get.
 */
export async function adoptTarget(tx: Sql, held: HeldEntry, at: Adopted): Promise<void> {
  const { head, body, bodyBytes } = held;
  await tx.sql(
    'INSERT INTO bodies (digest, application_id, data) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING',
    [head.body, body.application.id, bodyBytes],
  );
  await tx.sql('DELETE FROM targets WHERE application_id = $1 AND cluster_id = $2 AND id <> $3', [
    body.application.id,
    at.clusterId,
    head.target,
  ]);
  await upsertTarget(tx, held, at);
}

async function upsertTarget(tx: Sql, { head, headBytes, body }: HeldEntry, at: Adopted): Promise<void> {
  await tx.sql(
    `INSERT INTO targets (id, application_id, cluster_id, state, removal, assignment, revision_id, revision_number, variant_id,
       bundle, head, head_digest, body_digest, assigned_at, generation, entitled_revision, rollout_state)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, now(), $14, $8, jsonb_build_object('given', $8::int))
     ON CONFLICT (id) DO UPDATE SET state = excluded.state, removal = excluded.removal, assignment = excluded.assignment,
       revision_id = excluded.revision_id, revision_number = excluded.revision_number, variant_id = excluded.variant_id,
       bundle = excluded.bundle, head = excluded.head, head_digest = excluded.head_digest,
       body_digest = excluded.body_digest, assigned_at = excluded.assigned_at, generation = excluded.generation,
       entitled_revision = excluded.entitled_revision, rollout_state = targets.rollout_state || '{"lane": null}' ||
         CASE WHEN EXISTS (SELECT 1 FROM rollouts r JOIN rollout_outcomes o ON o.rollout_id = r.id AND o.target_id = targets.id
           WHERE r.application_id = targets.application_id AND r.started_at > $15
             AND o.state->'revision' = targets.rollout_state->'given') THEN '{}' ELSE excluded.rollout_state END`,
    [
      head.target,
      body.application.id,
      at.clusterId,
      head.state,
      head.removal ?? null,
      head.assignment,
      at.revisionId,
      at.number,
      at.variantId,
      head.bundle.digest,
      headBytes,
      at.headDigest,
      head.body,
      at.generation,
      at.since,
    ],
  );
}

/** What the database assigned and the cluster does not hold: what was on its way out has gone, the rest is assigned anew. */
export async function dropNotHeld(tx: Sql, clusterId: string, held: readonly string[]): Promise<string[]> {
  await tx.sql(
    `DELETE FROM targets WHERE cluster_id = $1 AND state = 'Removing' AND head IS NOT NULL AND NOT id = ANY($2::uuid[])`,
    [clusterId, held],
  );
  const rows = await tx.sql<{ id: string }>(
    `UPDATE targets SET state = 'Unassigned', head = NULL, head_digest = NULL, body_digest = NULL, bundle = NULL,
       revision_id = NULL, revision_number = NULL, variant_id = NULL, entitled_revision = NULL, rollout_state = '{}'
     WHERE cluster_id = $1 AND head IS NOT NULL AND NOT id = ANY($2::uuid[]) RETURNING id`,
    [clusterId, held],
  );
  return rows.map(({ id }) => id);
}

/**
 * Rollouts of the restored past are over, and those that came since go on: what they assigned to this cluster was never
 * sent, so its turn comes again. One that was paused is not proposed anew: that is for a person. What goes on from a stage
 * soaks anew: numbers may be another revision's by now. Sources are looked at again, and numbers go on above the highest seen.
 */
export async function settleApplications(
  tx: Sql,
  clusterId: string,
  ids: readonly string[],
  since: Date,
): Promise<void> {
  await tx.sql(
    `UPDATE rollouts SET phase = 'Superseded', closed_at = now(),
       phase_reason = CASE WHEN phase = 'Paused' THEN $2::text || ' while it was paused' ELSE $2 END
     WHERE application_id = ANY($1::uuid[]) AND phase IN ('Running', 'Paused', 'Queued', 'AwaitingSync')
       AND coalesce(started_at, created_at) <= $3`,
    [ids, supersededByRecovery, since],
  );
  await tx.sql(
    `INSERT INTO rollout_targets (rollout_id, target_id, cluster_id, wave, outcome, reason, assignment, state)
     SELECT o.rollout_id, o.target_id, o.cluster_id, o.wave, o.outcome, o.reason, o.assignment, o.state
     FROM rollout_outcomes o JOIN rollouts r ON r.id = o.rollout_id
     WHERE o.cluster_id = $1 AND r.application_id = ANY($2::uuid[]) AND r.phase IN ('Running', 'Paused')
     ON CONFLICT DO NOTHING`,
    [clusterId, ids],
  );
  await tx.sql(
    `UPDATE rollout_targets o SET outcome = 'Pending', reason = NULL, assignment = NULL,
       state = jsonb_build_object('revision', o.state->'revision', 'givenBefore', o.state->'givenBefore')
     FROM rollouts r WHERE r.id = o.rollout_id AND o.cluster_id = $1 AND r.application_id = ANY($2::uuid[])
       AND r.phase IN ('Running', 'Paused') AND o.outcome IN ('Assigned', 'Progressing', 'Soaking')`,
    [clusterId, ids],
  );
  await tx.sql(
    `UPDATE applications a SET rollout_version = rollout_version + 1, requested_seq = requested_seq + 1,
       rollout_state = CASE WHEN rollout_state ? 'stages' THEN jsonb_set(rollout_state, '{stages}', (
         SELECT jsonb_agg(stage - '{soaking,ready}'::text[] ORDER BY n) FROM jsonb_array_elements(rollout_state->'stages') WITH ORDINALITY AS e(stage, n)))
         ELSE rollout_state END,
       revision_number = greatest(a.revision_number, coalesce((SELECT max(number) FROM revisions r WHERE r.application_id = a.id), 0))
     WHERE id = ANY($1::uuid[])`,
    [ids],
  );
}

/** Null: it spoke again meanwhile, so that what it reported may be old. */
export async function lockReported(
  tx: Sql,
  clusterId: string,
): Promise<{ epoch: bigint; generation: bigint } | null> {
  const [row] = await tx.sql<{ epoch: bigint; generation: bigint }>(
    `SELECT greatest(c.epoch, r.epoch) AS epoch, greatest(c.generation, r.generation) AS generation
     FROM clusters c JOIN holding_reports r ON r.cluster_id = c.id
     WHERE c.id = $1 AND r.fence = c.fence FOR NO KEY UPDATE OF c`,
    [clusterId],
  );
  return row ?? null;
}

/**
 * Raises the epoch, and remembers what the cluster holds as what it accepted. Its fence rises too: the session that is
 * there was told that it is recovering, and the next one is an ordinary one.
 */
export async function resumeCluster(
  tx: Sql,
  clusterId: string,
  at: {
    epoch: bigint;
    generation: bigint;
    accepted: { epoch: bigint; generation: bigint; digest: string | null };
  },
): Promise<void> {
  await tx.sql(
    `UPDATE clusters SET epoch = $2, generation = $3, accepted_epoch = $4, accepted_generation = $5, accepted_digest = $6,
       recovering = false, recovering_reason = NULL, recovering_since = NULL, fence = fence + 1, version = version + 1 WHERE id = $1`,
    [clusterId, at.epoch, at.generation, at.accepted.epoch, at.accepted.generation, at.accepted.digest],
  );
  await tx.sql('DELETE FROM sent_marks WHERE cluster_id = $1', [clusterId]);
}

/** Assignments go on above the highest that was observed. */
export async function raiseAssignment(
  tx: Sql,
  target: { id: string; assignment: number; head: Uint8Array; headDigest: string; generation: bigint },
): Promise<void> {
  await tx.sql(
    'UPDATE targets SET assignment = $2, head = $3, head_digest = $4, generation = $5 WHERE id = $1',
    [target.id, target.assignment, target.head, target.headDigest, target.generation],
  );
}

export async function readHead(source: Sql, targetId: string): Promise<Buffer | null> {
  const [row] = await source.sql<{ head: Buffer | null }>('SELECT head FROM targets WHERE id = $1', [
    targetId,
  ]);
  return row?.head ?? null;
}

/** Whoever has not been heard stays recovering, for weeks if need be; the hub as such goes on. */
export async function resumeHub(tx: Sql, taken: readonly string[], reason: string): Promise<boolean> {
  const rows = await tx.sql(
    'UPDATE hub SET recovering = false, recovering_reason = NULL, recovered_at = now() WHERE recovering RETURNING id',
  );
  if (rows.length === 0) return false;
  await tx.sql(
    `UPDATE clusters SET recovering = true, recovering_reason = coalesce(recovering_reason, $2), recovering_since = now()
     WHERE (recovering OR connected_at IS NOT NULL) AND NOT id = ANY($1::uuid[])`,
    [taken, reason],
  );
  return true;
}

export async function insertCommand(database: Database, clusterId: string, digest: string): Promise<string> {
  const [row] = await database.query<{ id: string }>(
    `INSERT INTO commands (cluster_id, kind, payload, created_by, expires_at)
     VALUES ($1, 'sendBundle', $2, 'hub recover', now() + interval '10 minutes') RETURNING id`,
    [clusterId, JSON.stringify({ digest })],
  );
  if (!row) throw new Error('the command was not inserted');
  return row.id;
}

export function readAnswer(
  database: Database,
  commandId: string,
): Promise<{ seq: bigint; data: Buffer | null; error: { message: string } | null; last: boolean }[]> {
  return database.query(
    'SELECT seq, data, error, last FROM answer_chunks WHERE command_id = $1 ORDER BY seq',
    [commandId],
  );
}

export async function isAnswered(database: Database, commandId: string): Promise<boolean> {
  return (
    (await database.query('SELECT 1 FROM answer_chunks WHERE command_id = $1 AND last', [commandId])).length >
    0
  );
}
