/** What a person calls a revision (commit, branch or tag) → the commit and the files of it that an application uses. */
import type { Envelope } from '../../platform/envelope.ts';
import { openCredential } from '../../sources/credential.ts';
import type { GitClient } from '../../sources/git/client.ts';
import { GitError } from '../../sources/git/client.ts';
import type { Look, Remote } from '../../sources/git/messages.ts';
import type { PreviewRow, PreviewStore } from './preview.store.ts';

export type Read = Extract<Look, { outcome: 'read' }>;
export type RefResolution = { found: 'yes'; read: Read } | { found: 'no'; reason: string };

export interface RefResolver {
  git: Pick<GitClient, 'look'>;
  envelope: Envelope;
  store: Pick<PreviewStore, 'commitsLike'>;
  sourcesAllow: readonly string[];
}

const commitForm = /^[0-9a-f]{40}$/;
const shortForm = /^[0-9a-f]{7,39}$/;

/** A branch goes before a tag of the same name, and both before the beginning of a commit. */
export async function resolveRef(
  resolver: RefResolver,
  row: PreviewRow,
  paths: string[],
): Promise<RefResolution> {
  const { revision, repository } = row;
  const candidates = commitForm.test(revision)
    ? [revision]
    : [`refs/heads/${revision}`, `refs/tags/${revision}`];
  for (const ref of candidates) {
    const looked = await lookAt(resolver, row, ref, paths);
    if (looked !== null) return looked;
  }
  const known = shortForm.test(revision) ? await resolver.store.commitsLike(row.repositoryId, revision) : [];
  const [only, another] = known;
  if (only !== undefined && another === undefined) {
    const looked = await lookAt(resolver, row, only, paths);
    if (looked !== null) return looked;
  }
  const isAmbiguous = another !== undefined;
  return {
    found: 'no',
    reason: isAmbiguous
      ? `several commits of repository "${repository}" begin with ${revision}: give the whole id`
      : missing(row),
  };
}

function missing({ revision, repository }: PreviewRow): string {
  if (commitForm.test(revision)) {
    return `repository "${repository}" has no commit ${revision}, or its server does not give it out: push it first`;
  }
  const hint = shortForm.test(revision) ? '; of a commit that was never seen here, give the whole id' : '';
  return `repository "${repository}" has no branch and no tag "${revision}": push it first${hint}`;
}

/** Null: there is no such ref. */
async function lookAt(
  { git, envelope, sourcesAllow }: RefResolver,
  row: PreviewRow,
  ref: string,
  paths: string[],
): Promise<RefResolution | null> {
  const remote: Remote = {
    repositoryId: row.repositoryId,
    url: row.url,
    credential: openCredential(envelope, row.repositoryId, row.credential),
    allow: sourcesAllow,
  };
  try {
    const [look] = await git.look(remote, [{ ref, have: null, last: null, paths }]);
    if (look === undefined || look.outcome === 'missing') return null;
    if (look.outcome === 'read') return { found: 'yes', read: look };
    const reason = look.outcome === 'failed' ? look.problem.message : 'it could not be read';
    return { found: 'no', reason: `repository "${row.repository}": ${reason}` };
  } catch (error) {
    if (!(error instanceof GitError)) throw error;
    return { found: 'no', reason: `repository "${row.repository}": ${error.message}` };
  }
}
