/** Clusters: how they get in, who they are, what people do with them. */
import { Module, type OnApplicationBootstrap } from '@nestjs/common';
import { HubConfig } from '../platform/config.ts';
import { Lifecycle } from '../platform/lifecycle.ts';
import { Loggers } from '../platform/logger.ts';
import { runLoop } from '../platform/loop.ts';
import { AgentsController } from './agents.controller.ts';
import { Authority } from './authority.ts';
import { ClustersController } from './clusters.controller.ts';
import { Clusters } from './clusters.ts';
import { Enroller } from './enrol.ts';
import { RegistrationTokensController } from './registrationTokens.controller.ts';
import { RegistrationTokens } from './registrationTokens.ts';
import { Renewer } from './renew.ts';

@Module({
  controllers: [AgentsController, ClustersController, RegistrationTokensController],
  providers: [Authority, Clusters, Enroller, RegistrationTokens, Renewer],
  exports: [Authority, Renewer],
})
export class ClustersModule implements OnApplicationBootstrap {
  constructor(
    private readonly clusters: Clusters,
    private readonly config: HubConfig,
    private readonly lifecycle: Lifecycle,
    private readonly loggers: Loggers,
  ) {}

  onApplicationBootstrap(): void {
    if (!this.config.roles.includes('worker')) return;
    const { signal } = this.lifecycle;
    const logger = this.loggers.for('clusters');
    const run = (): Promise<void> => this.clusters.resumeDue();
    this.lifecycle.track(runLoop({ name: 'resume-due', intervalMs: 5000, signal, logger, run }));
  }
}
