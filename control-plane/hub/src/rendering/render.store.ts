/** Rows of a render: what is to be rendered, and the variant and bundle it leaves, in one transaction. */
import type { Bundle } from '@flotilla/domain/bundle/bundle';

import type { Database } from '../platform/prisma.ts';
import { systemActor, type HubTransaction, type Transactions } from '../platform/transaction.ts';
import { setCondition } from '../platform/conditions.ts';
import { sha256Hex } from '../platform/digest.ts';
import type { BundleStore } from './bundle.store.ts';
import type { RenderProblem } from './child/problem.ts';
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

/** What a revision rendered to before: for one with the same files and the same spec it need not be rendered again. */
export interface RenderedBefore {
  number: number;
  bundle: string;
  sizeBytes: number;
  objects: number;
}

/** Of an application without templating: nothing was read. */
const plainVariantKey = sha256Hex('');

/** Paths and digests of a revision's sources, in their order; a tree that is gone is missing. */
export function filesSql(sources: string): string {
  return `(SELECT jsonb_agg(jsonb_build_array(s->>'path', t.digest) ORDER BY position)
    FROM jsonb_array_elements(${sources}) WITH ORDINALITY AS e(s, position)
    JOIN source_trees t ON t.id = (s->>'tree')::uuid)`;
}

export class RenderStore {
  private readonly database: Database;
  private readonly transactions: Transactions;
  private readonly bundles: BundleStore;

  constructor(database: Database, transactions: Transactions, bundles: BundleStore) {
    this.database = database;
    this.transactions = transactions;
    this.bundles = bundles;
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

  /** Of the application's revisions of these numbers, those that were rendered before. */
  rendered(applicationId: string, numbers: readonly number[]): Promise<Candidate[]> {
    return this.database.query<Candidate>(
      `SELECT r.id, r.number, r.application_id AS "applicationId", a.name AS application, a.project_id AS "projectId",
         r.sources, r.render_spec AS "renderSpec"
       FROM revisions r JOIN applications a ON a.id = r.application_id
       WHERE r.application_id = $1::uuid AND r.number = ANY($2::int[]) AND r.state <> 'Candidate'
         AND r.error->'isFinal' IS NULL ORDER BY r.number DESC`,
      [applicationId, numbers],
    );
  }

  /** Of the application's newest rendered revision, where it has the same files: a commit may have changed others. */
  async renderedBefore(candidate: Candidate): Promise<RenderedBefore | null> {
    const [row] = await this.database.query<RenderedBefore>(
      `WITH newest AS (
         SELECT r.number, r.sources, r.render_spec, v.bundle, v.size_bytes, v.objects
         FROM revisions r JOIN variants v ON v.revision_id = r.id AND v.key = $3
         WHERE r.application_id = $1::uuid AND r.state = 'Ready' ORDER BY r.number DESC LIMIT 1)
       SELECT n.number, n.bundle, n.size_bytes AS "sizeBytes", n.objects
       FROM newest n JOIN revisions c ON c.id = $2::uuid
       WHERE n.bundle IS NOT NULL AND n.render_spec = c.render_spec
         AND ${filesSql('n.sources')} = ${filesSql('c.sources')}
         AND jsonb_array_length(${filesSql('c.sources')}) = jsonb_array_length(c.sources)
         AND jsonb_array_length(c.sources) = jsonb_array_length(n.sources)`,
      [candidate.applicationId, candidate.id, plainVariantKey],
    );
    return row ?? null;
  }

  /** False: retention was faster and took the bundle. */
  async saveSame(candidate: Candidate, before: RenderedBefore): Promise<boolean> {
    const { projectId } = candidate;
    const { bundle, objects, number } = before;
    return this.transactions.inTransaction(systemActor, async (tx) => {
      if (!(await lockCandidate(tx, candidate))) return tx.nothingChanged(true);
      const kept = await tx.sql(
        'UPDATE bundles SET created_at = now() WHERE project_id = $1::uuid AND digest = $2 RETURNING digest',
        [projectId, bundle],
      );
      if (kept.length === 0) return tx.nothingChanged(false);
      await this.insertVariant(tx, candidate, before);
      await this.finish(tx, candidate, null, { state: 'Ready', bundle, objects, sameAs: number });
      return true;
    });
  }

  async saveBundle(candidate: Candidate, bundle: Bundle): Promise<void> {
    const { index } = bundle;
    const prepared = await this.bundles.prepare(candidate.projectId, bundle);
    await this.transactions.inTransaction(systemActor, async (tx) => {
      if (!(await lockCandidate(tx, candidate))) return tx.nothingChanged(undefined);
      await this.bundles.save(tx, prepared);
      const variant = { bundle: index.digest, sizeBytes: index.bytes, objects: index.objects.length };
      await this.insertVariant(tx, candidate, variant);
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
      // No cluster's labels would mend it: no variant is rendered of it any more.
      const error = { message: messageOf(problems), problems, isFinal: true };
      await tx.sql(`UPDATE revisions SET state = 'Failed', error = $2::jsonb WHERE id = $1::uuid`, [
        candidate.id,
        JSON.stringify(error),
      ]);
      await this.finish(tx, candidate, error.message, { state: 'Failed', error: error.message });
    });
  }

  private async insertVariant(
    tx: HubTransaction,
    { id, projectId }: Candidate,
    { bundle, sizeBytes, objects }: Omit<RenderedBefore, 'number'>,
  ): Promise<void> {
    await tx.sql(
      `INSERT INTO variants (revision_id, key, project_id, bundle, size_bytes, objects)
       VALUES ($1::uuid, $2, $3::uuid, $4, $5, $6)`,
      [id, plainVariantKey, projectId, bundle, sizeBytes, objects],
    );
    await tx.sql(`UPDATE revisions SET state = 'Ready' WHERE id = $1::uuid`, [id]);
  }

  private async finish(
    tx: HubTransaction,
    candidate: Candidate,
    problem: string | null,
    after: Record<string, unknown>,
  ): Promise<void> {
    const { applicationId } = candidate;
    await setRenderError(tx, candidate, problem);
    tx.audit({
      action: 'revision.render',
      resource: { kind: 'revision', id: candidate.id, name: `${candidate.application}/${candidate.number}` },
      projectId: candidate.projectId,
      before: { state: 'Candidate' },
      after,
    });
    tx.hint('rollout', applicationId);
    tx.hint('status', applicationId);
  }
}

/**
 * Conditions speak of the newest revision: an older one that is rendered late says nothing. `ofSome`: what is wrong for some
 * clusters only, so that it is rolled out to the others.
 */
export async function setRenderError(
  tx: HubTransaction,
  { applicationId, number }: Pick<Candidate, 'applicationId' | 'number'>,
  problem: string | null,
  ofSome: string | null = null,
): Promise<void> {
  const [newest] = await tx.sql<{ number: number }>(
    'SELECT revision_number AS number FROM applications WHERE id = $1::uuid',
    [applicationId],
  );
  if (newest?.number !== number) return;
  const ofRevision = (text: string | null) => (text === null ? null : `revision ${number}: ${text}`);
  await setCondition(tx, applicationId, 'RenderError', ofRevision(problem));
  await setCondition(tx, applicationId, 'VariantError', ofRevision(ofSome));
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
