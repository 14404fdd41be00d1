/** Rows of the audit log: events, their seals, checkpoints. Nothing here changes a row. */
import type { AuditEventRecord } from '@flotilla/domain/audit/event';
import type { ChainPosition, Seal, SealedEvent } from '@flotilla/domain/audit/chain';
import type { Database } from '../platform/prisma.ts';
import type { Sql } from '../platform/transaction.ts';

export interface CheckpointRow {
  seq: bigint;
  hash: string;
  at: Date;
  signature: Buffer;
  keyId: string;
}

export interface EventFilter {
  actorId?: string | undefined;
  action?: string | undefined;
  resourceKind?: string | undefined;
  resourceId?: string | undefined;
  resourceName?: string | undefined;
  projectId?: string | undefined;
  outcome?: string | undefined;
  correlationId?: string | undefined;
  from?: Date | undefined;
  to?: Date | undefined;
}

export interface ListedEvent extends AuditEventRecord {
  seq: bigint | null;
}

/** One sealer at a time in the whole fleet of replicas. */
const sealLock = 0x61756474;

/** How far before the newest sealed event an unsealed one can be: longer than any transaction lives. */
const stragglersWithin = `interval '15 minutes'`;

const eventColumns = `e.id, to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS "at",
  e.actor_kind AS "actorKind", e.actor_id AS "actorId", e.auth_method AS "authMethod", e.ip, e.action,
  e.resource_kind AS "resourceKind", e.resource_id AS "resourceId", e.resource_name AS "resourceName",
  e.project_id AS "projectId", e.changes, e.reason, e.correlation_id AS "correlationId", e.outcome`;

/** Whether this transaction is now the sealer, until it ends. */
export async function trySealLock(tx: Sql): Promise<boolean> {
  const [row] = await tx.sql<{ locked: boolean }>('SELECT pg_try_advisory_xact_lock($1) AS locked', [
    sealLock,
  ]);
  return row?.locked === true;
}

export async function takeSealLock(tx: Sql): Promise<void> {
  await tx.sql('SELECT pg_advisory_xact_lock($1)', [sealLock]);
}

export async function lastSeal(tx: Sql): Promise<ChainPosition | null> {
  const [row] = await tx.sql<ChainPosition>('SELECT seq, hash FROM audit_seals ORDER BY seq DESC LIMIT 1');
  return row ?? null;
}

/** In order of time; committed ones only, so that a later batch may hold an earlier time. */
export function unsealedEvents(
  tx: Sql,
  options: { limit: number; everything: boolean },
): Promise<AuditEventRecord[]> {
  const recent = `e.at > coalesce((SELECT l.at FROM audit_seals s JOIN audit_events l ON l.id = s.event_id
    ORDER BY s.seq DESC LIMIT 1), '-infinity') - ${stragglersWithin} AND`;
  return tx.sql<AuditEventRecord>(
    `SELECT ${eventColumns} FROM audit_events e
     WHERE ${options.everything ? '' : recent} NOT EXISTS (SELECT 1 FROM audit_seals s WHERE s.event_id = e.id)
     ORDER BY e.at, e.id LIMIT $1`,
    [options.limit],
  );
}

export async function insertSeals(tx: Sql, seals: readonly Seal[]): Promise<void> {
  await tx.sql(
    `INSERT INTO audit_seals (seq, event_id, prev, hash)
     SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::text[], $4::text[])`,
    [
      seals.map(({ seq }) => seq),
      seals.map(({ eventId }) => eventId),
      seals.map(({ prev }) => prev),
      seals.map(({ hash }) => hash),
    ],
  );
}

