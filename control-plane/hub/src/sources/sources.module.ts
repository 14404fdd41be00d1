/** Repositories, their webhooks and polls. Polls run where the role `worker` does. */
import { Module, type OnApplicationBootstrap } from '@nestjs/common';

import { HubConfig } from '../platform/config.ts';
import { Envelope } from '../platform/envelope.ts';
import { Hints } from '../platform/hints.ts';
import { Lifecycle } from '../platform/lifecycle.ts';
import { Locks } from '../platform/lock.ts';
import { Loggers } from '../platform/logger.ts';
import { Observations } from '../platform/observations.ts';
import { Database } from '../platform/prisma.ts';
import { Queues } from '../platform/queues.ts';
import { Transactions } from '../platform/transaction.ts';
import { FrameStore } from './frames.store.ts';
import { GitClient } from './git/client.ts';
import { Poller } from './poll.ts';
import { PollStore } from './poll.store.ts';
import { startPolling } from './polling.ts';
import { RepositoriesController } from './repositories.controller.ts';
import { Repositories } from './repositories.ts';
import { Webhooks } from './webhooks.ts';

@Module({
  controllers: [RepositoriesController],
  // One for the process: a repository's cache has one user at a time, whoever looks.
  providers: [Repositories, Webhooks, FrameStore, { provide: GitClient, useFactory: () => new GitClient() }],
  exports: [FrameStore, GitClient],
})
export class SourcesModule implements OnApplicationBootstrap {
  constructor(
    private readonly config: HubConfig,
    private readonly database: Database,
    private readonly locks: Locks,
    private readonly observations: Observations,
    private readonly transactions: Transactions,
    private readonly envelope: Envelope,
    private readonly frames: FrameStore,
    private readonly git: GitClient,
    private readonly queues: Queues,
    private readonly hints: Hints,
    private readonly lifecycle: Lifecycle,
    private readonly loggers: Loggers,
  ) {}

  onApplicationBootstrap(): void {
    if (!this.config.roles.includes('worker')) return;
    const { config, database, locks, envelope, queues, hints, lifecycle } = this;
    const logger = this.loggers.for('sources');
    const store = new PollStore(database, this.observations, this.frames, this.transactions);
    const { git } = this;
    const { signal } = lifecycle;
    const poller = new Poller({ config, locks, envelope, store, git, logger, signal });
    const { scanIntervalMs } = config;
    startPolling({ poller, store, git, scanIntervalMs, queues, hints, lifecycle, logger });
  }
}
