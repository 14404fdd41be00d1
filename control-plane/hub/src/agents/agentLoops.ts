/** The loops of the role `agents`: the scan, this replica's signs of life, and what dead replicas left behind. */
import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { HubConfig } from '../platform/config.ts';
import { Hints } from '../platform/hints.ts';
import { Lifecycle } from '../platform/lifecycle.ts';
import { Loggers } from '../platform/logger.ts';
import { runLoop } from '../platform/loop.ts';
import { Observations } from '../platform/observations.ts';
import { Database } from '../platform/prisma.ts';
import { hubVersion, ReplicaIdentity } from '../platform/replica.ts';
import { dropOldAnswers } from './commands.store.ts';
import { SessionRegistry } from './registry.ts';
import { SessionScan } from './scan.ts';
import { AgentServer } from './server.ts';
import * as store from './sessions.store.ts';

const beatIntervalMs = 10_000;
const sweepIntervalMs = 10_000;

@Injectable()
export class AgentLoops implements OnApplicationBootstrap {
  constructor(
    private readonly config: HubConfig,
    private readonly database: Database,
    private readonly hints: Hints,
    private readonly lifecycle: Lifecycle,
    private readonly loggers: Loggers,
    private readonly observations: Observations,
    private readonly registry: SessionRegistry,
    private readonly replica: ReplicaIdentity,
    private readonly scan: SessionScan,
    private readonly server: AgentServer,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    if (!this.config.roles.includes('agents')) return;
    const { signal } = this.lifecycle;
    const logger = this.loggers.for('agents');
    const hints = { source: this.hints, kinds: ['cluster', 'session', 'command', 'audit'] as const };
    await this.beat();
    this.start({
      name: 'scan',
      intervalMs: this.config.scanIntervalMs,
      run: (hinted) => this.scan.run(hinted),
      hints: { ...hints, kinds: [...hints.kinds] },
    });
    this.start({ name: 'beat', intervalMs: beatIntervalMs, run: () => this.beat() });
    this.start({ name: 'sweep', intervalMs: sweepIntervalMs, run: () => this.sweep() });
    signal.addEventListener('abort', () => this.lifecycle.track(this.server.drain()), { once: true });
    logger.debug('agent loops started');
  }

  private start(loop: Pick<Parameters<typeof runLoop>[0], 'name' | 'intervalMs' | 'run' | 'hints'>): void {
    this.lifecycle.track(
      runLoop({ ...loop, signal: this.lifecycle.signal, logger: this.loggers.for('agents') }),
    );
  }

  private async beat(): Promise<void> {
    const { id } = this.replica;
    await store.beatReplica(this.database, {
      id,
      roles: this.config.roles,
      address: this.config.grpc.host,
      version: hubVersion,
    });
    await store.touchSessions(this.database, id, this.registry.workingSessions);
  }

  private async sweep(): Promise<void> {
    await this.observations.write(async (tx) => {
      await store.endSessionsOfDeadReplicas(tx);
      for (const id of await store.markDisconnected(tx)) {
        for (const kind of ['status', 'session'] as const) tx.hint(kind, id);
      }
    });
    await dropOldAnswers(this.database);
  }
}
