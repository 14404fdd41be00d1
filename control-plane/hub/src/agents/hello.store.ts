/** What a Hello reads and writes, of many clusters at once: their rows are locked first, and all is of one transaction. */
import type { Hello } from '@flotilla/proto/messages';
import type { Sql } from '../platform/transaction.ts';
import { liveWithin } from './sessions.store.ts';

export interface ClusterAtHello {
  id: string;
  name: string;
  projectId: string;
  state: string;
  kubeSystemUid: string | null;
  leaseUid: string | null;
  leaseTransitions: bigint;
  displacements: Date[];
  fence: bigint;
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
  fingerprint: string;
  slot: string;
  createdAt: Date;
  /** Null: this Hello is its first. */
  firstHelloAt: Date | null;
}

/** What the hub knows of whoever says a Hello, beside its cluster. */
export interface Papers {
  /** Null: no cluster is bound to this key. */
  key: KeyAtHello | null;
  /** The newest working session of the cluster that has not ended and was alive lately. */
  live: { instance: string } | null;
  /** The highest of this incarnation. */
  factNumber: bigint;
}

/** In the order of ids, as everybody locks clusters. */
export async function lockClustersAtHello(
  tx: Sql,
  clusterIds: readonly string[],
): Promise<Map<string, ClusterAtHello>> {
  const rows = await tx.sql<ClusterAtHello>(
    `SELECT id, name, project_id AS "projectId", state, kube_system_uid AS "kubeSystemUid", lease_uid AS "leaseUid",
       lease_transitions AS "leaseTransitions", coalesce(displacements, '{}') AS displacements, fence, epoch, generation,
       accepted_epoch AS "acceptedEpoch", accepted_generation AS "acceptedGeneration", accepted_digest AS "acceptedDigest",
       recovering, recovering_reason AS "recoveringReason", now() AS now
     FROM clusters WHERE id = ANY($1::uuid[]) ORDER BY id FOR NO KEY UPDATE`,
    [clusterIds],
  );
  return new Map(rows.map((row) => [row.id, row]));
}

/** After the lock, so that it is what the session before left. In the order asked. */
export async function readPapers(
  tx: Sql,
  asked: readonly { clusterId: string; fingerprint: string; incarnation: string }[],
): Promise<Papers[]> {
  const rows = await tx.sql<
    Partial<KeyAtHello> & { n: bigint; instance: string | null; number: bigint | null }
  >(
    `SELECT a.n, k.cluster_id AS "clusterId", k.fingerprint, k.slot, k.created_at AS "createdAt",
       k.first_hello_at AS "firstHelloAt", live.instance, f.number
     FROM unnest($1::uuid[], $2::text[], $3::text[]) WITH ORDINALITY AS a(id, fingerprint, incarnation, n)
       LEFT JOIN cluster_keys k ON k.fingerprint = a.fingerprint
       LEFT JOIN fact_rings f ON f.cluster_id = a.id AND f.incarnation = a.incarnation
       LEFT JOIN LATERAL (SELECT s.instance FROM sessions s WHERE s.cluster_id = a.id AND s.ended_at IS NULL
         AND NOT s.standby AND s.last_seen_at > now() - ${liveWithin} ORDER BY s.fence DESC LIMIT 1) live ON true
     ORDER BY a.n`,
    [
      asked.map(({ clusterId }) => clusterId),
      asked.map(({ fingerprint }) => fingerprint),
      asked.map(({ incarnation }) => incarnation),
    ],
  );
  return rows.map(({ n: _, instance, number, ...key }) => ({
    key: key.clusterId == null ? null : (key as KeyAtHello),
    live: instance === null ? null : { instance },
    factNumber: number ?? 0n,
  }));
}

/** Keys that were used: enrolment with their tokens is over, and a next key becomes the current one. */
export async function promoteKeys(tx: Sql, keys: readonly KeyAtHello[]): Promise<void> {
  const fresh = keys.filter(({ firstHelloAt }) => firstHelloAt === null);
  if (fresh.length > 0)
    await tx.sql(
      'UPDATE cluster_keys SET first_hello_at = now() WHERE fingerprint = ANY($1::text[]) AND first_hello_at IS NULL',
      [fresh.map(({ fingerprint }) => fingerprint)],
    );
  for (const key of keys) if (key.slot === 'next') await promoteNext(tx, key);
}

