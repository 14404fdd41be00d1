/** Rows of variants: whose there are, the new ones with their bundles, and what they come to for their revision. */
import { placed, type Placement } from '@flotilla/domain/placement/placed';
import type { ClusterState } from '@flotilla/domain/status/words';
import { variantsMax } from '@flotilla/domain/variant/limits';
import { readsText, VariantIndex, variantsInUse } from '@flotilla/domain/variant/reads';

import type { Database } from '../../platform/prisma.ts';
import { sha256Hex } from '../../platform/digest.ts';
import { systemActor, type HubTransaction, type Sql, type Transactions } from '../../platform/transaction.ts';
import type { BundleStore, PreparedBundle } from '../bundle.store.ts';
import type { RenderProblem } from '../child/problem.ts';
import { filesSql, messageOf, setRenderError, type Candidate } from '../render.store.ts';
import { emptyProblems } from '../emptyBundle.ts';
import type { RenderedVariant } from '../renderer.ts';
import { lackingOf, tallyOf, type StoredVariant, type Tally, type VariantCluster } from './variant.ts';

/** Bundles that are written in one transaction. */
const savedTogether = 50;

interface PreparedVariant {
  key: string;
  reads: string;
  bundle: PreparedBundle | null;
  error: { message: string; problems: readonly RenderProblem[] } | null;
}

export class VariantStore {
  private readonly sql: Sql;
  private readonly transactions: Transactions;
  private readonly bundles: BundleStore;

  constructor(database: Database, transactions: Transactions, bundles: BundleStore) {
    this.sql = { sql: (text, params) => database.query(text, params) };
    this.transactions = transactions;
    this.bundles = bundles;
  }

  look(revision: Candidate): Promise<{ clusters: VariantCluster[]; variants: StoredVariant[] }> {
    return look(this.sql, revision);
  }

  /** Numbers of revisions. */
  async wanted(applicationId: string): Promise<number[]> {
    const [row] = await this.sql.sql<{ wanted: number[] }>(
      'SELECT variants_wanted AS wanted FROM applications WHERE id = $1::uuid',
      [applicationId],
    );
    return row?.wanted ?? [];
  }

  /** A commit that changed none of the application's files has the variants of before: how many were taken over. */
  async copySame({ id, applicationId, application, number, projectId }: Candidate): Promise<number> {
    return this.transactions.inTransaction(systemActor, async (tx) => {
      await lockApplication(tx, applicationId);
      const copied = await tx.sql(
        `WITH newest AS (
           SELECT r.id, r.sources, r.render_spec FROM revisions r
           WHERE r.application_id = $1::uuid AND r.state = 'Ready' ORDER BY r.number DESC LIMIT 1),
         same AS (
           SELECT v.* FROM newest n JOIN revisions c ON c.id = $2::uuid JOIN variants v ON v.revision_id = n.id
           WHERE n.render_spec = c.render_spec AND ${filesSql('n.sources')} = ${filesSql('c.sources')}
             AND jsonb_array_length(${filesSql('c.sources')}) = jsonb_array_length(c.sources)
             AND jsonb_array_length(c.sources) = jsonb_array_length(n.sources)),
         kept AS (
           UPDATE bundles b SET created_at = now() FROM same s
           WHERE b.project_id = s.project_id AND b.digest = s.bundle RETURNING b.digest)
         INSERT INTO variants (revision_id, key, reads, project_id, bundle, size_bytes, objects, error)
         SELECT $2::uuid, key, reads, project_id, bundle, size_bytes, objects, error FROM same
         WHERE CASE WHEN bundle IS NULL THEN error->'problems' IS NOT NULL ELSE bundle IN (SELECT digest FROM kept) END
         ON CONFLICT (revision_id, key) DO NOTHING RETURNING id`,
        [applicationId, id],
      );
      if (copied.length === 0) return tx.nothingChanged(0);
      const resource = { kind: 'revision', id, name: `${application}/${number}` };
      tx.audit({ action: 'variant.render', resource, projectId, reason: { sameAsBefore: copied.length } });
      return copied.length;
    });
  }

  /** One that is there already stays: it is the same. @throws FrameMissing */
  async save(revision: Candidate, rendered: readonly RenderedVariant[]): Promise<void> {
    for (let at = 0; at < rendered.length; at += savedTogether) {
      const prepared: PreparedVariant[] = [];
      for (const variant of rendered.slice(at, at + savedTogether))
        prepared.push(await this.prepare(revision, variant));
      await this.transactions.inTransaction(systemActor, (tx) => this.insert(tx, revision, prepared));
    }
  }

