/** Rows of bundles and frames as an agent may ask for them: always through a target or a command of its own cluster. */
import type { Database } from '../platform/prisma.ts';

export interface GrantedBundle {
  projectId: string;
  /** Null: not asked for. */
  index: Buffer | null;
  frames: string[];
}

/** Null: there is no such bundle, or it is none of this cluster's; nobody can tell which. */
export async function grantedBundle(
  database: Database,
  ask: { clusterId: string; target: string; digest: string; withIndex: boolean },
): Promise<GrantedBundle | null> {
  const [row] = await database.query<GrantedBundle>(
    `SELECT b.project_id AS "projectId", CASE WHEN $4 THEN b.index END AS index, b.frames
     FROM targets t JOIN applications a ON a.id = t.application_id
       JOIN bundles b ON b.project_id = a.project_id AND b.digest = $3
     WHERE t.id = $2::uuid AND t.cluster_id = $1::uuid AND (t.bundle = $3 OR EXISTS (
       SELECT 1 FROM commands k WHERE k.cluster_id = t.cluster_id AND k.target_id = t.id AND k.kind = 'plan'
         AND k.payload->>'bundle' = $3 AND k.expires_at > now()))`,
    [ask.clusterId, ask.target, ask.digest, ask.withIndex],
  );
  return row ?? null;
}

export async function readFrame(
  database: Database,
  projectId: string,
  digest: string,
): Promise<Buffer | null> {
  const [row] = await database.query<{ data: Buffer }>(
    'SELECT data FROM frames WHERE project_id = $1 AND digest = $2',
    [projectId, digest],
  );
  return row?.data ?? null;
}
