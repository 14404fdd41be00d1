/** What every capability stands on. Global: nothing here knows about a capability. */
import { Global, Module, type DynamicModule, type OnApplicationShutdown } from '@nestjs/common';
import { Addresses } from './addresses.ts';
import { Clock, SystemClock } from './clock.ts';
import { HubConfig } from './config.ts';
import { DataKeys } from './dataKeys.ts';
import { Envelope, loadEnvelope } from './envelope.ts';
import { Hints } from './hints.ts';
import { Lifecycle } from './lifecycle.ts';
import { Locks } from './lock.ts';
import { Loggers } from './logger.ts';
import { Observations } from './observations.ts';
import { Database } from './prisma.ts';
import { Queues } from './queues.ts';
import { Readiness } from './readiness.ts';
import { ReplicaIdentity } from './replica.ts';
import { Transactions } from './transaction.ts';

@Global()
@Module({})
export class PlatformModule implements OnApplicationShutdown {
  constructor(
    private readonly database: Database,
    private readonly hints: Hints,
    private readonly queues: Queues,
    private readonly lifecycle: Lifecycle,
    private readonly locks: Locks,
  ) {}

  static with(config: HubConfig): DynamicModule {
    const providers = [
      { provide: HubConfig, useValue: config },
      { provide: Loggers, useValue: new Loggers(config.logLevel) },
      { provide: Clock, useClass: SystemClock },
      { provide: Lifecycle, useValue: new Lifecycle() },
      { provide: Envelope, useFactory: () => loadEnvelope(config.keyFile) },
      { provide: Database, useFactory: () => new Database(config.databaseUrl, config.databasePoolMax) },
      { provide: Hints, useFactory: startedHints, inject: [HubConfig, Loggers] },
      {
        provide: Locks,
        useFactory: (loggers: Loggers) =>
          new Locks({ url: config.databaseDirectUrl, logger: loggers.for('locks') }),
        inject: [Loggers],
      },
      {
        provide: Transactions,
        useFactory: (database: Database, hints: Hints) => new Transactions(database, hints),
        inject: [Database, Hints],
      },
      {
        provide: DataKeys,
        useFactory: (database: Database, envelope: Envelope) => new DataKeys(database, envelope),
        inject: [Database, Envelope],
      },
      { provide: Addresses, useValue: new Addresses(config) },
      {
        provide: Readiness,
        useFactory: (database: Database, lifecycle: Lifecycle) => new Readiness(database, lifecycle),
        inject: [Database, Lifecycle],
      },
      { provide: ReplicaIdentity, useValue: new ReplicaIdentity() },
      {
        provide: Observations,
        useFactory: (database: Database, hints: Hints) => new Observations(database, hints),
        inject: [Database, Hints],
      },
      {
        provide: Queues,
        useFactory: (loggers: Loggers) => new Queues(config, loggers.for('queues')),
        inject: [Loggers],
      },
    ];
    return { module: PlatformModule, providers, exports: providers.map(({ provide }) => provide) };
  }

  /** Runs last: everything above was destroyed before. */
  async onApplicationShutdown(): Promise<void> {
    await this.lifecycle.stop();
    await this.queues.close();
    await this.hints.close();
    await this.locks.close();
    await this.database.close();
  }
}

async function startedHints(config: HubConfig, loggers: Loggers): Promise<Hints> {
  const hints = new Hints({ url: config.databaseDirectUrl, logger: loggers.for('hints') });
  await hints.start();
  return hints;
}
