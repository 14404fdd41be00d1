/**
 * From what an application's refs point to, to a numbered revision, or to none: an unchanged key is no new revision, and
 * a source that is missing leaves the last revision in place.
 */
import type { Hints } from '../platform/hints.ts';
import type { Logger } from '../platform/logger.ts';
import type { ResolveStore, SourceRow } from './resolve.store.ts';
import { renderSpecOf, revisionKey, type ResolvedSource } from './revisionKey.ts';

export type Resolution =
  | { outcome: 'resolved'; revision: number }
  | { outcome: 'unchanged' }
  /** A source was not read yet: its repository is asked to. */
  | { outcome: 'waiting' }
  /** A source is not there: its condition says so. */
  | { outcome: 'blocked' };

export interface ResolverOptions {
  store: ResolveStore;
  hints: Hints;
  logger: Logger;
}

export async function resolve(
  { store, hints, logger }: ResolverOptions,
  applicationId: string,
): Promise<Resolution> {
  const application = await store.application(applicationId);
  if (application === null || application.removal !== null) return { outcome: 'unchanged' };
  if (application.requestedSeq <= application.resolvedSeq) return { outcome: 'unchanged' };
  const rows = await store.sources(applicationId);
  const unread = rows.filter(isUnread);
  for (const { repository } of unread) {
    if (await store.requestPoll(repository)) hints.send('repository', [repository]);
  }
  if (unread.length > 0) return { outcome: 'waiting' };
  const sources = rows.flatMap(resolved);
  if (sources.length < rows.length) {
    await store.saveAnswer(application);
    return { outcome: 'blocked' };
  }
  const renderSpec = renderSpecOf(application.spec);
  const key = revisionKey(sources, renderSpec);
  const revision = await store.saveRevision({
    application,
    key,
    sources,
    renderSpec,
    meta: rows[0]?.meta ?? {},
  });
  if (revision === null) return { outcome: 'unchanged' };
  logger.info({ application: application.name, revision: revision.number }, 'revision made');
  return { outcome: 'resolved', revision: revision.number };
}

/** Neither read nor known to be unreadable. A ref that has vanished keeps the commit it had. */
function isUnread({ commit, tree, refError }: SourceRow): boolean {
  return commit === null ? refError === null : tree === null;
}

function resolved({ repository, ref, commit, path, tree, treeError }: SourceRow): ResolvedSource[] {
  if (commit === null || tree === null || treeError !== null) return [];
  return [{ repository, ref, commit, path, tree }];
}
