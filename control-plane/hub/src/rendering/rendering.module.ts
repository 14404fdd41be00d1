/** Revisions, variants and bundles. Its loop runs where the role `worker` does. */
import { Module, type OnApplicationBootstrap } from '@nestjs/common';

import { HubConfig } from '../platform/config.ts';
import { DataKeys } from '../platform/dataKeys.ts';
import { Hints } from '../platform/hints.ts';
import { Lifecycle } from '../platform/lifecycle.ts';
import { Locks } from '../platform/lock.ts';
import { Loggers } from '../platform/logger.ts';
import { Database } from '../platform/prisma.ts';
import { Transactions } from '../platform/transaction.ts';
import { FrameStore } from '../sources/frames.store.ts';
import { SourcesModule } from '../sources/sources.module.ts';
import { Renderer, rendererDefaults } from './renderer.ts';
import { RenderStore } from './render.store.ts';
import { startRendering } from './rendering.ts';
import { ResolveStore } from './resolve.store.ts';
import { findUnshare } from './sandbox.ts';

@Module({ imports: [SourcesModule] })
export class RenderingModule implements OnApplicationBootstrap {
  constructor(
    private readonly config: HubConfig,
    private readonly database: Database,
    private readonly locks: Locks,
    private readonly transactions: Transactions,
    private readonly dataKeys: DataKeys,
    private readonly frames: FrameStore,
    private readonly hints: Hints,
    private readonly lifecycle: Lifecycle,
    private readonly loggers: Loggers,
  ) {}

  onApplicationBootstrap(): void {
    if (!this.config.roles.includes('worker')) return;
    const { database, transactions, dataKeys, hints, lifecycle } = this;
    const logger = this.loggers.for('rendering');
    const unshare = findUnshare();
    if (unshare === null)
      logger.warn('renderers keep their network: this system gives no network namespaces');
    startRendering({
      locks: this.locks,
      scanIntervalMs: this.config.scanIntervalMs,
      hints,
      lifecycle,
      logger,
      renderer: new Renderer({ ...rendererDefaults, unshare, logger }),
      store: new RenderStore(database, transactions, dataKeys, this.frames),
      resolveStore: new ResolveStore(database, transactions),
    });
  }
}
