/** Rows of a cluster that is adopted. */
import type { Sql } from '../../platform/transaction.ts';

export interface ShownKey {
  fingerprint: string;
  publicKey: Buffer;
}

/** The key of the newest connection that was refused because the cluster has no row. */
export async function refusedConnection(tx: Sql, clusterId: string): Promise<ShownKey | null> {
  const [row] = await tx.sql<{ reason: { keyFingerprint?: string; publicKey?: string } }>(
    `SELECT reason FROM audit_events WHERE action = 'cluster.connect' AND outcome = 'denied' AND resource_kind = 'cluster'
       AND resource_id = $1 ORDER BY at DESC LIMIT 1`,
    [clusterId],
  );
  const { keyFingerprint, publicKey } = row?.reason ?? {};
  if (keyFingerprint === undefined || publicKey === undefined) return null;
  return { fingerprint: keyFingerprint, publicKey: Buffer.from(publicKey, 'base64') };
}

/** Its name; null: the cluster or its key is known. */
export async function insertAdopted(tx: Sql, clusterId: string, key: ShownKey): Promise<string | null> {
  const [row] = await tx.sql<{ name: string }>(
    `INSERT INTO clusters (id, name, project_id, state, recovering, recovering_reason, recovering_since)
     SELECT $1::uuid, 'adopted-' || left($1::uuid::text, 8), id, 'Active', true, 'adopted after its row was lost', now() FROM projects
     WHERE NOT EXISTS (SELECT 1 FROM cluster_keys WHERE fingerprint = $2) ORDER BY (name = 'default') DESC, name LIMIT 1
     ON CONFLICT DO NOTHING RETURNING name`,
    [clusterId, key.fingerprint],
  );
  if (!row) return null;
  await tx.sql(
    `INSERT INTO cluster_keys (cluster_id, slot, fingerprint, public_key) VALUES ($1, 'current', $2, $3)`,
    [clusterId, key.fingerprint, key.publicKey],
  );
  return row.name;
}
