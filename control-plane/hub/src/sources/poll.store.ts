/** Rows of a poll: what a repository's applications want, and what was found. Nobody acts here, so nothing is audited. */
import type { Observations } from '../platform/observations.ts';
import type { Database } from '../platform/prisma.ts';
import { systemActor, type Sql, type Transactions } from '../platform/transaction.ts';
import type { FrameStore, PreparedFrames } from './frames.store.ts';
import type { CommitMeta, Look, ReadPath, Want } from './git/messages.ts';

export interface PolledRepository {
  id: string;
  projectId: string;
  name: string;
  url: string;
  credential: Buffer | null;
  pollIntervalMs: number;
  requestedSeq: bigint;
}

/** `ask`: only where somebody asked and no answer was given yet. */
export interface DueRepository {
  id: string;
}

export interface TreeToSave {
  commit: string;
  path: string;
  digest: string;
  meta: CommitMeta & { error?: string };
  frames: string[];
  sizeBytes: number;
}

export interface PreparedLook {
  ref: string;
  commit: string | null;
  error: string | null;
  trees: TreeToSave[];
  /** Null: the commit is the one of before, or it is not known. */
  history: 'continued' | 'rewritten' | null;
}

export interface MovedRef {
  ref: string;
  /** Null: it was never seen before. */
  from: string | null;
  to: string;
  isRewritten: boolean;
}

/** Failures in a row stretch the interval, up to this many times. */
const backoffFactorMax = 5;

export class PollStore {
  private readonly database: Database;
  private readonly observations: Observations;
  private readonly frames: FrameStore;
  private readonly transactions: Transactions;

  constructor(
    database: Database,
    observations: Observations,
    frames: FrameStore,
    transactions: Transactions,
  ) {
    this.database = database;
    this.observations = observations;
    this.frames = frames;
    this.transactions = transactions;
  }

  async repository(id: string): Promise<PolledRepository | null> {
    const [row] = await this.database.query<PolledRepository>(
      `SELECT id, project_id AS "projectId", name, url, credential, poll_interval_ms AS "pollIntervalMs",
         requested_seq AS "requestedSeq"
       FROM repositories WHERE id = $1::uuid AND kind = 'git'`,
      [id],
    );
    return row ?? null;
  }

  /** Each ref once, with all paths that applications use of it, and the commit of which all of them are stored. */
  async wants(repositoryId: string): Promise<Want[]> {
    return this.database.query<Want>(
      `SELECT u.ref, array_agg(u.path ORDER BY u.path) AS paths,
         CASE WHEN bool_and(t.id IS NOT NULL) THEN min(r.commit) END AS have, min(r.commit) AS last
       FROM (SELECT DISTINCT ref, path FROM application_sources WHERE repository_id = $1::uuid) u
       LEFT JOIN repository_refs r ON r.repository_id = $1::uuid AND r.ref = u.ref
       LEFT JOIN source_trees t ON t.repository_id = $1::uuid AND t.commit = r.commit AND t.path = u.path
       GROUP BY u.ref ORDER BY u.ref`,
      [repositoryId],
    );
  }

  /** Asked for and not answered, or overdue by twice the interval (a scheduler that was lost); failing ones less often. */
  async due(limit: number): Promise<string[]> {
    const rows = await this.database.query<{ id: string }>(
      `SELECT id FROM repositories
       WHERE kind = 'git' AND (polled_at IS NULL OR
         polled_at < now() - make_interval(secs =>
           CASE WHEN requested_seq > polled_seq AND failures = 0 THEN 0
                WHEN requested_seq > polled_seq THEN poll_interval_ms * least(2 ^ (failures - 1), ${backoffFactorMax})
                ELSE poll_interval_ms * greatest(2, least(2 ^ failures, ${backoffFactorMax})) END / 1000.0))
       ORDER BY polled_at NULLS FIRST LIMIT $1`,
      [limit],
    );
    return rows.map(({ id }) => id);
  }

  async schedules(): Promise<{ id: string; pollIntervalMs: number }[]> {
    return this.database.query(
      `SELECT id, poll_interval_ms AS "pollIntervalMs" FROM repositories WHERE kind = 'git'`,
    );
  }

