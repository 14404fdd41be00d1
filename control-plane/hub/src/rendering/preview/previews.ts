/** When plans are rendered: at once on a hint, and by a scan of those that wait. By one worker each. */
import type { Hints } from '../../platform/hints.ts';
import { JobPool } from '../../platform/jobPool.ts';
import type { Lifecycle } from '../../platform/lifecycle.ts';
import type { Locks } from '../../platform/lock.ts';
import { runLoop } from '../../platform/loop.ts';
import { renderPreview, type PreviewOptions } from './preview.ts';

/** Revisions go first: rendering has few processes, and these take what is left of them. */
const previewsMax = 2;

export interface PreviewsOptions extends PreviewOptions {
  locks: Locks;
  scanIntervalMs: number;
  hints: Hints;
  lifecycle: Lifecycle;
}

/** Starts the loop; it ends by the lifecycle's signal. */
export function startPreviews(options: PreviewsOptions): void {
  const { locks, store, lifecycle, logger, hints } = options;
  const pool = new JobPool({
    runningMax: previewsMax,
    run: async (id) => {
      await locks.tryLock(`preview:${id}`, () => renderPreview(options, id));
    },
    onError: (id, error) => {
      if (!lifecycle.signal.aborted) logger.error({ err: error, plan: id }, 'plan not rendered');
    },
  });
  lifecycle.track(
    runLoop({
      name: 'rendering.preview',
      intervalMs: options.scanIntervalMs,
      signal: lifecycle.signal,
      logger,
      hints: { source: hints, kinds: ['plan'] },
      // Not awaited: one that takes its whole time must not keep others from being seen.
      run: async () => {
        for (const id of await store.due(20)) void pool.ask(id);
      },
    }).then(() => pool.close()),
  );
}
