/** Rows of repositories, as people read and change them. */
import type { Database } from '../platform/prisma.ts';
import type { Sql } from '../platform/transaction.ts';
import type { RepositoryResource } from './repository.schema.ts';
import { isUuid } from '../platform/uuid.ts';

interface RefRow {
  ref: string;
  commit: string | null;
  error: string | null;
  seenAt: string;
  rewritten: { from: string; to: string; at: string } | null;
}

export interface RepositoryRow {
  id: string;
  projectId: string;
  project: string;
  name: string;
  kind: string;
  url: string;
  credential: Buffer | null;
  webhookSecret: Buffer | null;
  pollIntervalMs: number;
  polledAt: Date | null;
  error: string | null;
  errorAt: Date | null;
  refs: RefRow[] | null;
  version: number;
  createdAt: Date;
}

const selectSql = `
  SELECT r.id, r.project_id AS "projectId", p.name AS project, r.name, r.kind, r.url, r.credential,
    r.webhook_secret AS "webhookSecret", r.poll_interval_ms AS "pollIntervalMs", r.polled_at AS "polledAt", r.error,
    r.error_at AS "errorAt", r.version, r.created_at AS "createdAt",
    (SELECT jsonb_agg(jsonb_build_object('ref', f.ref, 'commit', f.commit, 'error', f.error, 'seenAt', f.seen_at,
       'rewritten', CASE WHEN f.rewritten_from IS NOT NULL
         THEN jsonb_build_object('from', f.rewritten_from, 'to', f.commit, 'at', f.rewritten_at) END)
       ORDER BY f.ref) FROM repository_refs f WHERE f.repository_id = r.id) AS refs
  FROM repositories r JOIN projects p ON p.id = r.project_id`;

export interface RepositoryLocation {
  nameOrId: string;
  project: string;
}

export async function findRepository(
  db: Sql,
  { nameOrId, project }: RepositoryLocation,
  lock: 'locked' | 'unlocked' = 'unlocked',
): Promise<RepositoryRow | null> {
  const isId = isUuid(nameOrId);
  const [row] = await db.sql<RepositoryRow>(
    `${selectSql} WHERE ${isId ? 'r.id = $1::uuid' : 'r.name = $1 AND (p.name = $2 OR p.id::text = $2)'}
     ${lock === 'locked' ? 'FOR NO KEY UPDATE OF r' : ''}`,
    isId ? [nameOrId] : [nameOrId, project],
  );
  return row ?? null;
}

export function listRepositories(
  database: Database,
  filter: { project: string | null; after: string[] | null; limit: number },
): Promise<RepositoryRow[]> {
  const [name = null, id = null] = filter.after ?? [];
  return database.query<RepositoryRow>(
    `${selectSql}
     WHERE ($1::text IS NULL OR p.name = $1 OR p.id::text = $1) AND ($2::text IS NULL OR (r.name, r.id) > ($2, $3::uuid))
     ORDER BY r.name, r.id LIMIT $4`,
    [filter.project, name, id, filter.limit],
  );
}

export async function findProjectId(tx: Sql, nameOrId: string): Promise<string | null> {
  const [row] = await tx.sql<{ id: string }>('SELECT id FROM projects WHERE name = $1 OR id::text = $1', [
    nameOrId,
  ]);
  return row?.id ?? null;
}

export interface NewRepositoryRow {
  id: string;
  projectId: string;
  name: string;
  url: string;
  credential: Buffer | null;
  webhookSecret: Buffer | null;
  keyVersion: number;
  pollIntervalMs: number;
}

/** False: the name is taken. A new repository is asked for at once, so that a wrong URL shows. */
export async function insertRepository(tx: Sql, row: NewRepositoryRow): Promise<boolean> {
  const rows = await tx.sql(
    `INSERT INTO repositories (id, project_id, name, kind, url, credential, webhook_secret, key_version, poll_interval_ms, requested_seq)
     VALUES ($1::uuid, $2::uuid, $3, 'git', $4, $5, $6, $7, $8, 1)
     ON CONFLICT (project_id, name) DO NOTHING RETURNING id`,
    [
      row.id,
      row.projectId,
      row.name,
      row.url,
      row.credential,
      row.webhookSecret,
      row.keyVersion,
      row.pollIntervalMs,
    ],
  );
  return rows.length > 0;
}

