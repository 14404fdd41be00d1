/** Rows of clusters and of the keys they are bound to. */
import type { Database } from '../platform/prisma.ts';
import type { Sql } from '../platform/transaction.ts';
import { isUuid } from '../platform/uuid.ts';

export interface ClusterRow {
  id: string;
  name: string;
  projectId: string;
  project: string;
  labels: Record<string, string>;
  facts: Record<string, string>;
  state: 'Pending' | 'Active' | 'Paused' | 'Quarantined' | 'Revoked';
  stateReason: string | null;
  pausedUntil: Date | null;
  connection: 'Connected' | 'Offline' | 'Never';
  connectedAt: Date | null;
  lastSeenAt: Date | null;
  agentVersion: string | null;
  kubernetesVersion: string | null;
  generation: bigint;
  acceptedGeneration: bigint;
  acceptedAt: Date | null;
  nackReason: string | null;
  recovering: boolean;
  recoveringReason: string | null;
  version: number;
  kubeSystemUid: string | null;
  createdAt: Date;
  counts: Record<string, number>;
}

export interface KeyRow {
  clusterId: string;
  slot: string;
  fingerprint: string;
  publicKey: Buffer;
  tokenId: string | null;
  firstHelloAt: Date | null;
}

export interface ClusterFilter {
  projectId: string | null;
  state: string | undefined;
  connection: string | undefined;
  labels: Record<string, string>;
  afterName: string | null;
  limit: number;
}

/** A cluster is offline this long after its last sign of life. */
const offlineAfter = `interval '90 seconds'`;

const connectionSql = `CASE WHEN c.connected_at IS NULL THEN 'Never'
  WHEN c.last_seen_at > now() - ${offlineAfter} THEN 'Connected' ELSE 'Offline' END`;

const columns = `c.id, c.name, c.project_id AS "projectId", p.name AS project, c.labels, c.facts, c.state,
  c.state_reason AS "stateReason", c.paused_until AS "pausedUntil", ${connectionSql} AS connection,
  c.connected_at AS "connectedAt", c.last_seen_at AS "lastSeenAt", c.agent_version AS "agentVersion",
  c.kubernetes_version AS "kubernetesVersion", c.generation, c.accepted_generation AS "acceptedGeneration",
  c.accepted_at AS "acceptedAt", c.nack_reason AS "nackReason", 
  c.recovering OR (SELECT recovering FROM hub) IS TRUE AS recovering,
  coalesce(c.recovering_reason, (SELECT recovering_reason FROM hub WHERE recovering)) AS "recoveringReason", c.version, c.kube_system_uid AS "kubeSystemUid", c.created_at AS "createdAt", coalesce(n.counts, '{}') AS counts`;

const joins = `clusters c JOIN projects p ON p.id = c.project_id LEFT JOIN cluster_counters n ON n.cluster_id = c.id`;

const keyColumns = `cluster_id AS "clusterId", slot, fingerprint, public_key AS "publicKey", token_id AS "tokenId",
  first_hello_at AS "firstHelloAt"`;

/** By uuid or name. */
export async function findCluster(source: Sql, nameOrId: string): Promise<ClusterRow | null> {
  const [row] = await source.sql<ClusterRow>(
    `SELECT ${columns} FROM ${joins} WHERE c.name = $1 OR c.id = $2::uuid ORDER BY (c.id = $2::uuid) DESC LIMIT 1`,
    [nameOrId, isUuid(nameOrId) ? nameOrId : null],
  );
  return row ?? null;
}

export async function lockCluster(tx: Sql, id: string): Promise<void> {
  await tx.sql('SELECT 1 FROM clusters WHERE id = $1::uuid FOR NO KEY UPDATE', [id]);
}

/** By name; one more than the limit. */
export function listClusters(database: Database, filter: ClusterFilter): Promise<ClusterRow[]> {
  return database.query<ClusterRow>(
    `SELECT ${columns} FROM ${joins}
     WHERE ($1::uuid IS NULL OR c.project_id = $1) AND ($2::text IS NULL OR c.state = $2)
       AND ($3::text IS NULL OR ${connectionSql} = $3) AND c.labels @> $4::jsonb
       AND ($5::text IS NULL OR c.name > $5)
     ORDER BY c.name LIMIT $6`,
    [
      filter.projectId,
      filter.state ?? null,
      filter.connection ?? null,
      JSON.stringify(filter.labels),
      filter.afterName,
      filter.limit + 1,
    ],
  );
}

