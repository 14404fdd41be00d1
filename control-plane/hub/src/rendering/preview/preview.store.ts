/** Rows of plans while they are resolved and rendered, and the bundle that comes of it. Nothing here is a revision. */
import type { Bundle } from '@flotilla/domain/bundle/bundle';

import type { ObservationTransaction, Observations } from '../../platform/observations.ts';
import type { Database } from '../../platform/prisma.ts';
import type { CommitMeta } from '../../sources/git/messages.ts';
import { saveTwice } from '../../sources/frames.store.ts';
import type { BundleStore } from '../bundle.store.ts';
import type { RenderSpec } from '../revisionKey.ts';
import type { RenderedBundle, VariantCluster } from '../variants/variant.ts';
import { readVariantClusters } from '../variants/variants.store.ts';

export interface PreviewRow {
  id: string;
  applicationId: string;
  projectId: string;
  spec: unknown;
  /** As it was asked for. */
  revision: string;
  repositoryId: string;
  /** That a rollout asks about: with the commits and the trees that it was made of. */
  ofRevision: number | null;
  repository: string;
  url: string;
  credential: Buffer | null;
}

export interface PreviewSource {
  repository: string;
  ref: string;
  path: string;
  /** Where the application is now; null where it was never read. */
  commit: string | null;
  tree: string | null;
}

export interface PreviewRevision {
  sources: (PreviewSource & { commit: string })[];
  renderSpec: RenderSpec;
  meta: Partial<CommitMeta>;
}

export interface Preview {
  sources: { repository: string; ref: string; commit: string; path: string }[];
  meta: Partial<CommitMeta>;
  bundle: Bundle;
}

/** One of several bundles of a plan, as its row keeps it. */
export interface PreviewVariant extends RenderedBundle {
  objects: number;
}

/** A plan that is not rendered by then will not be: somebody waits for it. */
const renderWithin = `interval '3 minutes'`;

export class PreviewStore {
  private readonly database: Database;
  private readonly observations: Observations;
  private readonly bundles: BundleStore;

  constructor(database: Database, observations: Observations, bundles: BundleStore) {
    this.database = database;
    this.observations = observations;
    this.bundles = bundles;
  }

  async due(limit: number): Promise<string[]> {
    await this.observations.write(async (tx) => {
      const late = await tx.sql<{ id: string }>(
        `UPDATE plans SET phase = 'Failed', error = 'it could not be rendered in time: try again', finished_at = now()
         WHERE phase = 'Rendering' AND created_at < now() - ${renderWithin} RETURNING id`,
      );
      for (const { id } of late) tx.hint('plan', id);
    });
    const rows = await this.database.query<{ id: string }>(
      `SELECT id FROM plans WHERE phase = 'Rendering' ORDER BY id LIMIT $1`,
      [limit],
    );
    return rows.map(({ id }) => id);
  }

  /** Null: it is rendered already, or gone. */
  async preview(id: string): Promise<PreviewRow | null> {
    const [row] = await this.database.query<PreviewRow>(
      `SELECT p.id, p.application_id AS "applicationId", a.project_id AS "projectId", a.spec, p.revision,
         p.repository_id AS "repositoryId", p.of_revision AS "ofRevision", r.name AS repository, r.url, r.credential
       FROM plans p JOIN applications a ON a.id = p.application_id JOIN repositories r ON r.id = p.repository_id
       WHERE p.id = $1::uuid AND p.phase = 'Rendering'`,
      [id],
    );
    return row ?? null;
  }

  /** Null: it is gone, or only clusters remember it. */
  async revision(applicationId: string, number: number): Promise<PreviewRevision | null> {
    const [row] = await this.database.query<PreviewRevision>(
      `SELECT sources, render_spec AS "renderSpec", meta FROM revisions
       WHERE application_id = $1::uuid AND number = $2 AND sources <> '[]'`,
      [applicationId, number],
    );
    return row ?? null;
  }

