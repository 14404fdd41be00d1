/** The worker around domain/rollout. It runs where the role `worker` does. */
import { Module, type OnApplicationBootstrap } from '@nestjs/common';

import { ApplicationsModule } from '../applications/applications.module.ts';
import { HubConfig } from '../platform/config.ts';
import { DataKeys } from '../platform/dataKeys.ts';
import { Hints } from '../platform/hints.ts';
import { Lifecycle } from '../platform/lifecycle.ts';
import { Locks } from '../platform/lock.ts';
import { Loggers } from '../platform/logger.ts';
import { Observations } from '../platform/observations.ts';
import { Database } from '../platform/prisma.ts';
import { Transactions } from '../platform/transaction.ts';
import { RolloutActionsController } from './actions.controller.ts';
import { RolloutActions } from './actions.ts';
import { Drops } from './drops.ts';
import { GateChecker } from './gates/checker.ts';
import { Outages } from './outages.ts';
import { Plans } from './plan/plans.ts';
import { KnownFleets } from './knownTargets.ts';
import { PlansController } from './plan/plans.controller.ts';
import { startPlanWorker } from './plan/planWorker.ts';
import { startRetention } from './retention.ts';
import { RolloutWorker } from './worker.ts';

@Module({
  imports: [ApplicationsModule],
  controllers: [RolloutActionsController, PlansController],
  providers: [RolloutActions, Plans],
})
export class RolloutsModule implements OnApplicationBootstrap {
  constructor(
    private readonly config: HubConfig,
    private readonly database: Database,
    private readonly locks: Locks,
    private readonly observations: Observations,
    private readonly transactions: Transactions,
    private readonly dataKeys: DataKeys,
    private readonly hints: Hints,
    private readonly lifecycle: Lifecycle,
    private readonly loggers: Loggers,
  ) {}

  onApplicationBootstrap(): void {
    if (!this.config.roles.includes('worker')) return;
    const { database, transactions, dataKeys, hints, lifecycle, loggers } = this;
    const { scanIntervalMs, gatesAllow: allow } = this.config;
    const { locks, observations } = this;
    const { signal } = lifecycle;
    const logger = loggers.for('rollouts');
    const drops = new Drops(dataKeys);
    new RolloutWorker({
      database,
      transactions,
      drops,
      outages: new Outages(),
      fleets: new KnownFleets(),
      gates: new GateChecker({ database, transactions, locks, allow, signal, logger }),
      scanIntervalMs,
      hints,
      lifecycle,
      logger,
    }).start();
    startRetention({ database, locks, lifecycle, logger });
    startPlanWorker({ database, observations, dataKeys, hints, locks, lifecycle, logger });
  }
}
