/**
 * Rows of a flush of reports. Locks clusters by id, so that a session which takes a new fence waits for the flush or
 * the flush sees its fence; then everything is set-based: one read, one upsert, one insert of history.
 */
import type { ObservedOperation, ObservedState } from '@flotilla/domain/status/observed';
import type { HealthStatus, SyncStatus } from '@flotilla/domain/status/words';
import { pgArray, pgColumns, type Column } from '../platform/pgArray.ts';
import type { Sql } from '../platform/transaction.ts';

export interface LockedCluster {
  id: string;
  name: string;
  fence: bigint;
  now: Date;
}

/** The current fence of each cluster, held until the flush commits. */
export async function lockClusters(
  tx: Sql,
  clusterIds: readonly string[],
): Promise<Map<string, LockedCluster>> {
  const rows = await tx.sql<{ id: string; name: string; fence: bigint; now: Date }>(
    `SELECT id, name, fence, now() AS now FROM clusters WHERE id = ANY($1::uuid[]) ORDER BY id FOR SHARE`,
    [clusterIds],
  );
  return new Map(rows.map((row) => [row.id, row]));
}

export interface StoredTarget {
  targetId: string;
  clusterId: string;
  applicationId: string;
  applicationName: string;
  /** A rollout of its application is open. */
  inRollout: boolean;
  /** Null: never reported. */
  observed: StoredObservation | null;
}

export interface StoredObservation {
  fence: bigint;
  seq: bigint;
  digest: string;
  assignment: number;
  revision: number;
  sync: SyncStatus;
  health: HealthStatus;
  healthSinceMs: number;
  healthRecorded: HealthStatus;
  flaps: number;
  operation: ObservedOperation | null;
  removal: ObservedState['removal'];
  changedAtMs: number;
}

interface StoredTargetRow {
  id: string;
  cluster_id: string;
  application_id: string;
  application_name: string;
  in_rollout: boolean;
  fence: bigint | null;
  seq: bigint;
  digest: string;
  assignment: number;
  revision_number: number;
  sync: SyncStatus;
  health: HealthStatus;
  health_since_ms: number;
  health_recorded: HealthStatus;
  flaps: number;
  operation: ObservedOperation | null;
  removal: ObservedState['removal'];
  changed_at_ms: number;
}

export async function readTargets(tx: Sql, targetIds: readonly string[]): Promise<Map<string, StoredTarget>> {
  const rows = await tx.sql<StoredTargetRow>(
    `SELECT t.id, t.cluster_id, t.application_id, a.name AS application_name,
            t.application_id IN (SELECT application_id FROM rollouts WHERE phase IN ('Running', 'Paused')) AS in_rollout,
            o.fence, o.seq, o.digest, o.assignment::float8 AS assignment, o.revision_number, o.sync, o.health,
            date_part('epoch', o.health_since) * 1000 AS health_since_ms, o.health_recorded, o.flaps,
            nullif(o.state->'operation', 'null') AS operation, o.removal,
            date_part('epoch', o.changed_at) * 1000 AS changed_at_ms
       FROM targets t JOIN applications a ON a.id = t.application_id
       LEFT JOIN target_observations o ON o.target_id = t.id
      WHERE t.id = ANY($1::uuid[])`,
    [pgArray('uuid', targetIds)],
  );
  return new Map(rows.map((row) => [row.id, storedTarget(row)]));
}

function storedTarget(row: StoredTargetRow): StoredTarget {
  return {
    targetId: row.id,
    clusterId: row.cluster_id,
    applicationId: row.application_id,
    applicationName: row.application_name,
    inRollout: row.in_rollout,
    observed: row.fence === null ? null : storedObservation(row, row.fence),
  };
}

function storedObservation(row: StoredTargetRow, fence: bigint): StoredObservation {
  return {
    fence,
    seq: row.seq,
    digest: row.digest,
    assignment: row.assignment,
    revision: row.revision_number,
    sync: row.sync,
    health: row.health,
    healthSinceMs: row.health_since_ms,
    healthRecorded: row.health_recorded,
    flaps: row.flaps,
    operation: row.operation,
    removal: row.removal,
    changedAtMs: row.changed_at_ms,
  };
}

export interface ObservationRow {
  targetId: string;
  clusterId: string;
  applicationId: string;
  fence: bigint;
  seq: bigint;
  digest: string;
  json: string;
  state: ObservedState;
  changedAtMs: number;
  healthSinceMs: number;
  healthRecorded: HealthStatus;
  flaps: number;
}

/** Sorted by target, so that two writers lock in one order; an older (fence, seq) changes nothing. */
export async function upsertObservations(tx: Sql, observations: readonly ObservationRow[]): Promise<void> {
  if (observations.length === 0) return;
  const rows = observations.toSorted((a, b) => (a.targetId < b.targetId ? -1 : 1));
  await tx.sql(upsertSql, pgColumns(rows, observationColumns));
}