  /** False while its failures stretch the interval beyond the time since the last poll. */
  async mayPoll(id: string): Promise<boolean> {
    const [row] = await this.database.query<{ may: boolean }>(
      `SELECT failures = 0 OR polled_at IS NULL OR polled_at <= now() - make_interval(secs =>
         poll_interval_ms * least(2 ^ failures, ${backoffFactorMax}) * 0.9 / 1000.0) AS may
       FROM repositories WHERE id = $1::uuid`,
      [id],
    );
    return row?.may ?? false;
  }

  /** Nothing could be asked: what was found before stays. */
  async saveFailure(repository: PolledRepository, message: string): Promise<void> {
    await this.observations.write(async (tx) => {
      await tx.sql(
        `UPDATE repositories SET error = $2, failures = failures + 1, polled_at = clock_timestamp(),
           error_at = CASE WHEN error IS NULL THEN clock_timestamp() ELSE error_at END
         WHERE id = $1::uuid`,
        [repository.id, message],
      );
      for (const id of await refreshSourceConditions(tx, [repository.id])) tx.hint('application', id);
    });
  }

  /** Trees, refs, the answer to what was asked, and a request to each application whose commit moved: one transaction. */
  async saveLooks(repository: PolledRepository, looks: readonly Look[]): Promise<{ moved: MovedRef[] }> {
    const prepared = looks.map(prepareLook);
    const frames = await this.prepareFrames(repository.projectId, looks);
    return this.observations.write(async (tx) => {
      await this.frames.save(tx, frames);
      await saveTrees(
        tx,
        repository.id,
        prepared.flatMap(({ trees }) => trees),
      );
      const moved = await saveRefs(tx, repository.id, prepared);
      const errors = prepared.filter(
        ({ ref, error }) =>
          error !== null && !looks.some((look) => look.ref === ref && look.outcome === 'missing'),
      );
      const message = errors.map(({ ref, error }) => `${ref}: ${error}`).join('; ');
      const again = await saveAnswer(tx, repository, message === '' ? null : message);
      if (again) tx.hint('repository', repository.id);
      const asked = await requestApplications(tx, repository.id, prepared);
      const changed = await refreshSourceConditions(tx, [repository.id]);
      for (const id of asked) tx.hint('source', id);
      for (const id of changed) tx.hint('application', id);
      return { moved };
    });
  }

  /** For good: what a repository shows of a rewrite goes with the next commit. */
  async recordRewrites(repository: PolledRepository, refs: readonly MovedRef[]): Promise<void> {
    const resource = { kind: 'repository', id: repository.id, name: repository.name };
    const { projectId } = repository;
    await this.transactions.inTransaction(systemActor, async (tx) => {
      for (const { ref, from, to } of refs) {
        const [before, after] = [{ commit: from }, { commit: to }];
        tx.audit({ action: 'repository.rewritten', resource, projectId, before, after, reason: { ref } });
      }
    });
  }

  private prepareFrames(projectId: string, looks: readonly Look[]): Promise<PreparedFrames> {
    const trees = looks.flatMap((look) => (look.outcome === 'read' ? look.paths : []));
    return this.frames.prepare(
      projectId,
      trees.flatMap((path) => (path.ok ? path.tree.frames : [])),
    );
  }
}

function prepareLook(look: Look): PreparedLook {
  const { ref } = look;
  switch (look.outcome) {
    case 'unchanged':
      return { ref, commit: look.commit, error: null, trees: [], history: null };
    case 'missing':
      return { ref, commit: null, error: missingText(ref), trees: [], history: null };
    case 'failed':
      return { ref, commit: null, error: look.problem.message, trees: [], history: null };
    case 'read':
      return {
        ref,
        commit: look.commit,
        error: null,
        trees: look.paths.map((path) => treeOf(look.commit, look.meta, path)),
        history: look.history === 'continued' || look.history === 'rewritten' ? look.history : null,
      };
  }
}