async function promoteNext(tx: Sql, { clusterId, fingerprint }: KeyAtHello): Promise<void> {
  await tx.sql(`DELETE FROM cluster_keys WHERE cluster_id = $1 AND slot = 'previous'`, [clusterId]);
  await tx.sql(`UPDATE cluster_keys SET slot = 'previous' WHERE cluster_id = $1 AND slot = 'current'`, [
    clusterId,
  ]);
  await tx.sql(`UPDATE cluster_keys SET slot = 'current' WHERE fingerprint = $1`, [fingerprint]);
}

export interface NewSession {
  hello: Hello;
  clusterId: string;
  replicaId: string;
  remote: string;
}

/** Takes no fence. */
export async function insertStandby(tx: Sql, session: NewSession): Promise<void> {
  const { hello, clusterId, replicaId, remote } = session;
  await tx.sql(
    `INSERT INTO sessions (id, cluster_id, replica_id, instance, incarnation, standby, fence, remote)
     VALUES ($1, $2, $3, $4, $5, true, 0, $6)`,
    [hello.session, clusterId, replicaId, hello.instance, hello.incarnation, remote],
  );
}

export interface WorkingSession extends NewSession {
  displacements: Date[];
  isConfirmed: boolean;
}

/** Takes the next fence for each working session: from now on only its writes count. By cluster. */
export async function takeFences(tx: Sql, sessions: readonly WorkingSession[]): Promise<Map<string, bigint>> {
  const rows = await tx.sql<{ id: string; fence: bigint }>(
    `WITH x AS (SELECT * FROM jsonb_to_recordset($1::jsonb) AS x(id uuid, session text, replica uuid, instance text,
         incarnation text, remote text, agent text, kubernetes text, facts jsonb, lease text, transitions bigint,
         displacements timestamptz[], bundle int, confirmed boolean, uid text)),
       taken AS (UPDATE clusters c SET fence = c.fence + 1, replica_id = x.replica, connected_at = now(), last_seen_at = now(),
           disconnected_at = NULL, agent_version = x.agent, kubernetes_version = x.kubernetes, facts = x.facts,
           lease_uid = nullif(x.lease, ''), lease_transitions = x.transitions, displacements = x.displacements,
           trust_bundle_version = x.bundle,
           confirmed_fence = CASE WHEN x.confirmed THEN c.fence + 1 ELSE c.confirmed_fence END,
           kube_system_uid = coalesce(c.kube_system_uid, x.uid),
           state_reason = CASE WHEN c.state = 'Active' THEN NULL ELSE c.state_reason END
         FROM x WHERE c.id = x.id RETURNING c.id, c.fence),
       ended AS (UPDATE sessions s SET ended_at = now(), end_reason = 'displaced' FROM x
         WHERE s.cluster_id = x.id AND s.ended_at IS NULL AND NOT s.standby),
       begun AS (INSERT INTO sessions (id, cluster_id, replica_id, instance, incarnation, standby, fence, remote)
         SELECT x.session, x.id, x.replica, x.instance, x.incarnation, false, t.fence, x.remote
         FROM x JOIN taken t ON t.id = x.id)
     SELECT id, fence FROM taken`,
    [JSON.stringify(sessions.map(rowOf))],
  );
  return new Map(rows.map(({ id, fence }) => [id, fence]));
}

function rowOf({ hello, clusterId, replicaId, remote, displacements, isConfirmed }: WorkingSession): object {
  return {
    id: clusterId,
    session: hello.session,
    replica: replicaId,
    instance: hello.instance,
    incarnation: hello.incarnation,
    remote,
    agent: hello.versions.agent,
    kubernetes: hello.versions.kubernetes,
    facts: hello.facts,
    lease: hello.leaseUid,
    transitions: String(hello.leaseTransitions),
    displacements,
    bundle: hello.trustBundleVersion,
    confirmed: isConfirmed,
    uid: hello.clusterUid,
  };
}

/** What is stored of each cluster's states, for the observed digest. */
export async function observedStates(
  source: Sql,
  clusterIds: readonly string[],
): Promise<Map<string, { target: string; digest: string }[]>> {
  const rows = await source.sql<{ cluster: string; target: string; digest: string }>(
    `SELECT cluster_id AS cluster, target_id AS target, digest FROM target_observations
     WHERE cluster_id = ANY($1::uuid[])`,
    [clusterIds],
  );
  return Map.groupBy(rows, ({ cluster }) => cluster);
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
