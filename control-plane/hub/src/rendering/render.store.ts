/** Rows of a render: the trees it reads, and the variant, bundle and frames it leaves, in one transaction. */
import { encodeIndex } from '@flotilla/domain/bundle/bundleIndex';
import type { Bundle } from '@flotilla/domain/bundle/bundle';

import type { DataKeys } from '../platform/dataKeys.ts';
import type { Database } from '../platform/prisma.ts';
import { systemActor, type HubTransaction, type Transactions } from '../platform/transaction.ts';
import { setCondition } from '../platform/conditions.ts';
import type { FrameStore } from '../sources/frames.store.ts';
import { sha256Hex } from '../platform/digest.ts';
import type { RenderProblem } from './child/manifests.ts';
import type { RenderSpec, ResolvedSource } from './revisionKey.ts';

export interface Candidate {
  id: string;
  number: number;
  applicationId: string;
  application: string;
  projectId: string;
  sources: ResolvedSource[];
  renderSpec: RenderSpec;
}

/** Of an application without templating: nothing was read. */
const plainVariantKey = sha256Hex('');

export class RenderStore {
  private readonly database: Database;
  private readonly transactions: Transactions;
  private readonly dataKeys: DataKeys;
  private readonly frames: FrameStore;

  constructor(database: Database, transactions: Transactions, dataKeys: DataKeys, frames: FrameStore) {
    this.database = database;
    this.transactions = transactions;
    this.dataKeys = dataKeys;
    this.frames = frames;
  }

  /** Revisions that are not rendered, the newest first: it is what people wait for. */
  candidates(applicationId: string): Promise<Candidate[]> {
    return this.database.query<Candidate>(
      `SELECT r.id, r.number, r.application_id AS "applicationId", a.name AS application, a.project_id AS "projectId",
         r.sources, r.render_spec AS "renderSpec"
       FROM revisions r JOIN applications a ON a.id = r.application_id
       WHERE r.application_id = $1::uuid AND r.state = 'Candidate' ORDER BY r.number DESC`,
      [applicationId],
    );
  }

  /** Uncompressed frames of a stored tree; null when the tree is gone. */
  async tree(projectId: string, treeId: string): Promise<Buffer[] | null> {
    const [row] = await this.database.query<{ frames: string[] }>(
      'SELECT frames FROM source_trees WHERE id = $1::uuid',
      [treeId],
    );
    return row === undefined ? null : this.frames.read(projectId, row.frames);
  }

  async saveBundle(candidate: Candidate, { index, frames }: Bundle): Promise<void> {
    const { projectId } = candidate;
    const prepared = await this.frames.prepare(
      projectId,
      index.frames.map(({ digest }, at) => ({ digest, bytes: frames[at] ?? new Uint8Array() })),
    );
    const sealed = await this.dataKeys.seal(projectId, 'bundles', index.digest, encodeIndex(index));
    await this.transactions.inTransaction(systemActor, async (tx) => {
      if (!(await lockCandidate(tx, candidate))) return tx.nothingChanged(undefined);
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
        `INSERT INTO variants (revision_id, key, project_id, bundle, size_bytes, objects)
         VALUES ($1::uuid, $2, $3::uuid, $4, $5, $6)`,
        [candidate.id, plainVariantKey, projectId, index.digest, index.bytes, index.objects.length],
      );
      await tx.sql(`UPDATE revisions SET state = 'Ready' WHERE id = $1::uuid`, [candidate.id]);
      await this.finish(tx, candidate, null, {
        state: 'Ready',
        bundle: index.digest,
        objects: index.objects.length,
      });
    });
  }

  /** What was rendered before stays, and stays assigned. */
  async saveProblems(candidate: Candidate, problems: readonly RenderProblem[]): Promise<void> {
    await this.transactions.inTransaction(systemActor, async (tx) => {
      if (!(await lockCandidate(tx, candidate))) return tx.nothingChanged(undefined);
      const error = { message: messageOf(problems), problems };
      await tx.sql(`UPDATE revisions SET state = 'Failed', error = $2::jsonb WHERE id = $1::uuid`, [
        candidate.id,
        JSON.stringify(error),
      ]);
      await this.finish(tx, candidate, error.message, { state: 'Failed', error: error.message });
    });
  }

  /** The condition speaks of the newest revision: an older one that is rendered late says nothing. */
  private async finish(
    tx: HubTransaction,
    candidate: Candidate,
    problem: string | null,
    after: Record<string, unknown>,
  ): Promise<void> {
    const { applicationId, number } = candidate;
    const [newest] = await tx.sql<{ number: number }>(
      'SELECT revision_number AS number FROM applications WHERE id = $1::uuid',
      [applicationId],
    );
    if (newest?.number === number) {
      await setCondition(
        tx,
        applicationId,
        'RenderError',
        problem === null ? null : `revision ${number}: ${problem}`,
      );
    }
    tx.audit({
      action: 'revision.render',
      resource: { kind: 'revision', id: candidate.id, name: `${candidate.application}/${number}` },
      projectId: candidate.projectId,
      before: { state: 'Candidate' },
      after,
    });
    tx.hint('rollout', applicationId);
    tx.hint('status', applicationId);
  }
}

/** False: another worker was faster. Locks in the order of all: the application first. */
async function lockCandidate(tx: HubTransaction, candidate: Candidate): Promise<boolean> {
  await tx.sql('SELECT id FROM applications WHERE id = $1::uuid FOR NO KEY UPDATE', [
    candidate.applicationId,
  ]);
  const rows = await tx.sql(
    `SELECT id FROM revisions WHERE id = $1::uuid AND state = 'Candidate' FOR UPDATE`,
    [candidate.id],
  );
  return rows.length > 0;
}

export function messageOf(problems: readonly RenderProblem[]): string {
  const shown = problems.slice(0, 3).map(({ file, document, line, message }) => {
    const place = line > 0 ? `${file}, document ${document}, line ${line}` : file;
    return place === '' ? message : `${place}: ${message}`;
  });
  const more = problems.length - shown.length;
  return shown.join('; ') + (more > 0 ? `; and ${more} more` : '');
}
