/** Rows of commands and of what agents answer to them. */
import type { Database } from '../platform/prisma.ts';

export interface CommandRow {
  id: string;
  clusterId: string;
  targetId: string | null;
  kind: string;
  payload: Record<string, unknown>;
  expiresAt: Date;
}

const columns = `id, cluster_id AS "clusterId", target_id AS "targetId", kind, payload, expires_at AS "expiresAt"`;

/** Not acked and still in time, oldest first. */
export function openCommands(database: Database, clusterIds: readonly string[]): Promise<CommandRow[]> {
  return database.query<CommandRow>(
    `SELECT ${columns} FROM commands WHERE cluster_id = ANY($1::uuid[]) AND acked_at IS NULL AND expires_at > now()
     ORDER BY created_at, id LIMIT 1000`,
    [clusterIds],
  );
}

export async function ackCommand(database: Database, clusterId: string, id: string): Promise<void> {
  await database.query(
    'UPDATE commands SET acked_at = coalesce(acked_at, now()) WHERE id = $1 AND cluster_id = $2',
    [id, clusterId],
  );
}

/** Of this cluster and in time. */
export async function answerableCommand(database: Database, clusterId: string, id: string): Promise<boolean> {
  const rows = await database.query(
    `SELECT 1 FROM commands WHERE id = $1 AND cluster_id = $2 AND expires_at > now() - interval '5 minutes'`,
    [id, clusterId],
  );
  return rows.length > 0;
}

/** A chunk that came twice is stored once. */
export async function insertAnswer(
  database: Database,
  chunk: { commandId: string; seq: bigint; data: Uint8Array | null; error: unknown; last: boolean },
): Promise<void> {
  await database.query(
    `INSERT INTO answer_chunks (command_id, seq, data, error, last) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
    [
      chunk.commandId,
      chunk.seq,
      chunk.data,
      chunk.error === null ? null : JSON.stringify(chunk.error),
      chunk.last,
    ],
  );
}

/** Answers live for minutes. */
export async function dropOldAnswers(database: Database): Promise<void> {
  await database.query(`DELETE FROM answer_chunks WHERE created_at < now() - interval '10 minutes'`);
  await database.query(`DELETE FROM commands WHERE expires_at < now() - interval '1 day'`);
}
