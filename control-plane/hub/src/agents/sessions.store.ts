/** Rows of sessions, and what of a cluster's row belongs to its session. All of it is what agents say, never a person's change. */
import type { Hello } from '@flotilla/proto/messages';
import type { Database } from '../platform/prisma.ts';
import type { Sql } from '../platform/transaction.ts';

export interface ClusterAtHello {
  id: string;
  name: string;
  projectId: string;
  state: string;
  kubeSystemUid: string | null;
  leaseUid: string | null;
  leaseTransitions: bigint;
  displacements: Date[];
  epoch: bigint;
  generation: bigint;
  acceptedEpoch: bigint;
  acceptedGeneration: bigint;
  acceptedDigest: string | null;
  recovering: boolean;
  recoveringReason: string | null;
  now: Date;
}

export interface KeyAtHello {
  clusterId: string;
  slot: string;
  createdAt: Date;
}

/** What a scan learns about each session of this replica. */
export interface ClusterPulse {
  id: string;
  state: string;
  fence: bigint;
  epoch: bigint;
  generation: bigint;
  isHeld: boolean;
}

const liveWithin = `interval '90 seconds'`;

export async function lockClusterAtHello(tx: Sql, clusterId: string): Promise<ClusterAtHello | null> {
  const [row] = await tx.sql<ClusterAtHello>(
    `SELECT id, name, project_id AS "projectId", state, kube_system_uid AS "kubeSystemUid", lease_uid AS "leaseUid",
       lease_transitions AS "leaseTransitions", coalesce(displacements, '{}') AS displacements, epoch, generation, accepted_epoch AS "acceptedEpoch",
       accepted_generation AS "acceptedGeneration", accepted_digest AS "acceptedDigest", recovering,
       recovering_reason AS "recoveringReason", now() AS now
     FROM clusters WHERE id = $1::uuid FOR NO KEY UPDATE`,
    [clusterId],
  );
  return row ?? null;
}

export async function readKey(source: Sql, fingerprint: string): Promise<KeyAtHello | null> {
  const [row] = await source.sql<KeyAtHello>(
    `SELECT cluster_id AS "clusterId", slot, created_at AS "createdAt" FROM cluster_keys WHERE fingerprint = $1`,
    [fingerprint],
  );
  return row ?? null;
}

/** The key was used: enrolment with its token is over, and a next key becomes the current one. */
export async function promoteKey(
  tx: Sql,
  clusterId: string,
  fingerprint: string,
  slot: string,
): Promise<void> {
  await tx.sql(
    'UPDATE cluster_keys SET first_hello_at = now() WHERE fingerprint = $1 AND first_hello_at IS NULL',
    [fingerprint],
  );
  if (slot !== 'next') return;
  await tx.sql(`DELETE FROM cluster_keys WHERE cluster_id = $1 AND slot = 'previous'`, [clusterId]);
  await tx.sql(`UPDATE cluster_keys SET slot = 'previous' WHERE cluster_id = $1 AND slot = 'current'`, [
    clusterId,
  ]);
  await tx.sql(`UPDATE cluster_keys SET slot = 'current' WHERE fingerprint = $1`, [fingerprint]);
}

/** The newest working session of the cluster that has not ended and was alive lately. */
export async function liveSession(
  tx: Sql,
  clusterId: string,
): Promise<{ id: string; instance: string } | null> {
  const [row] = await tx.sql<{ id: string; instance: string }>(
    `SELECT id, instance FROM sessions WHERE cluster_id = $1 AND ended_at IS NULL AND NOT standby
       AND last_seen_at > now() - ${liveWithin} ORDER BY fence DESC LIMIT 1`,
    [clusterId],
  );
  return row ?? null;
}