/** Seals after `seq` with their events, in order. */
export async function sealedPage(database: Database, after: bigint, limit: number): Promise<SealedEvent[]> {
  const rows = await database.query<Seal & AuditEventRecord & { id: string | null }>(
    `SELECT s.seq, s.event_id AS "eventId", s.prev, s.hash, ${eventColumns}
     FROM audit_seals s LEFT JOIN audit_events e ON e.id = s.event_id
     WHERE s.seq > $1 ORDER BY s.seq LIMIT $2`,
    [after, limit],
  );
  return rows.map(({ seq, eventId, prev, hash, ...event }) => ({
    seal: { seq, eventId, prev, hash },
    event: event.id === null ? null : event,
  }));
}

export async function countUnsealed(database: Database): Promise<number> {
  const [row] = await database.query<{ count: bigint }>(
    'SELECT count(*) FROM audit_events e WHERE NOT EXISTS (SELECT 1 FROM audit_seals s WHERE s.event_id = e.id)',
  );
  return Number(row?.count ?? 0n);
}

export function listCheckpoints(database: Database): Promise<CheckpointRow[]> {
  return database.query<CheckpointRow>(
    'SELECT seq, hash, at, signature, key_id AS "keyId" FROM audit_checkpoints ORDER BY seq',
  );
}

export async function lastCheckpoint(source: Sql): Promise<CheckpointRow | null> {
  const [row] = await source.sql<CheckpointRow>(
    'SELECT seq, hash, at, signature, key_id AS "keyId" FROM audit_checkpoints ORDER BY seq DESC LIMIT 1',
  );
  return row ?? null;
}

export async function hasCheckpoint(database: Database, seq: bigint, hash: string): Promise<boolean> {
  const rows = await database.query('SELECT 1 FROM audit_checkpoints WHERE seq = $1 AND hash = $2', [
    seq,
    hash,
  ]);
  return rows.length > 0;
}

export async function insertCheckpoint(tx: Sql, row: CheckpointRow): Promise<void> {
  await tx.sql(
    'INSERT INTO audit_checkpoints (seq, hash, at, signature, key_id) VALUES ($1, $2, $3, $4, $5)',
    [row.seq, row.hash, row.at, row.signature, row.keyId],
  );
}

export async function readHubId(source: Sql): Promise<{ id: string; now: Date }> {
  const [row] = await source.sql<{ id: string; now: Date }>(
    "SELECT id, date_trunc('milliseconds', now()) AS now FROM hub",
  );
  if (!row) throw new Error('the hub has no row of its own');
  return row;
}

/** Newest first, after the cursor `(at, id)`; one more than `limit`. */
export function listEvents(
  database: Database,
  filter: EventFilter,
  cursor: readonly string[] | null,
  limit: number,
): Promise<ListedEvent[]> {
  const conditions: string[] = [];
  const params: unknown[] = [];
  const add = (condition: (place: string) => string, value: unknown): void => {
    if (value === undefined) return;
    params.push(value);
    conditions.push(condition(`$${params.length}`));
  };
  add((place) => `e.actor_id = ${place}`, filter.actorId);
  add((place) => `e.action = ${place}`, filter.action);
  add((place) => `e.resource_kind = ${place}`, filter.resourceKind);
  add((place) => `e.resource_id = ${place}`, filter.resourceId);
  add((place) => `e.resource_name = ${place}`, filter.resourceName);
  add((place) => `e.project_id = ${place}::uuid`, filter.projectId);
  add((place) => `e.outcome = ${place}`, filter.outcome);
  add((place) => `e.correlation_id = ${place}`, filter.correlationId);
  add((place) => `e.at >= ${place}`, filter.from);
  add((place) => `e.at < ${place}`, filter.to);
  if (cursor) {
    params.push(cursor[0], cursor[1]);
    conditions.push(`(e.at, e.id) < ($${params.length - 1}::timestamptz, $${params.length}::uuid)`);
  }
  params.push(limit + 1);
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
  return database.query<ListedEvent>(
    `SELECT s.seq, ${eventColumns} FROM audit_events e LEFT JOIN audit_seals s ON s.event_id = e.id
     ${where} ORDER BY e.at DESC, e.id DESC LIMIT $${params.length}`,
    params,
  );
}
