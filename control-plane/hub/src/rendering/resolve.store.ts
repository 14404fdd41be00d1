/** Rows from which a revision is resolved, and the revision itself. */
import type { Database } from '../platform/prisma.ts';
import { systemActor, type HubTransaction, type Transactions } from '../platform/transaction.ts';
import type { RenderSpec, ResolvedSource } from './revisionKey.ts';

export interface UnresolvedApplication {
  id: string;
  projectId: string;
  name: string;
  spec: unknown;
  requestedSeq: bigint;
  resolvedSeq: bigint;
  removal: string | null;
}

export interface SourceRow {
  repository: string;
  ref: string;
  path: string;
  /** Null: never seen. */
  commit: string | null;
  refError: string | null;
  tree: string | null;
  treeError: string | null;
  meta: unknown;
}

export interface NewRevision {
  application: UnresolvedApplication;
  key: string;
  sources: ResolvedSource[];
  renderSpec: RenderSpec;
  meta: unknown;
}

export class ResolveStore {
  private readonly database: Database;
  private readonly transactions: Transactions;

  constructor(database: Database, transactions: Transactions) {
    this.database = database;
    this.transactions = transactions;
  }

  /** Also while the hub is recovering: its revisions are what it takes over by, and nothing of them is assigned meanwhile. */
  async application(id: string): Promise<UnresolvedApplication | null> {
    const [row] = await this.database.query<UnresolvedApplication>(
      `SELECT id, project_id AS "projectId", name, spec, requested_seq AS "requestedSeq", resolved_seq AS "resolvedSeq", removal
       FROM applications WHERE id = $1::uuid`,
      [id],
    );
    return row ?? null;
  }

  /** Each source with the tree that is stored of the commit its ref points to. */
  sources(applicationId: string): Promise<SourceRow[]> {
    return this.database.query<SourceRow>(
      `SELECT s.repository_id AS repository, s.ref, s.path, r.commit, r.error AS "refError", t.id AS tree,
         t.meta->>'error' AS "treeError", t.meta
       FROM application_sources s
       LEFT JOIN repository_refs r ON r.repository_id = s.repository_id AND r.ref = s.ref
       LEFT JOIN source_trees t ON t.repository_id = s.repository_id AND t.commit = r.commit AND t.path = s.path
       WHERE s.application_id = $1::uuid ORDER BY s.position`,
      [applicationId],
    );
  }

  /** Applications for which something newer is asked for than was resolved, or of which a revision or a variant is not rendered yet. */
  async due(limit: number): Promise<string[]> {
    const rows = await this.database.query<{ id: string }>(
      `(SELECT id FROM applications WHERE requested_seq > resolved_seq AND removal IS NULL ORDER BY id LIMIT $1)
       UNION
       (SELECT r.application_id FROM revisions r WHERE r.state = 'Candidate' ORDER BY r.application_id LIMIT $1)
       UNION
       (SELECT id FROM applications WHERE variants_wanted <> '{}' AND removal IS NULL ORDER BY id LIMIT $1)`,
      [limit],
    );
    return rows.map(({ id }) => id);
  }

  /** Asks for a poll where none is under way, since a source was never read. True: asked. */
  async requestPoll(repositoryId: string): Promise<boolean> {
    const rows = await this.database.query(
      `UPDATE repositories SET requested_seq = requested_seq + 1
       WHERE id = $1::uuid AND requested_seq = polled_seq AND (error IS NULL OR polled_at IS NULL) RETURNING id`,
      [repositoryId],
    );
    return rows.length > 0;
  }

  /** Nothing new came of it: what was asked is answered. */
  async saveAnswer(application: UnresolvedApplication): Promise<void> {
    await this.database.query(
      `UPDATE applications SET resolved_seq = greatest(resolved_seq, $2::bigint) WHERE id = $1::uuid`,
      [application.id, application.requestedSeq],
    );
  }

  /** A new revision, unless the newest one is the same. Two workers at once make one. */
  async saveRevision(revision: NewRevision): Promise<{ id: string; number: number } | null> {
    return this.transactions.inTransaction(systemActor, async (tx) => {
      const { application } = revision;
      const [newest] = await tx.sql<{ number: number; key: string | null; resolvedSeq: bigint }>(
        `SELECT a.revision_number AS number, r.key, a.resolved_seq AS "resolvedSeq" FROM applications a
         LEFT JOIN revisions r ON r.application_id = a.id AND r.number = a.revision_number
         WHERE a.id = $1::uuid FOR NO KEY UPDATE OF a`,
        [application.id],
      );
      if (newest === undefined || newest.resolvedSeq >= application.requestedSeq)
        return tx.nothingChanged(null);
      const number = newest.key === revision.key ? newest.number : newest.number + 1;
      await tx.sql(
        'UPDATE applications SET revision_number = $2, resolved_seq = $3::bigint WHERE id = $1::uuid',
        [application.id, number, application.requestedSeq],
      );
      if (number === newest.number) return tx.nothingChanged(null);
      return this.insertRevision(tx, revision, number);
    });
  }

  private async insertRevision(
    tx: HubTransaction,
    { application, key, sources, renderSpec, meta }: NewRevision,
    number: number,
  ): Promise<{ id: string; number: number }> {
    const [row] = await tx.sql<{ id: string }>(
      `INSERT INTO revisions (application_id, number, key, sources, render_spec, meta, state)
       VALUES ($1::uuid, $2, $3, $4::jsonb, $5::jsonb, $6::jsonb, 'Candidate') RETURNING id`,
      [
        application.id,
        number,
        key,
        JSON.stringify(sources),
        JSON.stringify(renderSpec),
        JSON.stringify(meta),
      ],
    );
    if (row === undefined) throw new Error('the revision was not inserted');
    tx.audit({
      action: 'revision.create',
      resource: { kind: 'revision', id: row.id, name: `${application.name}/${number}` },
      projectId: application.projectId,
      after: { number, sources, renderSpec },
      reason: { application: application.id, commits: sources.map(({ commit }) => commit) },
    });
    tx.hint('source', application.id);
    tx.hint('status', application.id);
    return { id: row.id, number };
  }
}