export async function findLiveByUid(tx: Sql, kubeSystemUid: string): Promise<ClusterRow | null> {
  // One enrolment per Kubernetes cluster at a time: the uid is not unique, since a revoked cluster keeps its own.
  await tx.sql(`SELECT pg_advisory_xact_lock(hashtextextended('flotilla.uid.' || $1, 0))`, [kubeSystemUid]);
  const [row] = await tx.sql<ClusterRow>(
    `SELECT ${columns} FROM ${joins} WHERE c.kube_system_uid = $1 AND c.state <> 'Revoked'`,
    [kubeSystemUid],
  );
  return row ?? null;
}

/** Null: the name is taken. */
export async function insertCluster(
  tx: Sql,
  cluster: {
    name: string;
    projectId: string;
    labels: Record<string, string>;
    state: string;
    kubeSystemUid: string;
  },
): Promise<string | null> {
  const [row] = await tx.sql<{ id: string }>(
    `INSERT INTO clusters (name, project_id, labels, state, kube_system_uid) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (name) DO NOTHING RETURNING id`,
    [cluster.name, cluster.projectId, JSON.stringify(cluster.labels), cluster.state, cluster.kubeSystemUid],
  );
  return row?.id ?? null;
}

/** A known cluster comes back by a new key: its targets and its desired state stay. */
export async function readmitCluster(
  tx: Sql,
  id: string,
  kubeSystemUid: string,
  state: string,
): Promise<void> {
  await tx.sql(
    `UPDATE clusters SET kube_system_uid = $2, state = $3, state_reason = NULL, displacements = '{}',
       lease_uid = NULL, lease_transitions = 0, version = version + 1 WHERE id = $1`,
    [id, kubeSystemUid, state],
  );
}

export async function findKey(source: Sql, fingerprint: string): Promise<KeyRow | null> {
  const [row] = await source.sql<KeyRow>(`SELECT ${keyColumns} FROM cluster_keys WHERE fingerprint = $1`, [
    fingerprint,
  ]);
  return row ?? null;
}

/** Every other key of the cluster counts no longer. */
export async function replaceKeys(
  tx: Sql,
  clusterId: string,
  key: { fingerprint: string; publicKey: Buffer; tokenId: string },
): Promise<void> {
  await tx.sql('DELETE FROM cluster_keys WHERE cluster_id = $1', [clusterId]);
  await tx.sql(
    `INSERT INTO cluster_keys (cluster_id, slot, fingerprint, public_key, token_id) VALUES ($1, 'current', $2, $3, $4)`,
    [clusterId, key.fingerprint, key.publicKey, key.tokenId],
  );
}

/** The key that RotateKey asked for; it becomes the current one with its first Hello. */
export async function setNextKey(
  tx: Sql,
  clusterId: string,
  key: { fingerprint: string; publicKey: Buffer },
): Promise<void> {
  await tx.sql(`DELETE FROM cluster_keys WHERE cluster_id = $1 AND slot = 'next'`, [clusterId]);
  await tx.sql(
    `INSERT INTO cluster_keys (cluster_id, slot, fingerprint, public_key) VALUES ($1, 'next', $2, $3)`,
    [clusterId, key.fingerprint, key.publicKey],
  );
}

export async function setState(
  tx: Sql,
  id: string,
  change: { state: string; reason: string | null; pausedUntil: Date | null },
): Promise<void> {
  await tx.sql(
    // A revoked cluster's session counts no longer at once, even where its stream is not cut yet.
    `UPDATE clusters SET state = $2, state_reason = $3, paused_until = $4, version = version + 1,
       fence = CASE WHEN $2 = 'Revoked' THEN fence + 1 ELSE fence END WHERE id = $1`,
    [id, change.state, change.reason, change.pausedUntil],
  );
}

export async function setLabels(tx: Sql, id: string, labels: Record<string, string>): Promise<void> {
  await tx.sql('UPDATE clusters SET labels = $2, version = version + 1 WHERE id = $1', [
    id,
    JSON.stringify(labels),
  ]);
}

/** Paused clusters whose time has come. */
export function pausedAndDue(database: Database): Promise<{ id: string }[]> {
  return database.query(`SELECT id FROM clusters WHERE state = 'Paused' AND paused_until <= now() LIMIT 100`);
}
