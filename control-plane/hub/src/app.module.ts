/** The hub's modules. A capability adds one line; which loops run is decided by HUB_ROLES inside each. */
import { Module, type DynamicModule } from '@nestjs/common';
import { AccessModule } from './access/access.module.ts';
import { AgentsModule } from './agents/agents.module.ts';
import { ApplicationsModule } from './applications/applications.module.ts';
import { AuditModule } from './audit/audit.module.ts';
import { ClustersModule } from './clusters/clusters.module.ts';
import { HttpModule } from './http/http.module.ts';
import type { HubConfig } from './platform/config.ts';
import { PlatformModule } from './platform/platform.module.ts';
import { RenderingModule } from './rendering/rendering.module.ts';
import { RolloutsModule } from './rollouts/rollouts.module.ts';
import { SourcesModule } from './sources/sources.module.ts';
import { StatusModule } from './status/status.module.ts';

@Module({})
export class AppModule {
  static with(config: HubConfig): DynamicModule {
    return {
      module: AppModule,
      imports: [
        PlatformModule.with(config),
        HttpModule,
        AccessModule,
        AuditModule,
        ClustersModule,
        ApplicationsModule,
        SourcesModule,
        RenderingModule,
        RolloutsModule,
        StatusModule,
        AgentsModule,
      ],
    };
  }
}
