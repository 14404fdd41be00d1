/** What the event stream reads: sealed audit events in the order of the chain. */
import type { Database } from '../platform/prisma.ts';

export interface SealedRow {
  seq: bigint;
  id: string;
  at: Date;
  actor_kind: string;
  actor_id: string;
  action: string;
  resource_kind: string;
  resource_id: string;
  resource_name: string;
  project_id: string | null;
  reason: Record<string, unknown>;
  outcome: string;
}

export function readSealedAfter(database: Database, seq: bigint, limit: number): Promise<SealedRow[]> {
  return database.query<SealedRow>(
    `SELECT s.seq, e.id, e.at, e.actor_kind, e.actor_id, e.action, e.resource_kind, e.resource_id, e.resource_name,
            e.project_id, e.reason, e.outcome
       FROM audit_seals s JOIN audit_events e ON e.id = s.event_id WHERE s.seq > $1 ORDER BY s.seq LIMIT $2`,
    [seq, limit],
  );
}

export async function readHighestSeal(database: Database): Promise<bigint> {
  const [row] = await database.query<{ seq: bigint | null }>('SELECT max(seq) AS seq FROM audit_seals');
  return row?.seq ?? 0n;
}