function treeOf(commit: string, meta: CommitMeta, path: ReadPath): TreeToSave {
  if (!path.ok) {
    return {
      commit,
      path: path.path,
      digest: '',
      meta: { ...meta, error: path.reason },
      frames: [],
      sizeBytes: 0,
    };
  }
  const { digest, frames, sizeBytes } = path.tree;
  return { commit, path: path.path, digest, meta, frames: frames.map((frame) => frame.digest), sizeBytes };
}

export function missingText(ref: string): string {
  if (ref.startsWith('refs/heads/')) return `the branch '${ref.slice(11)}' does not exist`;
  if (ref.startsWith('refs/tags/')) return `the tag '${ref.slice(10)}' does not exist`;
  return `the commit ${ref} does not exist, or the server does not give it out`;
}

/** In words, of a row of `repository_refs`. */
function rewriteSql(row: string): string {
  return `CASE WHEN ${row}.ref LIKE 'refs/heads/%' THEN 'branch ''' || substr(${row}.ref, 12)
    ELSE 'tag ''' || substr(${row}.ref, 11) END || ''' was rewritten from '
    || left(${row}.rewritten_from, 12) || ' to ' || left(${row}.commit, 12)`;
}

async function saveTrees(tx: Sql, repositoryId: string, trees: readonly TreeToSave[]): Promise<void> {
  if (trees.length === 0) return;
  await tx.sql(
    `INSERT INTO source_trees (repository_id, commit, path, digest, meta, frames, size_bytes)
     SELECT $1::uuid, t.commit, t.path, t.digest, t.meta, ARRAY(SELECT jsonb_array_elements_text(t.frames)), t."sizeBytes"
     FROM jsonb_to_recordset($2::jsonb) AS t(commit text, path text, digest text, meta jsonb, frames jsonb, "sizeBytes" int)
     ORDER BY t.commit, t.path
     ON CONFLICT (repository_id, commit, path) DO NOTHING`,
    [repositoryId, JSON.stringify(trees)],
  );
}

/** A ref that is missing or fails keeps its last commit. Gives the refs whose commit moved. */
async function saveRefs(tx: Sql, repositoryId: string, looks: readonly PreparedLook[]): Promise<MovedRef[]> {
  if (looks.length === 0) return [];
  return tx.sql<MovedRef>(
    `WITH found AS (SELECT * FROM jsonb_to_recordset($2::jsonb) AS f(ref text, commit text, error text, history text)),
       before AS (SELECT ref, commit FROM repository_refs WHERE repository_id = $1::uuid ORDER BY ref FOR UPDATE),
       saved AS (
         INSERT INTO repository_refs AS r (repository_id, ref, commit, error, seen_at, rewritten_from, rewritten_at)
         SELECT $1::uuid, ref, found.commit, error, clock_timestamp(), CASE WHEN history = 'rewritten' THEN before.commit END,
           CASE WHEN history = 'rewritten' THEN clock_timestamp() END
         FROM found LEFT JOIN before USING (ref) ORDER BY ref
         ON CONFLICT (repository_id, ref) DO UPDATE
         SET commit = coalesce(excluded.commit, r.commit), error = excluded.error, seen_at = excluded.seen_at,
           rewritten_from = CASE WHEN excluded.commit <> r.commit THEN excluded.rewritten_from ELSE r.rewritten_from END,
           rewritten_at = CASE WHEN excluded.commit <> r.commit THEN excluded.rewritten_at ELSE r.rewritten_at END
         RETURNING ref)
     SELECT ref, before.commit AS "from", found.commit AS "to", coalesce(history = 'rewritten', false) AS "isRewritten"
     FROM found JOIN saved USING (ref) LEFT JOIN before USING (ref)
     WHERE found.commit IS NOT NULL AND found.commit IS DISTINCT FROM before.commit`,
    [
      repositoryId,
      JSON.stringify(looks.map(({ ref, commit, error, history }) => ({ ref, commit, error, history }))),
    ],
  );
}

/** True when something was asked for meanwhile. */
async function saveAnswer(tx: Sql, repository: PolledRepository, error: string | null): Promise<boolean> {
  const [row] = await tx.sql<{ again: boolean }>(
    `UPDATE repositories SET polled_seq = greatest(polled_seq, $2::bigint), polled_at = clock_timestamp(), error = $3,
       failures = CASE WHEN $3::text IS NULL THEN 0 ELSE failures + 1 END,
       error_at = CASE WHEN $3::text IS NULL THEN NULL WHEN error IS NULL THEN clock_timestamp() ELSE error_at END
     WHERE id = $1::uuid RETURNING requested_seq > polled_seq AS again`,
    [repository.id, repository.requestedSeq, error],
  );
  return row?.again ?? false;
}

