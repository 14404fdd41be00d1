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

export interface AskedDesired {
  clusterId: string;
  /** Heads that a greater generation than this changed come with the rows. */
  headsAbove: number;
}

interface EntryRow {
  n: bigint;
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

/** One statement, so that generation and entries are of one moment. In the order asked; null: no such cluster. */
export async function readDesired(
  source: Sql,
  asked: readonly AskedDesired[],
): Promise<(DesiredRows | null)[]> {
  const rows = await source.sql<EntryRow>(
    `SELECT a.n, c.state, c.fence, c.epoch, c.generation,
       (c.recovering OR h.recovering OR c.state <> 'Active') AS is_held,
       t.id AS target, t.head_digest, t.body_digest, t.generation AS entry_generation,
       CASE WHEN t.generation > a.above THEN t.head END AS head
     FROM unnest($1::uuid[], $2::bigint[]) WITH ORDINALITY AS a(id, above, n) JOIN clusters c ON c.id = a.id
       CROSS JOIN hub h LEFT JOIN targets t ON t.cluster_id = c.id AND t.head IS NOT NULL`,
    [asked.map(({ clusterId }) => clusterId), asked.map(({ headsAbove }) => headsAbove)],
  );
  const byAsked = Map.groupBy(rows, ({ n }) => Number(n));
  return asked.map((_, at) => desiredOf(byAsked.get(at + 1) ?? []));
}

function desiredOf(rows: readonly EntryRow[]): DesiredRows | null {
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

export interface SentMark {
  clusterId: string;
  mark: AckedMark;
}

/** Before the first byte leaves: a mark that is not here was never sent by this hub. */
export async function recordSent(source: Sql, sent: readonly SentMark[]): Promise<void> {
  await source.sql(
    `INSERT INTO sent_marks (cluster_id, epoch, generation, digest)
     SELECT DISTINCT ON (id, epoch, generation) id, epoch, generation, digest
       FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::text[]) WITH ORDINALITY AS s(id, epoch, generation, digest, n)
       ORDER BY id, epoch, generation, n DESC
     ON CONFLICT (cluster_id, epoch, generation) DO UPDATE SET digest = excluded.digest, sent_at = now()`,
    [sent.map(({ clusterId }) => clusterId), ...columnsOf(sent)],
  );
}

/** Those of each cluster that were sent since its last ack. */
export async function readSent(
  source: Sql,
  clusterIds: readonly string[],
): Promise<Map<string, AckedMark[]>> {
  const rows = await source.sql<{ id: string; epoch: bigint; generation: bigint; digest: string }>(
    'SELECT cluster_id AS id, epoch, generation, digest FROM sent_marks WHERE cluster_id = ANY($1::uuid[])',
    [clusterIds],
  );
  const marks = new Map<string, AckedMark[]>();
  for (const { id, epoch, generation, digest } of rows) {
    const mark = { epoch: Number(epoch), generation: Number(generation), digest };
    marks.set(id, [...(marks.get(id) ?? []), mark]);
  }
  return marks;
}

export interface AcceptedMark extends SentMark {
  /** Of the session that says so. */
  fence: bigint;
}

/**
 * What agents acked, in one statement, with what was sent before dropped. In the order given; false: the fence is stale,
 * or what was accepted is already ahead.
 */
export async function recordAccepted(tx: Sql, acks: readonly AcceptedMark[]): Promise<boolean[]> {
  const rows = await tx.sql<{ id: string; fence: bigint }>(
    `WITH acked AS (SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[])
         AS a(id, fence, epoch, generation, digest)),
       locked AS (SELECT c.id FROM clusters c JOIN acked a ON a.id = c.id AND a.fence = c.fence
         ORDER BY c.id FOR NO KEY UPDATE OF c),
       moved AS (UPDATE clusters c SET accepted_epoch = a.epoch, accepted_generation = a.generation,
           accepted_digest = a.digest, accepted_at = clock_timestamp(), nack_reason = NULL, nacked_at = NULL
         FROM acked a JOIN locked l ON l.id = a.id
         WHERE c.id = a.id AND c.fence = a.fence AND (c.accepted_epoch, c.accepted_generation) <= (a.epoch, a.generation)
         RETURNING c.id, c.fence, c.accepted_epoch AS epoch, c.accepted_generation AS generation),
       dropped AS (DELETE FROM sent_marks s USING moved m
         WHERE s.cluster_id = m.id AND (s.epoch, s.generation) < (m.epoch, m.generation))
     SELECT id, fence FROM moved`,
    [acks.map(({ clusterId }) => clusterId), acks.map(({ fence }) => fence), ...columnsOf(acks)],
  );
  const moved = new Set(rows.map(({ id, fence }) => `${id} ${fence}`));
  return acks.map(({ clusterId, fence }) => moved.has(`${clusterId} ${fence}`));
}

function columnsOf(marks: readonly SentMark[]): [number[], number[], string[]] {
  return [
    marks.map(({ mark }) => mark.epoch),
    marks.map(({ mark }) => mark.generation),
    marks.map(({ mark }) => mark.digest),
  ];
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
