/** Rows of the hub itself and of its certificate authority. */
import type { Database } from '../platform/prisma.ts';
import type { Sql } from '../platform/transaction.ts';

export interface HubRow {
  id: string;
  trustDomain: string;
  recovering: boolean;
  recoveringReason: string | null;
  recoveredAt: Date | null;
  trustBundleVersion: number;
}

export interface AuthorityRow {
  id: string;
  phase: string;
  certificate: string;
  crossSigned: string | null;
  privateKey: Buffer;
}

const hubColumns = `id, trust_domain AS "trustDomain", recovering, recovering_reason AS "recoveringReason",
  recovered_at AS "recoveredAt",
  trust_bundle_version AS "trustBundleVersion"`;

export async function readHub(source: Sql): Promise<HubRow | null> {
  const [row] = await source.sql<HubRow>(`SELECT ${hubColumns} FROM hub`);
  return row ?? null;
}

/** One first start at a time, of however many replicas. */
export async function lockFirstStart(tx: Sql): Promise<void> {
  await tx.sql(`SELECT pg_advisory_xact_lock(hashtextextended('flotilla.authority', 0))`);
}

export async function insertHub(tx: Sql, trustDomain: string): Promise<HubRow> {
  const [row] = await tx.sql<HubRow>(`INSERT INTO hub (trust_domain) VALUES ($1) RETURNING ${hubColumns}`, [
    trustDomain,
  ]);
  if (!row) throw new Error('the hub row was not inserted');
  return row;
}

/** Newest first; removed ones are left out. */
export function readAuthorities(source: Sql): Promise<AuthorityRow[]> {
  return source.sql<AuthorityRow>(
    `SELECT id, phase, certificate, cross_signed AS "crossSigned", private_key AS "privateKey"
     FROM certificate_authorities WHERE phase <> 'removed' ORDER BY created_at DESC, id DESC`,
  );
}

export async function insertAuthority(
  tx: Sql,
  row: { id: string; certificate: string; privateKey: Uint8Array; keyVersion: number },
): Promise<void> {
  await tx.sql(
    `INSERT INTO certificate_authorities (id, phase, certificate, private_key, key_version)
     VALUES ($1, 'signing', $2, $3, $4)`,
    [row.id, row.certificate, row.privateKey, row.keyVersion],
  );
}

export async function setHubRecovering(database: Database, reason: string): Promise<boolean> {
  const rows = await database.query(
    'UPDATE hub SET recovering = true, recovering_reason = $1 WHERE NOT recovering RETURNING id',
    [reason],
  );
  return rows.length > 0;
}

/** A `Sql` for statements outside of any transaction. */
export function outsideTransaction(database: Database): Sql {
  return { sql: (text, params) => database.query(text, params) };
}
