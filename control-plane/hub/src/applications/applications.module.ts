/** Projects and applications. A project named `default` exists from the first start on. */
import { Module, type OnApplicationBootstrap } from '@nestjs/common';
import { HubConfig } from '../platform/config.ts';
import { ApplicationsController, ProjectsController } from './applications.controller.ts';
import { Applications } from './applications.ts';
import { Projects } from './projects.ts';

@Module({
  controllers: [ApplicationsController, ProjectsController],
  providers: [Applications, Projects],
  exports: [Applications, Projects],
})
export class ApplicationsModule implements OnApplicationBootstrap {
  constructor(
    private readonly config: HubConfig,
    private readonly projects: Projects,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    if (this.config.roles.includes('api')) await this.projects.ensureDefault();
  }
}
