/** Rows of registration tokens. */
import type { Database } from '../platform/prisma.ts';
import type { Sql } from '../platform/transaction.ts';

export interface TokenRow {
  id: string;
  secretHash: Buffer;
  projectId: string;
  project: string;
  labels: Record<string, string>;
  clusterName: string | null;
  cidrs: string[];
  maxUses: number;
  uses: number;
  requireApproval: boolean;
  expiresAt: Date;
  revokedAt: Date | null;
  createdBy: string;
  createdAt: Date;
}

const columns = `t.id, t.secret_hash AS "secretHash", t.project_id AS "projectId", p.name AS project, t.labels,
  t.cluster_name AS "clusterName", t.cidrs, t.max_uses AS "maxUses", t.uses, t.require_approval AS "requireApproval",
  t.expires_at AS "expiresAt", t.revoked_at AS "revokedAt", t.created_by AS "createdBy", t.created_at AS "createdAt"`;

export async function readToken(source: Sql, id: string): Promise<TokenRow | null> {
  const [row] = await source.sql<TokenRow>(
    `SELECT ${columns} FROM registration_tokens t JOIN projects p ON p.id = t.project_id WHERE t.id = $1`,
    [id],
  );
  return row ?? null;
}

/** Takes one use; false when none is left, it expired or was revoked. The one statement that decides. */
export async function consumeToken(tx: Sql, id: string): Promise<boolean> {
  const rows = await tx.sql(
    `UPDATE registration_tokens SET uses = uses + 1
     WHERE id = $1 AND uses < max_uses AND expires_at > now() AND revoked_at IS NULL RETURNING id`,
    [id],
  );
  return rows.length > 0;
}

export async function insertToken(
  tx: Sql,
  token: Omit<TokenRow, 'uses' | 'project' | 'expiresAt' | 'revokedAt' | 'createdAt'> & {
    expiresInMs: number;
  },
): Promise<void> {
  await tx.sql(
    `INSERT INTO registration_tokens (id, secret_hash, project_id, labels, cluster_name, cidrs, max_uses,
       require_approval, expires_at, created_by)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, now() + $9 * interval '1 millisecond', $10)`,
    [
      token.id,
      token.secretHash,
      token.projectId,
      JSON.stringify(token.labels),
      token.clusterName,
      token.cidrs,
      token.maxUses,
      token.requireApproval,
      token.expiresInMs,
      token.createdBy,
    ],
  );
}

export async function revokeToken(tx: Sql, id: string): Promise<void> {
  await tx.sql('UPDATE registration_tokens SET revoked_at = coalesce(revoked_at, now()) WHERE id = $1', [id]);
}

/** Newest first, after the cursor `(created_at, id)`; one more than `limit`. */
export function listTokens(
  database: Database,
  options: { projectId: string | null; cursor: readonly string[] | null; limit: number },
): Promise<TokenRow[]> {
  const [at, id] = options.cursor ?? [null, null];
  return database.query<TokenRow>(
    `SELECT ${columns} FROM registration_tokens t JOIN projects p ON p.id = t.project_id
     WHERE ($1::uuid IS NULL OR t.project_id = $1)
       AND ($2::timestamptz IS NULL OR (t.created_at, t.id) < ($2::timestamptz, $3::text))
     ORDER BY t.created_at DESC, t.id DESC LIMIT $4`,
    [options.projectId, at, id, options.limit + 1],
  );
}

/** By name or uuid. */
export async function findProject(
  source: Sql,
  nameOrId: string,
): Promise<{ id: string; name: string } | null> {
  const [row] = await source.sql<{ id: string; name: string }>(
    'SELECT id, name FROM projects WHERE name = $1 OR id::text = $1 ORDER BY (name = $1) DESC LIMIT 1',
    [nameOrId],
  );
  return row ?? null;
}
