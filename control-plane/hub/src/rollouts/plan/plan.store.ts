/** Rows of plans as people ask for and read them. */
import { sampleMax, type ResultPart } from '@flotilla/domain/plan/group';
import type { PlanCounts } from '@flotilla/domain/plan/plan';
import type { PlanState, PlanVerdict } from '@flotilla/domain/plan/verdict';
import type { Database } from '../../platform/prisma.ts';
import type { Sql } from '../../platform/transaction.ts';

/** Repositories of an application's sources, in their order. */
export function readSourceRepositories(
  tx: Sql,
  applicationId: string,
): Promise<{ id: string; name: string }[]> {
  return tx.sql(
    `SELECT r.id, r.name FROM application_sources s JOIN repositories r ON r.id = s.repository_id
     WHERE s.application_id = $1::uuid ORDER BY s.position`,
    [applicationId],
  );
}

export async function countOpen(tx: Sql, applicationId: string): Promise<number> {
  const [row] = await tx.sql<{ count: number }>(
    `SELECT count(*)::int AS count FROM plans WHERE application_id = $1::uuid AND phase IN ('Rendering', 'Asking')`,
    [applicationId],
  );
  return row?.count ?? 0;
}

export async function insertPlan(
  tx: Sql,
  plan: {
    applicationId: string;
    revision: string;
    repositoryId: string;
    /** That a rollout asks about. */
    ofRevision?: number;
    answerTimeoutMs: number;
    createdBy: string;
  },
): Promise<string> {
  const { applicationId, revision, repositoryId, ofRevision = null, answerTimeoutMs, createdBy } = plan;
  const [row] = await tx.sql<{ id: string }>(
    `INSERT INTO plans (application_id, revision, repository_id, phase, answer_timeout_ms, created_by, of_revision)
     VALUES ($1::uuid, $2, $3::uuid, 'Rendering', $4, $5, $6) RETURNING id`,
    [applicationId, revision, repositoryId, answerTimeoutMs, createdBy, ofRevision],
  );
  if (row === undefined) throw new Error('the plan was not inserted');
  return row.id;
}

export interface PlanRow {
  id: string;
  application: string;
  project: string;
  projectId: string;
  revision: string;
  repositoryId: string;
  phase: 'Rendering' | 'Asking' | 'Done' | 'Failed';
  error: string | null;
  sources: { repository: string; commit: string }[];
  meta: { message?: string; author?: string };
  bundle: string | null;
  objects: number;
  createdBy: string;
  createdAt: Date;
  finishedAt: Date | null;
}

const selectPlans = `
  SELECT p.id, a.name AS application, o.name AS project, a.project_id AS "projectId", p.revision,
    p.repository_id AS "repositoryId", p.phase, p.error, p.sources, p.meta, p.bundle, p.objects,
    p.created_by AS "createdBy", p.created_at AS "createdAt", p.finished_at AS "finishedAt"
  FROM plans p JOIN applications a ON a.id = p.application_id JOIN projects o ON o.id = a.project_id`;

export async function findPlan(database: Sql, applicationId: string, id: string): Promise<PlanRow | null> {
  const [row] = await database.sql<PlanRow>(
    `${selectPlans} WHERE p.application_id = $1::uuid AND p.id = $2::uuid`,
    [applicationId, id],
  );
  return row ?? null;
}

/** Newest first. */
export function listPlans(
  database: Database,
  applicationId: string,
  before: string | null,
  limit: number,
): Promise<PlanRow[]> {
  return database.query<PlanRow>(
    `${selectPlans} WHERE p.application_id = $1::uuid AND ($2::uuid IS NULL OR p.id < $2::uuid)
     ORDER BY p.id DESC LIMIT $3`,
    [applicationId, before, limit],
  );
}

export interface ResultRow {
  targetId: string;
  cluster: string;
  clusterId: string;
  state: PlanState;
  verdict: PlanVerdict | null;
  digest: string | null;
  message: string;
  counts: PlanCounts | null;
  answeredAt: Date | null;
}

const selectResults = `
  SELECT target_id AS "targetId", cluster_name AS cluster, cluster_id AS "clusterId", state, verdict,
    digest, message, counts, answered_at AS "answeredAt"
  FROM plan_results`;

/** Clusters that said the same, counted where they are stored: a fleet is not read to show its plan. */
export interface PartRow extends ResultPart {
  planId: string;
  counts: PlanCounts | null;
}

/** `rollout`: only of the targets of its stage. */
export function readParts(
  database: Sql,
  planIds: readonly string[],
  rollout: string | null = null,
): Promise<PartRow[]> {
  return database.sql<PartRow>(
    `SELECT plan_id AS "planId", state, verdict, digest, count(*)::int AS clusters,
       (array_agg(cluster_name ORDER BY cluster_name COLLATE "C"))[1:${sampleMax}] AS sample,
       (array_agg(message ORDER BY cluster_name COLLATE "C"))[1] AS message,
       (array_agg(counts ORDER BY cluster_name COLLATE "C"))[1] AS counts
     FROM plan_results WHERE plan_id = ANY($1::uuid[]) AND ($2::uuid IS NULL OR target_id IN (
       SELECT t.id FROM rollouts r JOIN targets t ON t.application_id = r.application_id AND t.stage = r.stage WHERE r.id = $2))
     GROUP BY plan_id, state, verdict, digest`,
    [planIds, rollout],
  );
}

export interface ResultFilter {
  state: string | null;
  verdict: string | null;
  digest: string | null;
  /** Name and target of the last row of the page before. */
  after: readonly string[] | null;
  limit: number;
}

export function listResults(
  database: Database,
  planId: string,
  { state, verdict, digest, after, limit }: ResultFilter,
): Promise<ResultRow[]> {
  const [name = null, target = null] = after ?? [];
  return database.query<ResultRow>(
    `${selectResults} WHERE plan_id = $1::uuid AND ($2::text IS NULL OR state = $2) AND ($3::text IS NULL OR verdict = $3)
       AND ($4::text IS NULL OR digest = $4)
       AND ($5::text IS NULL OR (cluster_name, target_id) > ($5, $6::uuid))
     ORDER BY cluster_name, target_id LIMIT $7`,
    [planId, state, verdict, digest, name, target, limit],
  );
}

/** As it is at rest; null: there is none, or none was kept. */
export async function readDiff(database: Database, planId: string, digest: string): Promise<Buffer | null> {
  const [row] = await database.query<{ data: Buffer }>(
    'SELECT data FROM plan_diffs WHERE plan_id = $1::uuid AND digest = $2',
    [planId, digest],
  );
  return row?.data ?? null;
}
