/** Rows behind desired state: heads of targets, bodies, what was sent and what was accepted. */
import type { AckedMark } from '@flotilla/domain/desired/mark';
import type { Database } from '../platform/prisma.ts';
import type { Sql } from '../platform/transaction.ts';
import type { WantedEntry } from './plan.ts';

export interface DesiredRows {
  state: string;
  fence: bigint;
  epoch: number;
  generation: number;
  isHeld: boolean;
  wanted: WantedEntry[];
  /** Of what changed above `headsAbove`. */
  heads: Map<string, Uint8Array>;
}

interface EntryRow {
  state: string;
  fence: bigint;
  epoch: bigint;
  generation: bigint;
  is_held: boolean;
  target: string | null;
  head_digest: string;
  body_digest: string;
  entry_generation: bigint;
  head: Buffer | null;
}

/** One statement, so that generation and entries are of one moment. Null: no such cluster. */
export async function readDesired(
  source: Sql,
  clusterId: string,
  headsAbove: number,
): Promise<DesiredRows | null> {
  const rows = await source.sql<EntryRow>(
    `SELECT c.state, c.fence, c.epoch, c.generation, (c.recovering OR h.recovering OR c.state <> 'Active') AS is_held,
       t.id AS target, t.head_digest, t.body_digest, t.generation AS entry_generation,
       CASE WHEN t.generation > $2 THEN t.head END AS head
     FROM clusters c CROSS JOIN hub h LEFT JOIN targets t ON t.cluster_id = c.id AND t.head IS NOT NULL
     WHERE c.id = $1`,
    [clusterId, headsAbove],
  );
  const [first] = rows;
  if (!first) return null;
  const entries = rows.filter((row) => row.target !== null);
  return {
    state: first.state,
    fence: first.fence,
    epoch: Number(first.epoch),
    generation: Number(first.generation),
    isHeld: first.is_held,
    wanted: entries.map((row) => ({
      target: row.target ?? '',
      headDigest: row.head_digest,
      bodyDigest: row.body_digest,
      generation: Number(row.entry_generation),
    })),
    heads: new Map(
      entries.flatMap((row) => (row.head === null ? [] : [[row.target ?? '', row.head] as const])),
    ),
  };
}

export async function readHeads(
  source: Sql,
  clusterId: string,
): Promise<Map<string, { digest: string; head: Buffer }>> {
  const rows = await source.sql<{ id: string; digest: string; head: Buffer }>(
    'SELECT id, head_digest AS digest, head FROM targets WHERE cluster_id = $1 AND head IS NOT NULL',
    [clusterId],
  );
  return new Map(rows.map(({ id, digest, head }) => [id, { digest, head }]));
}

export async function readBodies(
  database: Database,
  digests: readonly string[],
): Promise<Map<string, Buffer>> {
  const rows = await database.query<{ digest: string; data: Buffer }>(
    'SELECT digest, data FROM bodies WHERE digest = ANY($1::text[])',
    [digests],
  );
  return new Map(rows.map(({ digest, data }) => [digest, data]));
}

/** Before the first byte leaves: a mark that is not here was never sent by this hub. */
export async function recordSent(database: Database, clusterId: string, mark: AckedMark): Promise<void> {
  await database.query(
    `INSERT INTO sent_marks (cluster_id, epoch, generation, digest) VALUES ($1, $2, $3, $4)
     ON CONFLICT (cluster_id, epoch, generation) DO UPDATE SET digest = excluded.digest, sent_at = now()`,
    [clusterId, mark.epoch, mark.generation, mark.digest],
  );
}

export async function readSent(source: Sql, clusterId: string): Promise<AckedMark[]> {
  const rows = await source.sql<{ epoch: bigint; generation: bigint; digest: string }>(
    'SELECT epoch, generation, digest FROM sent_marks WHERE cluster_id = $1',
    [clusterId],
  );
  return rows.map(({ epoch, generation, digest }) => ({
    epoch: Number(epoch),
    generation: Number(generation),
    digest,
  }));
}

/** False: the fence is stale, or what was accepted is already ahead. */
export async function recordAccepted(
  tx: Sql,
  clusterId: string,
  fence: bigint,
  mark: AckedMark,
): Promise<boolean> {
  const rows = await tx.sql(
    `UPDATE clusters SET accepted_epoch = $3, accepted_generation = $4, accepted_digest = $5, accepted_at = now(),
       nack_reason = NULL, nacked_at = NULL
     WHERE id = $1 AND fence = $2 AND (accepted_epoch, accepted_generation) <= ($3, $4) RETURNING id`,
    [clusterId, fence, mark.epoch, mark.generation, mark.digest],
  );
  if (rows.length === 0) return false;
  await tx.sql('DELETE FROM sent_marks WHERE cluster_id = $1 AND (epoch, generation) < ($2, $3)', [
    clusterId,
    mark.epoch,
    mark.generation,
  ]);
  return true;
}

/** The agent went back: what it holds now counts, so that the next mark is accepted. */
export async function resetAccepted(tx: Sql, clusterId: string, mark: AckedMark | null): Promise<void> {
  await tx.sql(
    'UPDATE clusters SET accepted_epoch = $2, accepted_generation = $3, accepted_digest = $4 WHERE id = $1',
    [clusterId, mark?.epoch ?? 0, mark?.generation ?? 0, mark?.digest ?? null],
  );
}

export async function recordNack(
  database: Database,
  clusterId: string,
  fence: bigint,
  reason: string,
): Promise<void> {
  await database.query(
    'UPDATE clusters SET nack_reason = $3, nacked_at = now() WHERE id = $1 AND fence = $2',
    [clusterId, fence, reason],
  );
}