const observationColumns: readonly Column<ObservationRow>[] = [
  ['uuid', ({ targetId }) => targetId],
  ['uuid', ({ clusterId }) => clusterId],
  ['uuid', ({ applicationId }) => applicationId],
  ['int8', ({ fence }) => fence],
  ['int8', ({ seq }) => seq],
  ['text', ({ digest }) => digest],
  ['int8', ({ state }) => state.assignment],
  ['int4', ({ state }) => state.revision],
  ['text', ({ state }) => state.bundle],
  ['text', ({ state }) => state.sync],
  ['text', ({ state }) => state.health.status],
  ['text', ({ state }) => withoutNul(state.health.message)],
  ['text', ({ state }) => state.operation?.phase],
  ['text', ({ state }) => withoutNul(state.operation?.message ?? '')],
  ['jsonb', ({ json }) => json],
  ['text', ({ state }) => state.removal],
  ['timestamptz', ({ changedAtMs }) => changedAtMs],
  ['timestamptz', ({ healthSinceMs }) => healthSinceMs],
  ['text', ({ healthRecorded }) => healthRecorded],
  ['int4', ({ flaps }) => flaps],
];

const upsertSql = `
  INSERT INTO target_observations AS o
    (target_id, cluster_id, application_id, fence, seq, digest, assignment, revision_number, bundle, sync, health,
     health_message, operation_phase, operation_message, state, removal, changed_at, health_since, health_recorded, flaps,
     observed_at)
  SELECT *, now() FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[], $5::bigint[], $6::text[], $7::bigint[],
     $8::int4[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::jsonb[], $16::text[],
     $17::timestamptz[], $18::timestamptz[], $19::text[], $20::int4[])
  ON CONFLICT (target_id) DO UPDATE SET
     fence = excluded.fence, seq = excluded.seq, digest = excluded.digest, assignment = excluded.assignment,
     revision_number = excluded.revision_number, bundle = excluded.bundle, sync = excluded.sync,
     health = excluded.health, health_message = excluded.health_message, operation_phase = excluded.operation_phase,
     operation_message = excluded.operation_message, state = excluded.state, removal = excluded.removal,
     changed_at = excluded.changed_at, health_since = excluded.health_since,
     health_recorded = excluded.health_recorded, flaps = excluded.flaps, observed_at = excluded.observed_at
   WHERE (excluded.fence, excluded.seq) > (o.fence, o.seq)`;

/** Highest number committed of each ring, by `cluster/incarnation`; locked, so that a fact is stored once. */
export async function lockFactRings(
  tx: Sql,
  rings: readonly { clusterId: string; incarnation: string }[],
): Promise<Map<string, bigint>> {
  if (rings.length === 0) return new Map();
  const ids = rings.map((ring) => ring.clusterId);
  const incarnations = rings.map((ring) => ring.incarnation);
  await tx.sql(
    `INSERT INTO fact_rings (cluster_id, incarnation, number)
     SELECT r.c, r.i, 0 FROM unnest($1::uuid[], $2::text[]) AS r(c, i) ORDER BY 1, 2 ON CONFLICT DO NOTHING`,
    [ids, incarnations],
  );
  const rows = await tx.sql<{ cluster_id: string; incarnation: string; number: bigint }>(
    `SELECT f.cluster_id, f.incarnation, f.number
       FROM fact_rings f JOIN unnest($1::uuid[], $2::text[]) AS r(c, i) ON f.cluster_id = r.c AND f.incarnation = r.i
      ORDER BY 1, 2 FOR UPDATE OF f`,
    [ids, incarnations],
  );
  return new Map(rows.map((row) => [ringKey(row.cluster_id, row.incarnation), row.number]));
}

export function ringKey(clusterId: string, incarnation: string): string {
  return `${clusterId}/${incarnation}`;
}

export async function moveFactRings(
  tx: Sql,
  rings: readonly { clusterId: string; incarnation: string; number: bigint }[],
): Promise<void> {
  if (rings.length === 0) return;
  await tx.sql(
    `UPDATE fact_rings f SET number = greatest(f.number, r.n), updated_at = now()
       FROM unnest($1::uuid[], $2::text[], $3::bigint[]) AS r(c, i, n) WHERE f.cluster_id = r.c AND f.incarnation = r.i`,
    [
      rings.map((ring) => ring.clusterId),
      rings.map((ring) => ring.incarnation),
      rings.map((ring) => String(ring.number)),
    ],
  );
}

export interface TransitionRow {
  at: Date;
  agentAt: Date | null;
  targetId: string;
  clusterId: string;
  applicationId: string;
  kind: string;
  from: string | null;
  to: string | null;
  detail: unknown;
}

export async function insertTransitions(tx: Sql, rows: readonly TransitionRow[]): Promise<void> {
  if (rows.length === 0) return;
  await tx.sql(
    `INSERT INTO target_transitions (at, agent_at, target_id, cluster_id, application_id, kind, "from", "to", detail)
     SELECT * FROM unnest($1::timestamptz[], $2::timestamptz[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[],
                          $7::text[], $8::text[], $9::jsonb[])`,
    pgColumns(rows, transitionColumns),
  );
}

const transitionColumns: readonly Column<TransitionRow>[] = [
  ['timestamptz', ({ at }) => at.getTime()],
  ['timestamptz', ({ agentAt }) => agentAt?.getTime()],
  ['uuid', ({ targetId }) => targetId],
  ['uuid', ({ clusterId }) => clusterId],
  ['uuid', ({ applicationId }) => applicationId],
  ['text', ({ kind }) => kind],
  ['text', ({ from }) => from && withoutNul(from)],
  ['text', ({ to }) => to && withoutNul(to)],
  ['jsonb', ({ detail }) => JSON.stringify(detail).replaceAll('\\u0000', '\\ufffd')],
];

/** Postgres's text takes no NUL. */
function withoutNul(text: string): string {
  return text.includes('\0') ? text.replaceAll('\0', '\ufffd') : text;
}
