/** Rows of sessions, and what of a cluster's row belongs to its session. All of it is what agents say, never a person's change. */
import type { Database } from '../platform/prisma.ts';
import type { Sql } from '../platform/transaction.ts';

/** What a scan learns about each session of this replica. */
export interface ClusterPulse {
  id: string;
  state: string;
  fence: bigint;
  epoch: bigint;
  generation: bigint;
  isHeld: boolean;
}

/** A cluster is offline this long after its last sign of life. */
export const liveWithin = `interval '90 seconds'`;

export interface EndedSession {
  id: string;
  clusterId: string;
  fence: bigint;
  reason: string;
}

export async function endSessions(tx: Sql, ended: readonly EndedSession[]): Promise<void> {
  await tx.sql(
    `UPDATE sessions s SET ended_at = now(), end_reason = e.reason FROM unnest($1::text[], $2::text[]) AS e(id, reason)
     WHERE s.id = e.id AND s.ended_at IS NULL`,
    [ended.map(({ id }) => id), ended.map(({ reason }) => reason)],
  );
  await tx.sql(
    `WITH left_alone AS (SELECT c.id FROM clusters c JOIN unnest($1::uuid[], $2::bigint[]) AS e(id, fence)
         ON e.id = c.id AND e.fence = c.fence WHERE c.replica_id IS NOT NULL ORDER BY c.id FOR NO KEY UPDATE OF c)
     UPDATE clusters c SET replica_id = NULL, last_seen_at = now() FROM left_alone l WHERE c.id = l.id`,
    [ended.map(({ clusterId }) => clusterId), ended.map(({ fence }) => fence)],
  );
}

/** One query for all sessions of a replica: the truth that hints only hasten. `isHeld`: nothing may be sent to it. */
export function readPulses(database: Database, clusterIds: readonly string[]): Promise<ClusterPulse[]> {
  return database.query<ClusterPulse>(
    `SELECT c.id, c.state, c.fence, c.epoch, c.generation,
       (c.recovering OR h.recovering OR c.state <> 'Active') AS "isHeld"
     FROM clusters c CROSS JOIN hub h WHERE c.id = ANY($1::uuid[])`,
    [clusterIds],
  );
}

/**
 * Signs of life of this replica's working sessions. One that was taken for dead meanwhile (the replica could not reach
 * Postgres for a while) lives again, as long as nobody took a later fence.
 */
export async function touchSessions(
  database: Database,
  replicaId: string,
  sessions: readonly { id: string; clusterId: string; fence: bigint }[],
): Promise<void> {
  await database.query(
    `WITH live AS (SELECT c.id FROM clusters c JOIN unnest($1::uuid[], $2::bigint[]) AS s(id, fence)
         ON s.id = c.id AND s.fence = c.fence ORDER BY c.id FOR NO KEY UPDATE OF c SKIP LOCKED)
     UPDATE clusters c SET last_seen_at = now(), disconnected_at = NULL, replica_id = $3 FROM live WHERE c.id = live.id`,
    [sessions.map(({ clusterId }) => clusterId), sessions.map(({ fence }) => fence), replicaId],
  );
  await database.query(
    `UPDATE sessions s SET last_seen_at = now(), ended_at = NULL, end_reason = NULL FROM clusters c
     WHERE s.id = ANY($1::text[]) AND c.id = s.cluster_id AND c.fence = s.fence`,
    [sessions.map(({ id }) => id)],
  );
}

export async function beatReplica(
  database: Database,
  replica: { id: string; roles: readonly string[]; address: string; version: string },
): Promise<void> {
  await database.query(
    `INSERT INTO replicas (id, roles, address, version) VALUES ($1, $2, $3, $4)
     ON CONFLICT (id) DO UPDATE SET heartbeat_at = now()`,
    [replica.id, replica.roles, replica.address, replica.version],
  );
}

