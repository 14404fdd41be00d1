/**
 * One look at one repository: where its refs point, and the files of those that moved. One fetch serves all applications
 * that use the repository. Safe to run twice and by two workers: a lock saves the second fetch, rows decide.
 */
import type { HubConfig } from '../platform/config.ts';
import type { Envelope } from '../platform/envelope.ts';
import type { Locks } from '../platform/lock.ts';
import type { Logger } from '../platform/logger.ts';
import { openCredential } from './credential.ts';
import { saveTwice } from './frames.store.ts';
import { GitError, type GitClient } from './git/client.ts';
import type { Look, Remote, Want } from './git/messages.ts';
import type { MovedRef, PolledRepository, PollStore } from './poll.store.ts';

export interface PollerOptions {
  config: HubConfig;
  locks: Locks;
  envelope: Envelope;
  store: PollStore;
  git: GitClient;
  logger: Logger;
  /** Aborted when the hub stops: what ends by that says nothing about the repository. */
  signal: AbortSignal;
}

export type PollOutcome = 'polled' | 'failed' | 'busy' | 'gone';

export class Poller {
  private readonly options: PollerOptions;

  constructor(options: PollerOptions) {
    this.options = options;
  }

  async poll(repositoryId: string): Promise<PollOutcome> {
    const locked = await this.options.locks.tryLock(`poll:${repositoryId}`, () =>
      this.pollLocked(repositoryId),
    );
    return locked.held ? locked.value : 'busy';
  }

  private async pollLocked(repositoryId: string): Promise<PollOutcome> {
    const { store, logger } = this.options;
    const repository = await store.repository(repositoryId);
    if (repository === null) return 'gone';
    const wants = await store.wants(repositoryId);
    try {
      const looks = await this.lookAt(repository, wants);
      const { moved } = await saveTwice(() => this.options.store.saveLooks(repository, looks));
      if (moved.length > 0) await this.tell(repository, moved);
      return 'polled';
    } catch (error) {
      if (!(error instanceof GitError)) throw error;
      if (this.options.signal.aborted) return 'busy';
      logger.warn({ repository: repository.name, problem: error.problem }, 'repository cannot be polled');
      await store.saveFailure(repository, error.problem.message);
      return 'failed';
    }
  }

  private async tell(repository: PolledRepository, moved: readonly MovedRef[]): Promise<void> {
    const { logger, store } = this.options;
    logger.info({ repository: repository.name, refs: moved.map(({ ref }) => ref) }, 'repository moved');
    const rewritten = moved.filter(({ isRewritten }) => isRewritten);
    if (rewritten.length === 0) return;
    logger.warn({ repository: repository.name, refs: rewritten }, 'history rewritten');
    await store.recordRewrites(repository, rewritten);
  }

  /** Without applications the connection is proved all the same, so that a wrong URL shows at once. */
  private lookAt(repository: PolledRepository, wants: Want[]): Promise<Look[]> {
    const remote: Remote = {
      repositoryId: repository.id,
      url: repository.url,
      credential: openCredential(this.options.envelope, repository.id, repository.credential),
      allow: this.options.config.sourcesAllow,
    };
    return this.options.git.look(remote, wants);
  }
}