  sources(applicationId: string): Promise<PreviewSource[]> {
    return this.database.query<PreviewSource>(
      `SELECT s.repository_id AS repository, s.ref, s.path, r.commit, t.id AS tree
       FROM application_sources s
       LEFT JOIN repository_refs r ON r.repository_id = s.repository_id AND r.ref = s.ref
       LEFT JOIN source_trees t ON t.repository_id = s.repository_id AND t.commit = r.commit AND t.path = s.path
         AND t.meta->>'error' IS NULL
       WHERE s.application_id = $1::uuid ORDER BY s.position`,
      [applicationId],
    );
  }

  /** Commits of this repository that begin so and are known here; two where it is not clear which is meant. */
  async commitsLike(repositoryId: string, start: string): Promise<string[]> {
    const rows = await this.database.query<{ commit: string }>(
      `SELECT commit FROM source_trees WHERE repository_id = $1::uuid AND starts_with(commit, $2)
       UNION SELECT commit FROM repository_refs WHERE repository_id = $1::uuid AND starts_with(commit, $2) LIMIT 2`,
      [repositoryId, start],
    );
    return rows.map(({ commit }) => commit);
  }

  /** The bundle is stored as any other, so that agents fetch it as any other; from here on clusters can be asked. */
  async saveBundle({ id, projectId }: PreviewRow, { sources, meta, bundle }: Preview): Promise<void> {
    const { index } = bundle;
    const prepared = await this.bundles.prepare(projectId, bundle);
    await this.observations.write(async (tx) => {
      await this.bundles.save(tx, prepared);
      await tx.sql(
        `UPDATE plans SET phase = 'Asking', sources = $2::jsonb, meta = $3::jsonb, bundle = $4, objects = $5
         WHERE id = $1::uuid AND phase = 'Rendering'`,
        [id, JSON.stringify(sources), JSON.stringify(meta), index.digest, index.objects.length],
      );
      tx.hint('plan', id);
    });
  }

  clusters(applicationId: string): Promise<VariantCluster[]> {
    return readVariantClusters({ sql: (text, params) => this.database.query(text, params) }, applicationId);
  }

  async saveBundles(projectId: string, bundles: readonly Bundle[]): Promise<void> {
    for (const bundle of bundles) {
      await saveTwice(async () => {
        const prepared = await this.bundles.prepare(projectId, bundle);
        await this.observations.write((tx) => this.bundles.save(tx, prepared));
      });
    }
  }

  /** Their bundles are stored. */
  async saveVariants(
    { id }: PreviewRow,
    { sources, meta }: Pick<Preview, 'sources' | 'meta'>,
    variants: readonly PreviewVariant[],
  ): Promise<void> {
    const [only, another] = variants;
    await this.observations.write(async (tx) => {
      await tx.sql(
        `UPDATE plans SET phase = 'Asking', sources = $2::jsonb, meta = $3::jsonb, bundle = $4, objects = $5, variants = $6::jsonb
         WHERE id = $1::uuid AND phase = 'Rendering'`,
        [
          id,
          JSON.stringify(sources),
          JSON.stringify(meta),
          another === undefined ? (only?.bundle ?? null) : null,
          Math.max(0, ...variants.map(({ objects }) => objects)),
          JSON.stringify(variants),
        ],
      );
      tx.hint('plan', id);
    });
  }

  async saveFailure(id: string, message: string, resolved: Partial<Preview> = {}): Promise<void> {
    await this.observations.write((tx: ObservationTransaction) => {
      tx.hint('plan', id);
      return tx.sql(
        `UPDATE plans SET phase = 'Failed', error = $2, finished_at = now(), sources = $3::jsonb, meta = $4::jsonb
         WHERE id = $1::uuid AND phase = 'Rendering'`,
        [
          id,
          message.slice(0, 4000),
          JSON.stringify(resolved.sources ?? []),
          JSON.stringify(resolved.meta ?? {}),
        ],
      );
    });
  }
}
