/**
 * The targets of an application as a look sees them. A fleet is read whenever anything of it moves; of one that this
 * process has read before only what others have changed since is read, by the transactions that wrote it: a row of which
 * the version is older than every transaction that was open at the last look is as it was then.
 */
import { pgArray } from '../platform/pgArray.ts';
import type { Sql } from '../platform/transaction.ts';
import type { ApplicationRow } from './fleet.store.ts';
import type { TargetRow } from './fleetRows.ts';

/** A target with its cluster and what the agent last said about it. */
export interface SeenTargetRow extends TargetRow, ClusterPart {
  reported: boolean;
  observedAssignment: number;
  /** Of the session that reported it. */
  observedFence: number | null;
  health: string;
  healthMessage: string;
  healthSinceMs: number;
  /** Null: the one that is assigned. '': none yet. */
  otherBundle: string | null;
  operation: { assignment: number; phase: string; message: string } | null;
  /** Where its inventory was lost and rebuilt, and nobody confirmed it: objects that wait for that to be deleted; else null. */
  rebuiltHeld: number | null;
  isRemoved: boolean;
}

/** What a target's cluster says, which changes with every sign of life. */
export interface ClusterPart {
  clusterName: string;
  labels: Record<string, string>;
  /** A cluster that is recovering is sent nothing, as one in quarantine. */
  clusterState: 'Pending' | 'Active' | 'Paused' | 'Quarantined' | 'Revoked';
  connectedMs: number | null;
  lastSeenMs: number | null;
  /** Of the session that confirms what it reported itself; null: it has confirmed all that is stored. */
  unconfirmedFence: number | null;
}

/** Targets as they were at a look. */
export interface KnownTargets {
  /** Of whatever else the rows depend on: the server they were read from, the body that is wanted. */
  key: string;
  /** Every transaction before this one was over. */
  horizon: string;
  /** The transaction in which this worker wrote what is in `rows`; null: they are as they were read. */
  ownXid: string | null;
  /** By target; what a row says of its target is never changed, what it says of the cluster only by the next look. */
  rows: ReadonlyMap<string, SeenTargetRow>;
}

/** Epoch milliseconds as a number: ten thousand Dates cost more than the join that finds them. */
function ms(time: string): string {
  return `date_part('epoch', ${time}) * 1000`;
}

/**
 * A row holds what decisions need and is null where nearly all rows agree; the entry itself comes only where it may be
 * rewritten as it stands: its body is not `$2`, or the target or its whole application is on the way out.
 */
const targetColumns = `
  t.id, t.cluster_id AS "clusterId", t.stage, t.state, t.removal, t.assignment::float8 AS assignment,
  t.revision_number AS "revisionNumber", t.variant_id AS "variantId", t.bundle,
  CASE WHEN $3 OR t.state <> 'Active' OR t.leaving_since IS NOT NULL OR o.removal = 'Removed'
    OR t.body_digest IS DISTINCT FROM $2 THEN t.head END AS head, nullif(t.body_digest, $2) AS "staleBody",
  t.entitled_revision AS "entitledRevision", t.pinned_revision AS "pinnedRevision", t.pin_reason AS "pinReason",
  ${ms('t.pin_expires_at')} AS "pinExpiresMs", t.rollout_state::text AS "rolloutState",
  t.leaving_since IS NOT NULL AS "isLeaving",
  o.target_id IS NOT NULL AS reported, coalesce(o.assignment, 0)::float8 AS "observedAssignment",
  o.fence::float8 AS "observedFence", o.health, o.health_message AS "healthMessage", ${ms('o.health_since')} AS "healthSinceMs",
  nullif(o.bundle, t.bundle) AS "otherBundle", nullif(o.state->'operation', 'null') AS operation,
  CASE WHEN o.state->'conditions' @> '[{"type": "InventoryRebuilt"}]' THEN coalesce((o.state->'counts'->>'pruneHeld')::int4, 0) END
    AS "rebuiltHeld",
  o.removal IS NOT DISTINCT FROM 'Removed' AS "isRemoved"`;

const clusterColumns = `
  c.name AS "clusterName", c.labels::text AS labels,
  CASE WHEN c.recovering AND c.state = 'Active' THEN 'Quarantined' ELSE c.state END AS "clusterState",
  ${ms('c.connected_at')} AS "connectedMs", ${ms('c.last_seen_at')} AS "lastSeenMs",
  CASE WHEN c.confirmed_fence <> c.fence THEN c.fence::float8 END AS "unconfirmedFence"`;

const joined = `targets t JOIN clusters c ON c.id = t.cluster_id LEFT JOIN target_observations o ON o.target_id = t.id
  WHERE t.application_id = $1::uuid`;

/** Written by a transaction that was not over at the look before. */
function changed(alias: string, horizon: string): string {
  return `age(${alias}.xmin) <= age(${horizon}::xid)`;
}

