/** The plan that a rollout waits for, and the commits that it must be of. */
import type { Sql } from '../../platform/transaction.ts';

export interface CommitRow {
  repository: string;
  commit: string;
}

/** Of a revision, in source order; empty where nobody knows them any more. */
export async function readCommits(
  tx: Sql,
  applicationId: string,
  revision: number,
): Promise<readonly CommitRow[]> {
  const [row] = await tx.sql<{ sources: CommitRow[] }>(
    'SELECT sources FROM revisions WHERE application_id = $1::uuid AND number = $2',
    [applicationId, revision],
  );
  return row?.sources ?? [];
}

/** What a rollout asks about. */
export interface AskedRevision {
  number: number;
  /** Of each source; not empty. */
  commits: readonly CommitRow[];
}

/** The newest one that was asked for since: of the revision, or by whomever of its commit where that says which all are. */
export async function findPlanSince(
  tx: Sql,
  applicationId: string,
  { number, commits }: AskedRevision,
  sinceMs: number,
): Promise<string | null> {
  const [first] = commits;
  const isAll = commits.every(({ repository }) => repository === first?.repository);
  const [row] = await tx.sql<{ id: string }>(
    `SELECT id FROM plans WHERE application_id = $1::uuid AND created_at >= to_timestamp($2::float8 / 1000)
       AND (of_revision = $3 OR of_revision IS NULL AND repository_id = $4::uuid AND revision = $5 AND $6)
     ORDER BY id DESC LIMIT 1`,
    [applicationId, sinceMs, number, first?.repository ?? null, first?.commit ?? null, isAll],
  );
  return row?.id ?? null;
}
