/** Rows of plans while they are resolved and rendered, and the bundle that comes of it. Nothing here is a revision. */
import { encodeIndex } from '@flotilla/domain/bundle/bundleIndex';
import type { Bundle } from '@flotilla/domain/bundle/bundle';

import type { DataKeys } from '../../platform/dataKeys.ts';
import type { ObservationTransaction, Observations } from '../../platform/observations.ts';
import type { Database } from '../../platform/prisma.ts';
import type { FrameStore } from '../../sources/frames.store.ts';
import type { CommitMeta } from '../../sources/git/messages.ts';

export interface PreviewRow {
  id: string;
  applicationId: string;
  projectId: string;
  spec: unknown;
  /** As it was asked for. */
  revision: string;
  repositoryId: string;
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

export interface Preview {
  sources: { repository: string; ref: string; commit: string; path: string }[];
  meta: Partial<CommitMeta>;
  bundle: Bundle;
}

/** A plan that is not rendered by then will not be: somebody waits for it. */
const renderWithin = `interval '3 minutes'`;

export class PreviewStore {
  private readonly database: Database;
  private readonly observations: Observations;
  private readonly dataKeys: DataKeys;
  private readonly frames: FrameStore;

  constructor(database: Database, observations: Observations, dataKeys: DataKeys, frames: FrameStore) {
    this.database = database;
    this.observations = observations;
    this.dataKeys = dataKeys;
    this.frames = frames;
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
         p.repository_id AS "repositoryId", r.name AS repository, r.url, r.credential
       FROM plans p JOIN applications a ON a.id = p.application_id JOIN repositories r ON r.id = p.repository_id
       WHERE p.id = $1::uuid AND p.phase = 'Rendering'`,
      [id],
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

  /** Uncompressed frames of a stored tree; null when it is gone. */
  async tree(projectId: string, treeId: string): Promise<Buffer[] | null> {
    const [row] = await this.database.query<{ frames: string[] }>(
      'SELECT frames FROM source_trees WHERE id = $1::uuid',
      [treeId],
    );
    return row === undefined ? null : this.frames.read(projectId, row.frames);
  }

  /** The bundle is stored as any other, so that agents fetch it as any other; from here on clusters can be asked. */
  async saveBundle({ id, projectId }: PreviewRow, { sources, meta, bundle }: Preview): Promise<void> {
    const { index, frames } = bundle;
    const prepared = await this.frames.prepare(
      projectId,
      index.frames.map(({ digest }, at) => ({ digest, bytes: frames[at] ?? new Uint8Array() })),
    );
    const sealed = await this.dataKeys.seal(projectId, 'bundles', index.digest, encodeIndex(index));
    await this.observations.write(async (tx) => {
      await this.frames.save(tx, prepared);
      await tx.sql(
        `INSERT INTO bundles (project_id, digest, index, key_version, size_bytes, objects, frames)
         VALUES ($1::uuid, $2, $3, $4, $5, $6, $7::text[])
         ON CONFLICT (project_id, digest) DO UPDATE SET created_at = now()`,
        [
          projectId,
          index.digest,
          Buffer.from(sealed.data),
          sealed.keyVersion,
          index.bytes,
          index.objects.length,
          index.frames.map(({ digest }) => digest),
        ],
      );
      await tx.sql(
        `UPDATE plans SET phase = 'Asking', sources = $2::jsonb, meta = $3::jsonb, bundle = $4, objects = $5
         WHERE id = $1::uuid AND phase = 'Rendering'`,
        [id, JSON.stringify(sources), JSON.stringify(meta), index.digest, index.objects.length],
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