/** Ends what a dead replica left open. */
export async function endSessionsOfDeadReplicas(tx: Sql): Promise<string[]> {
  const dead = `SELECT s.id FROM sessions s LEFT JOIN replicas r ON r.id = s.replica_id
    WHERE s.ended_at IS NULL AND (r.id IS NULL OR r.heartbeat_at < now() - interval '30 seconds')`;
  const rows = await tx.sql<{ cluster_id: string; replica_id: string }>(
    `UPDATE sessions SET ended_at = now(), end_reason = 'replica lost' WHERE id IN (${dead}) RETURNING cluster_id, replica_id`,
  );
  const clusterIds = [...new Set(rows.map((row) => row.cluster_id))].toSorted();
  const replicaIds = [...new Set(rows.map((row) => row.replica_id))];
  await tx.sql(
    `WITH left_behind AS (SELECT id FROM clusters WHERE id = ANY($1::uuid[]) AND replica_id = ANY($2::uuid[]) ORDER BY id FOR NO KEY UPDATE)
     UPDATE clusters c SET replica_id = NULL FROM left_behind l WHERE c.id = l.id`,
    [clusterIds, replicaIds],
  );
  await tx.sql(`DELETE FROM replicas WHERE heartbeat_at < now() - interval '1 hour'`);
  return clusterIds;
}

/** Clusters that nobody heard of for 90 s and that are not marked so yet. */
export async function markDisconnected(tx: Sql): Promise<string[]> {
  const rows = await tx.sql<{ id: string }>(
    `WITH gone AS (SELECT id FROM clusters WHERE disconnected_at IS NULL AND connected_at IS NOT NULL
       AND last_seen_at < now() - ${liveWithin} ORDER BY id FOR NO KEY UPDATE SKIP LOCKED)
     UPDATE clusters c SET disconnected_at = now() FROM gone WHERE c.id = gone.id RETURNING c.id`,
  );
  return rows.map(({ id }) => id);
}

/** Since it was last seen: whatever it was given after that came after what it holds. */
export async function setClusterRecovering(tx: Sql, clusterId: string, reason: string): Promise<void> {
  await tx.sql(
    `UPDATE clusters SET recovering = true, recovering_reason = $2, 
       recovering_since = coalesce(recovering_since, last_seen_at, now()) WHERE id = $1`,
    [clusterId, reason],
  );
}

export async function endRecovering(tx: Sql, clusterId: string): Promise<void> {
  await tx.sql(
    'UPDATE clusters SET recovering = false, recovering_reason = NULL, recovering_since = NULL WHERE id = $1',
    [clusterId],
  );
}

export async function setTrustBundleVersion(
  database: Database,
  clusterId: string,
  version: number,
): Promise<void> {
  await database.query(
    'UPDATE clusters SET trust_bundle_version = greatest(trust_bundle_version, $2) WHERE id = $1',
    [clusterId, version],
  );
}

/** Bumps the fence, so that the streams of a quarantined cluster count no longer anywhere. */
export async function quarantine(tx: Sql, clusterId: string, reason: string): Promise<void> {
  await tx.sql(
    `UPDATE clusters SET state = 'Quarantined', state_reason = $2, fence = fence + 1, version = version + 1 WHERE id = $1`,
    [clusterId, reason],
  );
}

/** State of each cluster, if it is bound to the key. In the order asked. */
export async function readKeyStates(
  source: Sql,
  asked: readonly { clusterId: string; fingerprint: string }[],
): Promise<(string | null)[]> {
  const rows = await source.sql<{ state: string | null }>(
    `SELECT c.state FROM unnest($1::uuid[], $2::text[]) WITH ORDINALITY AS a(id, fingerprint, n)
       LEFT JOIN cluster_keys k ON k.fingerprint = a.fingerprint AND k.cluster_id = a.id
       LEFT JOIN clusters c ON c.id = k.cluster_id ORDER BY a.n`,
    [asked.map(({ clusterId }) => clusterId), asked.map(({ fingerprint }) => fingerprint)],
  );
  return rows.map(({ state }) => state);
}
