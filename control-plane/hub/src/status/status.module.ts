/** Ingest for the agents' streams, the read side for people, and the loops that keep counters and history. */
import { Module, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { HubConfig } from '../platform/config.ts';
import { Hints } from '../platform/hints.ts';
import { Lifecycle } from '../platform/lifecycle.ts';
import { Loggers } from '../platform/logger.ts';
import { Observations } from '../platform/observations.ts';
import { Database } from '../platform/prisma.ts';
import { EventsController } from './events.controller.ts';
import { Ingest } from './ingest.ts';
import { runStatusLoops } from './loops.ts';
import { Questions, QuestionsController } from './questions.ts';
import { StatusReader } from './read.ts';
import { RolloutsController, TargetsController } from './status.controller.ts';

function makeIngest(observations: Observations, loggers: Loggers): Ingest {
  const logger = loggers.for('ingest');
  return new Ingest({
    observations,
    onMalformed: (clusterId, count) =>
      logger.warn({ clusterId, count }, 'reports that do not parse were left out'),
  });
}

@Module({
  controllers: [TargetsController, RolloutsController, QuestionsController, EventsController],
  providers: [
    StatusReader,
    Questions,
    { provide: Ingest, useFactory: makeIngest, inject: [Observations, Loggers] },
  ],
  exports: [Ingest],
})
export class StatusModule implements OnApplicationBootstrap, OnModuleDestroy {
  constructor(
    private readonly config: HubConfig,
    private readonly database: Database,
    private readonly observations: Observations,
    private readonly hints: Hints,
    private readonly lifecycle: Lifecycle,
    private readonly loggers: Loggers,
    private readonly ingest: Ingest,
  ) {}

  onApplicationBootstrap(): void {
    if (!this.config.roles.includes('worker')) return;
    const { database, observations, hints } = this;
    const { signal } = this.lifecycle;
    const logger = this.loggers.for('status');
    this.lifecycle.track(runStatusLoops({ database, observations, hints, signal, logger }));
  }

  /** What was handed in is committed before connections close. */
  async onModuleDestroy(): Promise<void> {
    await this.ingest.drain();
  }
}
