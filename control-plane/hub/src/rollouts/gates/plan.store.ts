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

/** The newest one of this commit that was asked for since, by whomever. */
export async function findPlanSince(
  tx: Sql,
  applicationId: string,
  { repository, commit }: CommitRow,
  sinceMs: number,
): Promise<string | null> {
  const [row] = await tx.sql<{ id: string }>(
    `SELECT id FROM plans WHERE application_id = $1::uuid AND repository_id = $2::uuid AND revision = $3
       AND created_at >= to_timestamp($4::float8 / 1000) ORDER BY id DESC LIMIT 1`,
    [applicationId, repository, commit, sinceMs],
  );
  return row?.id ?? null;
}
