/** When applications are resolved and rendered: at once on a hint, and by a scan of what was asked for and not answered. */
import type { Hints } from '../platform/hints.ts';
import { JobPool } from '../platform/jobPool.ts';
import type { Lifecycle } from '../platform/lifecycle.ts';
import type { Logger } from '../platform/logger.ts';
import { runLoop } from '../platform/loop.ts';
import { renderCandidates, renderWanted, type RenderOptions } from './render.ts';
import type { ResolveStore } from './resolve.store.ts';
import { resolve } from './resolve.ts';

const applicationsMax = 8;

export interface RenderingOptions extends RenderOptions {
  resolveStore: ResolveStore;
  scanIntervalMs: number;
  hints: Hints;
  lifecycle: Lifecycle;
  logger: Logger;
}

/** Starts the loop; it ends by the lifecycle's signal. */
export function startRendering(options: RenderingOptions): void {
  const { resolveStore: store, hints, lifecycle, logger } = options;
  const pool = new JobPool({
    runningMax: applicationsMax,
    run: async (id) => {
      await resolve({ store, hints, logger }, id);
      await renderCandidates(options, id);
      await renderWanted(options, id);
    },
    onError: (id, error) => {
      if (!lifecycle.signal.aborted) logger.error({ err: error, application: id }, 'rendering failed');
    },
  });
  lifecycle.track(
    runLoop({
      name: 'rendering',
      intervalMs: options.scanIntervalMs,
      signal: lifecycle.signal,
      logger,
      hints: { source: hints, kinds: ['application', 'source'] },
      // Not awaited: one application that takes its whole time must not keep others from being seen.
      run: async (hinted) => {
        for (const id of new Set([...hinted, ...(await store.due(500))])) void pool.ask(id);
      },
    }).then(async () => {
      // Ends what is being rendered: it stays a Candidate for whoever comes next.
      await options.renderer.close();
      await pool.close();
    }),
  );
}