  /** Labels and facts that change make new ones: those that nothing needs any more make room. How many went. */
  async dropUnused(revision: Candidate): Promise<number> {
    return this.transactions.inTransaction(systemActor, async (tx) => {
      await lockApplication(tx, revision.applicationId);
      const { clusters, variants } = await look(tx, revision);
      const index = new VariantIndex(variants, revision.renderSpec.templating?.overrides ?? []);
      const targets = await tx.sql<{ id: string }>(
        'SELECT DISTINCT variant_id AS id FROM targets WHERE application_id = $1::uuid AND variant_id IS NOT NULL',
        [revision.applicationId],
      );
      const used = variantsInUse(
        index,
        clusters,
        targets.map(({ id }) => id),
      );
      const unused = variants.filter(({ id }) => !used.has(id)).map(({ id }) => id);
      await tx.sql('DELETE FROM variants WHERE id = ANY($1::uuid[])', [unused]);
      return tx.nothingChanged(unused.length);
    });
  }

  private async prepare(revision: Candidate, { reads, rendered }: RenderedVariant): Promise<PreparedVariant> {
    const problems = rendered.ok
      ? emptyProblems(revision, rendered.bundle.index.objects.length)
      : rendered.problems;
    const isReady = rendered.ok && problems.length === 0;
    return {
      key: sha256Hex(readsText(reads)),
      reads: JSON.stringify(reads),
      bundle: isReady ? await this.bundles.prepare(revision.projectId, rendered.bundle) : null,
      error: isReady ? null : { message: messageOf(problems), problems },
    };
  }

  private async insert(
    tx: HubTransaction,
    { id, projectId, applicationId, application, number }: Candidate,
    prepared: readonly PreparedVariant[],
  ): Promise<void> {
    await lockApplication(tx, applicationId);
    const made: Record<string, unknown>[] = [];
    for (const { key, reads, bundle, error } of prepared) {
      if (bundle !== null) await this.bundles.save(tx, bundle);
      const index = bundle?.index;
      const inserted = await tx.sql(
        `INSERT INTO variants (revision_id, key, reads, project_id, bundle, size_bytes, objects, error)
         VALUES ($1::uuid, $2, $3::jsonb, $4::uuid, $5, $6, $7, $8::jsonb)
         ON CONFLICT (revision_id, key) DO NOTHING RETURNING id`,
        [
          id,
          key,
          reads,
          projectId,
          index?.digest ?? null,
          index?.bytes ?? 0,
          index?.objects.length ?? 0,
          error && JSON.stringify(error),
        ],
      );
      if (inserted.length > 0)
        made.push({ reads, bundle: index?.digest ?? null, error: error?.message ?? null });
    }
    if (made.length === 0) return tx.nothingChanged(undefined);
    const resource = { kind: 'revision', id, name: `${application}/${number}` };
    tx.audit({ action: 'variant.render', resource, projectId, reason: { variants: made } });
  }

  /** Of no cluster more variants are rendered of it: its files are gone, or go over a limit. */
  async giveUp(revision: Candidate, problems: readonly RenderProblem[]): Promise<void> {
    const error = { message: messageOf(problems), problems, isFinal: true };
    await this.transactions.inTransaction(systemActor, async (tx) => {
      await tx.sql('UPDATE revisions SET error = $2::jsonb WHERE id = $1::uuid', [
        revision.id,
        JSON.stringify(error),
      ]);
      const resource = {
        kind: 'revision',
        id: revision.id,
        name: `${revision.application}/${revision.number}`,
      };
      tx.audit({
        action: 'revision.render',
        resource,
        projectId: revision.projectId,
        after: { error: error.message },
      });
    });
  }

  /**
   * The revision is Ready where it renders for any cluster, or has none yet; Failed where it renders for none. One that
   * failed becomes Ready when the labels are there that it lacked.
   */
  async settle(revision: Candidate): Promise<Tally> {
    return this.transactions.inTransaction(systemActor, async (tx) => {
      await lockApplication(tx, revision.applicationId);
      const tally = await tallyIn(tx, revision);
      const isFailed = tally.clusters > 0 && tally.failing === tally.clusters;
      const [before] = await tx.sql<{ state: string }>(
        `SELECT state FROM revisions WHERE id = $1::uuid FOR UPDATE`,
        [revision.id],
      );
      const state = settledState(before?.state, isFailed);
      const { problem } = tally;
      await setRenderError(tx, revision, isFailed ? problem : null, isFailed ? null : problem);
      for (const kind of ['rollout', 'status'] as const) tx.hint(kind, revision.applicationId);
      if (before === undefined || (before.state === state && state !== 'Failed'))
        return tx.nothingChanged(tally);
      await tx.sql(
        `UPDATE revisions SET state = $2, error = CASE WHEN error->'isFinal' IS NULL THEN $3::jsonb ELSE error END
         WHERE id = $1::uuid`,
        [revision.id, state, state === 'Failed' ? JSON.stringify({ message: tally.problem }) : null],
      );
      tx.audit({
        action: 'revision.render',
        resource: { kind: 'revision', id: revision.id, name: `${revision.application}/${revision.number}` },
        projectId: revision.projectId,
        before: { state: before.state },
        after: { state, ...tally },
      });
      return tally;
    });
  }

