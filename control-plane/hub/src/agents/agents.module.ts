/** Agents' streams: mTLS gRPC, sessions, desired state, bundles, reports, answers. */
import { Module } from '@nestjs/common';
import { ClustersModule } from '../clusters/clusters.module.ts';
import { StatusModule } from '../status/status.module.ts';
import { AgentLoops } from './agentLoops.ts';
import { Alarms } from './alarms.ts';
import { DesiredFlow } from './desired.ts';
import { Greeter } from './greet.ts';
import { HoldingsStore } from './holdings.store.ts';
import { SessionRegistry } from './registry.ts';
import { SessionScan } from './scan.ts';
import { AgentServer } from './server.ts';

@Module({
  imports: [ClustersModule, StatusModule],
  providers: [
    AgentLoops,
    AgentServer,
    Alarms,
    DesiredFlow,
    Greeter,
    HoldingsStore,
    SessionRegistry,
    SessionScan,
  ],
  exports: [AgentServer],
})
export class AgentsModule {}
