/** Rows of API tokens. The secret is never stored, only its peppered hash. */
import type { Database } from '../platform/prisma.ts';
import type { HubTransaction } from '../platform/transaction.ts';

export interface ApiTokenRow {
  id: string;
  name: string;
  role: string;
  projectId: string | null;
  createdBy: string;
  createdAt: Date;
  expiresAt: Date | null;
  revokedAt: Date | null;
  lastUsedAt: Date | null;
}

const publicColumns = {
  id: true,
  name: true,
  role: true,
  projectId: true,
  createdBy: true,
  createdAt: true,
  expiresAt: true,
  revokedAt: true,
  lastUsedAt: true,
} as const;

export interface ValidToken {
  id: string;
  name: string;
  role: string;
  project_id: string | null;
  secret_hash: Buffer;
}

/** Null: unknown, expired and revoked are one answer. */
export async function findValidToken(database: Database, id: string): Promise<ValidToken | null> {
  const rows = await database.query<ValidToken>(
    `SELECT id, name, role, project_id, secret_hash FROM api_tokens
      WHERE id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())`,
    [id],
  );
  return rows[0] ?? null;
}

/** At most once a minute a token; not worth an audit event. */
export async function noteUse(database: Database, id: string): Promise<void> {
  await database.query(
    `UPDATE api_tokens SET last_used_at = now()
      WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')`,
    [id],
  );
}

export function listTokens(database: Database, after: string | null, limit: number): Promise<ApiTokenRow[]> {
  return database.client.apiToken.findMany({
    select: publicColumns,
    orderBy: { id: 'asc' },
    take: limit,
    ...(after === null ? {} : { where: { id: { gt: after } } }),
  });
}

export interface NewTokenRow {
  id: string;
  name: string;
  secretHash: Buffer<ArrayBuffer>;
  role: string;
  createdBy: string;
  /** From now, by Postgres's clock; null: never. */
  expiresInMs: number | null;
}

export async function insertToken(tx: HubTransaction, row: NewTokenRow): Promise<ApiTokenRow> {
  const now = await tx.now();
  const { expiresInMs, ...columns } = row;
  const expiresAt = expiresInMs === null ? null : new Date(now.getTime() + expiresInMs);
  return tx.client.apiToken.create({ data: { ...columns, expiresAt }, select: publicColumns });
}

/** Null: there is none, or it is revoked already. */
export async function revokeToken(tx: HubTransaction, id: string): Promise<ApiTokenRow | null> {
  const [row] = await tx.client.apiToken.updateManyAndReturn({
    where: { id, revokedAt: null },
    data: { revokedAt: await tx.now() },
    select: publicColumns,
  });
  return row ?? null;
}

/** Serializes first starts of several replicas, and says whether any token exists. */
export async function lockFirstToken(tx: HubTransaction): Promise<boolean> {
  await tx.sql(`SELECT pg_advisory_xact_lock(hashtext('flotilla.bootstrap'))`);
  const [row] = await tx.sql<{ exists: boolean }>('SELECT EXISTS (SELECT 1 FROM api_tokens) AS exists');
  return row?.exists ?? false;
}