/** Each application that reads a ref whose newest stored tree it has not resolved yet. */
async function requestApplications(
  tx: Sql,
  repositoryId: string,
  looks: readonly PreparedLook[],
): Promise<string[]> {
  const refs = looks.filter(({ trees }) => trees.length > 0).map(({ ref }) => ref);
  if (refs.length === 0) return [];
  const rows = await tx.sql<{ id: string }>(
    `WITH users AS (
       SELECT id FROM applications WHERE id IN (
         SELECT application_id FROM application_sources WHERE repository_id = $1::uuid AND ref = ANY($2::text[]))
       ORDER BY id FOR NO KEY UPDATE)
     UPDATE applications a SET requested_seq = a.requested_seq + 1 FROM users WHERE a.id = users.id RETURNING a.id`,
    [repositoryId, refs],
  );
  return rows.map(({ id }) => id);
}

/**
 * What stands in the way of an application's sources, and which of its refs were rewritten, written anew from the rows
 * that say so: the repository, its ref, the tree at its commit. Gives the applications whose conditions changed.
 */
export async function refreshSourceConditions(tx: Sql, repositoryIds: readonly string[]): Promise<string[]> {
  const rows = await tx.sql<{ id: string }>(
    `WITH users AS (
       SELECT id, conditions FROM applications WHERE id IN (
         SELECT application_id FROM application_sources WHERE repository_id = ANY($1::uuid[]))
       ORDER BY id FOR NO KEY UPDATE),
     problems AS (
       SELECT s.application_id, string_agg(DISTINCT 'repository ' || repo.name || ': ' ||
           coalesce(repo.error, r.error, t.meta->>'error'), '; ') AS message
       FROM application_sources s
       JOIN users ON users.id = s.application_id
       JOIN repositories repo ON repo.id = s.repository_id
       LEFT JOIN repository_refs r ON r.repository_id = s.repository_id AND r.ref = s.ref
       LEFT JOIN source_trees t ON t.repository_id = s.repository_id AND t.commit = r.commit AND t.path = s.path
       WHERE coalesce(repo.error, r.error, t.meta->>'error') IS NOT NULL
       GROUP BY s.application_id),
     rewrites AS (
       SELECT s.application_id, string_agg(DISTINCT 'repository ' || repo.name || ': ' || ${rewriteSql('r')}, '; ') AS message
       FROM application_sources s
       JOIN users ON users.id = s.application_id
       JOIN repositories repo ON repo.id = s.repository_id
       JOIN repository_refs r ON r.repository_id = s.repository_id AND r.ref = s.ref
       WHERE r.rewritten_from IS NOT NULL
       GROUP BY s.application_id),
     wanted AS (
       SELECT users.id, users.conditions AS before,
         (SELECT coalesce(jsonb_agg(c ORDER BY position), '[]') FROM jsonb_array_elements(users.conditions) WITH ORDINALITY AS e(c, position)
          WHERE c->>'type' NOT IN ('SourceError', 'SourceRewritten'))
         || CASE WHEN p.message IS NULL THEN '[]'::jsonb
            ELSE jsonb_build_array(jsonb_build_object('type', 'SourceError', 'message', p.message)) END
         || CASE WHEN w.message IS NULL THEN '[]'::jsonb
            ELSE jsonb_build_array(jsonb_build_object('type', 'SourceRewritten', 'message', w.message)) END AS after
       FROM users LEFT JOIN problems p ON p.application_id = users.id LEFT JOIN rewrites w ON w.application_id = users.id)
     UPDATE applications a SET conditions = wanted.after FROM wanted
     WHERE a.id = wanted.id AND wanted.after IS DISTINCT FROM wanted.before RETURNING a.id`,
    [repositoryIds],
  );
  return rows.map(({ id }) => id);
}
