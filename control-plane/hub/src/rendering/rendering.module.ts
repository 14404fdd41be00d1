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
import { Envelope } from '../platform/envelope.ts';
import { Observations } from '../platform/observations.ts';
import { FrameStore } from '../sources/frames.store.ts';
import { GitClient } from '../sources/git/client.ts';
import { SourcesModule } from '../sources/sources.module.ts';
import { BundleStore } from './bundle.store.ts';
import { PreviewStore } from './preview/preview.store.ts';
import { startPreviews } from './preview/previews.ts';
import { Renderer, rendererDefaults } from './renderer.ts';
import { RenderStore } from './render.store.ts';
import { startRendering } from './rendering.ts';
import { ResolveStore } from './resolve.store.ts';
import { findUnshare } from './sandbox.ts';
import { VariantStore } from './variants/variants.store.ts';

@Module({ imports: [SourcesModule] })
export class RenderingModule implements OnApplicationBootstrap {
  constructor(
    private readonly config: HubConfig,
    private readonly database: Database,
    private readonly locks: Locks,
    private readonly transactions: Transactions,
    private readonly dataKeys: DataKeys,
    private readonly frames: FrameStore,
    private readonly git: GitClient,
    private readonly envelope: Envelope,
    private readonly observations: Observations,
    private readonly hints: Hints,
    private readonly lifecycle: Lifecycle,
    private readonly loggers: Loggers,
  ) {}

  onApplicationBootstrap(): void {
    if (!this.config.roles.includes('worker')) return;
    const { database, transactions, frames, hints, lifecycle } = this;
    const logger = this.loggers.for('rendering');
    const unshare = findUnshare();
    if (unshare === null)
      logger.warn('renderers keep their network: this system gives no network namespaces');
    const { scanIntervalMs, sourcesAllow } = this.config;
    const renderer = new Renderer({ ...rendererDefaults, unshare, logger });
    const bundles = new BundleStore(this.dataKeys, frames);
    startRendering({
      locks: this.locks,
      scanIntervalMs,
      hints,
      lifecycle,
      logger,
      renderer,
      frames,
      store: new RenderStore(database, transactions, bundles),
      variants: new VariantStore(database, transactions, bundles),
      resolveStore: new ResolveStore(database, transactions),
    });
    const store = new PreviewStore(database, this.observations, bundles);
    const resolver = { git: this.git, envelope: this.envelope, store, sourcesAllow };
    const { locks } = this;
    const { signal } = lifecycle;
    startPreviews({
      frames,
      locks,
      scanIntervalMs,
      hints,
      lifecycle,
      logger,
      renderer,
      store,
      resolver,
      signal,
    });
  }
}