type Raw<Row> = Row & { labels: string };

/** All of them, in no order. `known`: at an earlier look, of the same application; null: nothing is. */
export async function readTargets(
  tx: Sql,
  application: Pick<ApplicationRow, 'id' | 'removal' | 'server' | 'horizon'>,
  bodyDigest: string,
  known: KnownTargets | null,
): Promise<KnownTargets> {
  const { server, horizon, removal } = application;
  const key = [server, bodyDigest, removal === null ? 'stays' : 'goes'].join(' ');
  const params = [application.id, bodyDigest, removal !== null];
  const rows = known?.key === key ? await readChanged(tx, params, known) : null;
  return { key, horizon, ownXid: null, rows: rows ?? (await readAll(tx, params)) };
}

async function readAll(tx: Sql, params: unknown[]): Promise<Map<string, SeenTargetRow>> {
  const rows = await tx.sql<Raw<SeenTargetRow>>(
    `SELECT ${targetColumns}, ${clusterColumns} FROM ${joined}`,
    params,
  );
  const parse = parser();
  return new Map(rows.map((row) => [row.id, parse(row)]));
}

/** Null: targets have gone, and nothing says which. */
async function readChanged(
  tx: Sql,
  params: unknown[],
  known: KnownTargets,
): Promise<Map<string, SeenTargetRow> | null> {
  const [id] = params;
  const rows = new Map(known.rows);
  const parse = parser();
  for (const part of await readClusters(tx, id, known)) {
    const row = rows.get(part.id);
    // Into the row itself: a fleet's signs of life are many, and what was committed is true whatever becomes of this look.
    if (row !== undefined) Object.assign(row, parse(part));
  }
  const { count, moved } = await findMoved(tx, id, known);
  for (const row of await readMoved(tx, params, moved)) rows.set(row.id, parse(row));
  return count === rows.size ? rows : null;
}

function readClusters(
  tx: Sql,
  applicationId: unknown,
  { horizon }: KnownTargets,
): Promise<Raw<ClusterPart & { id: string }>[]> {
  return tx.sql(
    `SELECT t.id, ${clusterColumns} FROM targets t JOIN clusters c ON c.id = t.cluster_id
     WHERE t.application_id = $1::uuid AND ${changed('c', '$2')}`,
    [applicationId, horizon],
  );
}

/** Each table is asked for its own rows alone. Ids as text: the driver reads an array character by character. */
async function findMoved(
  tx: Sql,
  applicationId: unknown,
  { horizon, ownXid }: KnownTargets,
): Promise<{ count: number; moved: string[] }> {
  const [row] = await tx.sql<{ count: number; written: string | null; reported: string | null }>(
    `SELECT count(*)::int4 AS count, array_to_string(array_agg(t.id)
         FILTER (WHERE ${changed('t', '$2')} AND t.xmin IS DISTINCT FROM $3::xid), ',') AS written,
       (SELECT array_to_string(array_agg(o.target_id), ',') FROM targets t JOIN target_observations o ON o.target_id = t.id
         WHERE t.application_id = $1::uuid AND ${changed('o', '$2')}) AS reported
     FROM targets t WHERE t.application_id = $1::uuid`,
    [applicationId, horizon, ownXid],
  );
  const ids = [row?.written, row?.reported].flatMap((text) => text?.split(',') ?? []);
  return { count: row?.count ?? 0, moved: [...new Set(ids)] };
}

async function readMoved(
  tx: Sql,
  params: unknown[],
  moved: readonly string[],
): Promise<Raw<SeenTargetRow>[]> {
  if (moved.length === 0) return [];
  return tx.sql(`SELECT ${targetColumns}, ${clusterColumns} FROM ${joined} AND t.id = ANY($4::uuid[])`, [
    ...params,
    pgArray('uuid', moved),
  ]);
}

/** Text that is the same from row to row is one string, and JSON one value: rows are never changed. */
function parser(): <Row extends Partial<SeenTargetRow>>(row: Row) => Row {
  const parse = alikeParser();
  const texts = new Map<string, string>();
  const shared = (text: string | null | undefined) => {
    if (typeof text !== 'string') return text;
    const known = texts.get(text);
    if (known === undefined) texts.set(text, text);
    return known ?? text;
  };
  return (row) => {
    row.labels = parse(row.labels as unknown as string);
    if (row.rolloutState === undefined) return row;
    row.rolloutState = parse(row.rolloutState as unknown as string);
    row.bundle = shared(row.bundle) ?? null;
    row.variantId = shared(row.variantId) ?? null;
    return row;
  };
}

/** JSON that is the same from row to row is parsed once, and is then one value: rows are never changed. */
export function alikeParser(): (text: string) => never {
  const known = new Map<string, unknown>();
  return (text) => {
    if (!known.has(text)) known.set(text, JSON.parse(text));
    return known.get(text) as never;
  };
}