export type RepositoryChange = Pick<
  NewRepositoryRow,
  'url' | 'credential' | 'webhookSecret' | 'keyVersion' | 'pollIntervalMs'
>;

export async function updateRepository(tx: Sql, id: string, change: RepositoryChange): Promise<void> {
  await tx.sql(
    `UPDATE repositories SET url = $2, credential = $3, webhook_secret = $4, key_version = $5, poll_interval_ms = $6,
       version = version + 1, requested_seq = requested_seq + 1 WHERE id = $1::uuid`,
    [id, change.url, change.credential, change.webhookSecret, change.keyVersion, change.pollIntervalMs],
  );
}

export async function requestPoll(tx: Sql, id: string): Promise<void> {
  await tx.sql('UPDATE repositories SET requested_seq = requested_seq + 1 WHERE id = $1::uuid', [id]);
}

/** What could not be read is read anew, and a newest revision that did not render is rendered again. Gives its applications. */
export async function retryFailed(tx: Sql, id: string): Promise<string[]> {
  await tx.sql(`DELETE FROM source_trees WHERE repository_id = $1::uuid AND meta ? 'error'`, [id]);
  const users = await tx.sql<{ id: string }>(
    `SELECT id FROM applications WHERE id IN (SELECT application_id FROM application_sources WHERE repository_id = $1::uuid)
     ORDER BY id FOR NO KEY UPDATE`,
    [id],
  );
  const rows = await tx.sql<{ id: string }>(
    `UPDATE revisions r SET state = 'Candidate', error = NULL FROM applications a
     WHERE a.id = ANY($1::uuid[]) AND r.application_id = a.id AND r.number = a.revision_number AND r.state = 'Failed'
     RETURNING a.id`,
    [users.map((user) => user.id)],
  );
  return rows.map((row) => row.id);
}

export async function usersOf(tx: Sql, id: string): Promise<string[]> {
  const rows = await tx.sql<{ name: string }>(
    `SELECT DISTINCT a.name FROM application_sources s JOIN applications a ON a.id = s.application_id
     WHERE s.repository_id = $1::uuid ORDER BY a.name LIMIT 10`,
    [id],
  );
  return rows.map(({ name }) => name);
}

export async function deleteRepository(tx: Sql, id: string): Promise<void> {
  await tx.sql('DELETE FROM repositories WHERE id = $1::uuid', [id]);
  await tx.sql('DELETE FROM webhook_deliveries WHERE repository_id = $1::uuid', [id]);
}

/** False: this delivery was counted already. */
export async function insertDelivery(tx: Sql, repositoryId: string, deliveryId: string): Promise<boolean> {
  const rows = await tx.sql(
    `INSERT INTO webhook_deliveries (repository_id, delivery_id) VALUES ($1::uuid, $2) ON CONFLICT DO NOTHING RETURNING delivery_id`,
    [repositoryId, deliveryId],
  );
  return rows.length > 0;
}

export function repositoryResourceOf(row: RepositoryRow): RepositoryResource {
  const { id, project, name, kind, url, pollIntervalMs, error, version } = row;
  return {
    id,
    project,
    name,
    kind,
    url,
    hasCredential: row.credential !== null,
    hasWebhookSecret: row.webhookSecret !== null,
    pollIntervalMs,
    polledAt: row.polledAt?.toISOString() ?? null,
    error,
    errorAt: row.errorAt?.toISOString() ?? null,
    refs: (row.refs ?? []).map(refOf),
    version,
    createdAt: row.createdAt.toISOString(),
  };
}

function refOf(ref: RefRow): RepositoryResource['refs'][number] {
  const { rewritten } = ref;
  return {
    ...ref,
    seenAt: new Date(ref.seenAt).toISOString(),
    rewritten: rewritten && { ...rewritten, at: new Date(rewritten.at).toISOString() },
  };
}