export async function insertSession(
  tx: Sql,
  session: { hello: Hello; clusterId: string; replicaId: string; fence: bigint; remote: string },
): Promise<void> {
  const { hello, clusterId, replicaId, fence, remote } = session;
  await tx.sql(
    `INSERT INTO sessions (id, cluster_id, replica_id, instance, incarnation, standby, fence, remote)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [hello.session, clusterId, replicaId, hello.instance, hello.incarnation, hello.standby, fence, remote],
  );
}

/** Takes the next fence for a working session: from now on only its writes count. */
export async function takeFence(
  tx: Sql,
  clusterId: string,
  session: { replicaId: string; hello: Hello; displacements: Date[]; isConfirmed: boolean },
): Promise<bigint> {
  const { hello, replicaId, displacements, isConfirmed } = session;
  const [row] = await tx.sql<{ fence: bigint }>(
    `UPDATE clusters SET fence = fence + 1, replica_id = $2, connected_at = now(), last_seen_at = now(),
       disconnected_at = NULL, agent_version = $3, kubernetes_version = $4, facts = $5, lease_uid = nullif($6, ''),
       lease_transitions = $7, displacements = $8::timestamptz[], trust_bundle_version = $9,
       confirmed_fence = CASE WHEN $10 THEN fence + 1 ELSE confirmed_fence END,
       kube_system_uid = coalesce(kube_system_uid, $11),
       state_reason = CASE WHEN state = 'Active' THEN NULL ELSE state_reason END
     WHERE id = $1 RETURNING fence`,
    [
      clusterId,
      replicaId,
      hello.versions.agent,
      hello.versions.kubernetes,
      JSON.stringify(hello.facts),
      hello.leaseUid,
      hello.leaseTransitions,
      displacements,
      hello.trustBundleVersion,
      isConfirmed,
      hello.clusterUid,
    ],
  );
  if (!row) throw new Error('the cluster went away');
  await tx.sql(
    `UPDATE sessions SET ended_at = now(), end_reason = 'displaced'
     WHERE cluster_id = $1 AND ended_at IS NULL AND NOT standby`,
    [clusterId],
  );
  return row.fence;
}

export async function endSession(
  tx: Sql,
  sessionId: string,
  clusterId: string,
  fence: bigint,
  reason: string,
): Promise<void> {
  await tx.sql('UPDATE sessions SET ended_at = now(), end_reason = $2 WHERE id = $1 AND ended_at IS NULL', [
    sessionId,
    reason,
  ]);
  await tx.sql(
    'UPDATE clusters SET replica_id = NULL, last_seen_at = now() WHERE id = $1 AND fence = $2 AND replica_id IS NOT NULL',
    [clusterId, fence],
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

export async function setClusterRecovering(tx: Sql, clusterId: string, reason: string): Promise<void> {
  await tx.sql('UPDATE clusters SET recovering = true, recovering_reason = $2 WHERE id = $1', [
    clusterId,
    reason,
  ]);
}

export async function endRecovering(tx: Sql, clusterId: string): Promise<void> {
  await tx.sql('UPDATE clusters SET recovering = false, recovering_reason = NULL WHERE id = $1', [clusterId]);
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

/** Why the agent of an active cluster is not let in, until one is. */
export async function noteRefusal(tx: Sql, clusterId: string, reason: string): Promise<boolean> {
  const rows = await tx.sql(
    `UPDATE clusters SET state_reason = $2
     WHERE id = $1 AND state = 'Active' AND state_reason IS DISTINCT FROM $2 RETURNING id`,
    [clusterId, reason],
  );
  return rows.length > 0;
}

/** Bumps the fence, so that the streams of a quarantined cluster count no longer anywhere. */
export async function quarantine(tx: Sql, clusterId: string, reason: string): Promise<void> {
  await tx.sql(
    `UPDATE clusters SET state = 'Quarantined', state_reason = $2, fence = fence + 1, version = version + 1 WHERE id = $1`,
    [clusterId, reason],
  );
}

export async function highestFact(source: Sql, clusterId: string, incarnation: string): Promise<bigint> {
  const [row] = await source.sql<{ number: bigint }>(
    'SELECT number FROM fact_rings WHERE cluster_id = $1 AND incarnation = $2',
    [clusterId, incarnation],
  );
  return row?.number ?? 0n;
}

/** What is stored of the cluster's states, for the observed digest. */
export function observedStates(
  source: Sql,
  clusterId: string,
): Promise<{ target: string; digest: string }[]> {
  return source.sql('SELECT target_id AS target, digest FROM target_observations WHERE cluster_id = $1', [
    clusterId,
  ]);
}

/** State of the cluster, if it is bound to this key. */
export async function readKeyState(
  source: Sql,
  clusterId: string,
  fingerprint: string,
): Promise<string | null> {
  const [row] = await source.sql<{ state: string }>(
    `SELECT c.state FROM cluster_keys k JOIN clusters c ON c.id = k.cluster_id WHERE k.fingerprint = $1 AND c.id = $2::uuid`,
    [fingerprint, clusterId],
  );
  return row?.state ?? null;
}
