/** Rows of variants as far as a tick needs them: an application without templating has none of this read. */
import type { ClusterValues } from '@flotilla/domain/template/cluster';

import type { HubTransaction, Sql } from '../platform/transaction.ts';
import type { RevisionRow } from './fleet.store.ts';
import { alikeParser, type SeenTargetRow } from './seenTargets.store.ts';
import { TargetVariants, type RevisionVariants, type VariantRow } from './variants.ts';

/** Null: every revision that counts is the same for all clusters. `spokenOf`: numbers, beside those of the newest. */
export async function readVariants(
  tx: Sql,
  applicationId: string,
  revisions: ReadonlyMap<number, RevisionRow>,
  spokenOf: readonly number[],
  targets: readonly SeenTargetRow[],
): Promise<TargetVariants | null> {
  if (![...revisions.values()].some(({ isTemplated }) => isTemplated)) return null;
  const counting = new Set([...spokenOf, ...newestOf(revisions)]);
  const numbers = [...counting].filter((number) => revisions.get(number)?.isTemplated === true);
  const loaded = await readOf(tx, applicationId, numbers);
  const clusters = await readClusterValues(tx, applicationId, targets);
  const held = new Map(targets.map(({ id, variantId: variant, bundle }) => [id, { variant, bundle }]));
  return new TargetVariants(revisions, loaded, clusters, held);
}

/** The newest, and the newest that can be rolled out. */
function newestOf(revisions: ReadonlyMap<number, RevisionRow>): number[] {
  const ready = [...revisions.values()].filter(({ state }) => state === 'Ready');
  return [Math.max(0, ...revisions.keys()), Math.max(0, ...ready.map(({ number }) => number))];
}

/** Of overrides only whom they pick: what they patch is in the bundles. */
async function readOf(tx: Sql, applicationId: string, numbers: number[]): Promise<RevisionVariants[]> {
  const revisions = await tx.sql<Omit<RevisionVariants, 'variants'> & { id: string }>(
    `SELECT r.id, r.number, (
         SELECT coalesce(jsonb_agg(jsonb_build_object('clusters', o->'clusters', 'patches', '[]'::jsonb) ORDER BY position), '[]')
         FROM jsonb_array_elements(r.render_spec->'templating'->'overrides') WITH ORDINALITY AS e(o, position)) AS overrides
     FROM revisions r WHERE r.application_id = $1::uuid AND r.number = ANY($2::int[])`,
    [applicationId, numbers],
  );
  const variants = await tx.sql<VariantRow & { revisionId: string }>(
    `SELECT id, revision_id AS "revisionId", reads, bundle, size_bytes AS "sizeBytes", error->>'message' AS error
     FROM variants WHERE revision_id = ANY($1::uuid[])`,
    [revisions.map(({ id }) => id)],
  );
  const byRevision = Map.groupBy(variants, ({ revisionId }) => revisionId);
  return revisions.map(({ id, number, overrides }) => ({
    number,
    overrides,
    variants: byRevision.get(id) ?? [],
  }));
}

async function readClusterValues(
  tx: Sql,
  applicationId: string,
  targets: readonly SeenTargetRow[],
): Promise<Map<string, ClusterValues>> {
  const rows = await tx.sql<{ id: string; facts: string }>(
    `SELECT t.id, c.facts::text AS facts FROM targets t JOIN clusters c ON c.id = t.cluster_id
     WHERE t.application_id = $1::uuid`,
    [applicationId],
  );
  const parse = alikeParser();
  const facts = new Map(rows.map((row): [string, Record<string, string>] => [row.id, parse(row.facts)]));
  return new Map(
    targets
      .filter(({ state }) => state !== 'Removing')
      .map(({ id, clusterName: name, labels }) => [id, { name, labels, facts: facts.get(id) ?? {} }]),
  );
}

/** Rendering is told once; it clears what it has answered. */
export async function askForVariants(
  tx: HubTransaction,
  applicationId: string,
  numbers: readonly number[],
): Promise<void> {
  if (numbers.length === 0) return;
  const asked = await tx.sql(
    `UPDATE applications SET variants_wanted = ARRAY(SELECT DISTINCT n FROM unnest(variants_wanted || $2::int[]) AS n ORDER BY n)
     WHERE id = $1::uuid AND NOT variants_wanted @> $2::int[] RETURNING id`,
    [applicationId, numbers],
  );
  if (asked.length > 0) tx.hint('application', applicationId);
}