  /** False: more is lacking by now, and is to be rendered first. Whoever asked is told to look again. */
  async clearWanted(
    applicationId: string,
    wanted: readonly number[],
    revisions: readonly Candidate[],
  ): Promise<boolean> {
    return this.transactions.inTransaction(systemActor, async (tx) => {
      await lockApplication(tx, applicationId);
      const clusters = await readVariantClusters(tx, applicationId);
      for (const revision of revisions) {
        if (await isGivenUp(tx, revision)) continue;
        const variants = await readStoredVariants(tx, revision.id);
        const isFull = variants.length >= variantsMax;
        if (!isFull && lackingOf(revision, clusters, variants).length > 0) return tx.nothingChanged(false);
      }
      const cleared = await tx.sql(
        `UPDATE applications SET variants_wanted = '{}' WHERE id = $1::uuid AND variants_wanted <@ $2::int[] RETURNING id`,
        [applicationId, wanted],
      );
      tx.hint('rollout', applicationId);
      return tx.nothingChanged(cleared.length > 0);
    });
  }
}

async function isGivenUp(tx: Sql, { id }: Candidate): Promise<boolean> {
  const rows = await tx.sql(`SELECT 1 FROM revisions WHERE id = $1::uuid AND error->'isFinal' IS NOT NULL`, [
    id,
  ]);
  return rows.length > 0;
}

/** What was rolled back stays so. */
function settledState(before: string | undefined, isFailed: boolean): string {
  if (before === 'Rejected') return before;
  return isFailed ? 'Failed' : 'Ready';
}

async function lockApplication(tx: Sql, applicationId: string): Promise<void> {
  await tx.sql('SELECT id FROM applications WHERE id = $1::uuid FOR NO KEY UPDATE', [applicationId]);
}

async function look(
  source: Sql,
  { id, applicationId }: Pick<Candidate, 'id' | 'applicationId'>,
): Promise<{ clusters: VariantCluster[]; variants: StoredVariant[] }> {
  const clusters = await readVariantClusters(source, applicationId);
  return { clusters, variants: await readStoredVariants(source, id) };
}

function readStoredVariants(source: Sql, revisionId: string): Promise<StoredVariant[]> {
  return source.sql<StoredVariant>(
    `SELECT id, reads, bundle, error->>'message' AS error FROM variants WHERE revision_id = $1::uuid ORDER BY id`,
    [revisionId],
  );
}

/** Of the application's targets, as far as they are not on their way out; before it was ever placed, where it will be. */
export async function readVariantClusters(source: Sql, applicationId: string): Promise<VariantCluster[]> {
  const clusters = await source.sql<VariantCluster>(
    `SELECT c.id, c.name, c.labels, c.facts FROM targets t JOIN clusters c ON c.id = t.cluster_id
     WHERE t.application_id = $1::uuid AND t.state <> 'Removing' ORDER BY c.name`,
    [applicationId],
  );
  return clusters.length > 0 ? clusters : readToBePlaced(source, applicationId);
}

async function readToBePlaced(source: Sql, applicationId: string): Promise<VariantCluster[]> {
  const [application] = await source.sql<{ projectId: string; placement: Placement }>(
    `SELECT project_id AS "projectId", spec->'placement' AS placement FROM applications WHERE id = $1::uuid`,
    [applicationId],
  );
  if (application === undefined) return [];
  const clusters = await source.sql<VariantCluster & { state: ClusterState }>(
    'SELECT id, name, labels, facts, state FROM clusters WHERE project_id = $1::uuid ORDER BY name',
    [application.projectId],
  );
  const ids = new Set(placed(application.placement, clusters));
  return clusters
    .filter(({ id }) => ids.has(id))
    .map(({ id, name, labels, facts }) => ({ id, name, labels, facts }));
}

async function tallyIn(tx: Sql, revision: Candidate): Promise<Tally> {
  const { clusters, variants } = await look(tx, revision);
  const overrides = revision.renderSpec.templating?.overrides ?? [];
  return tallyOf(clusters, new VariantIndex(variants, overrides));
}
