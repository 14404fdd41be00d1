/**
 * When repositories are polled: at once on a hint (webhook, refresh, a new source), at their interval by a BullMQ job
 * scheduler each, and by a scan that finds what both missed. All three only ask; a poll reads from rows what to do.
 */
import { createHash } from 'node:crypto';

import type { Hints } from '../platform/hints.ts';
import { JobPool } from '../platform/jobPool.ts';
import type { Lifecycle } from '../platform/lifecycle.ts';
import type { Logger } from '../platform/logger.ts';
import { runLoop } from '../platform/loop.ts';
import type { Queues } from '../platform/queues.ts';
import type { GitClient } from './git/client.ts';
import type { Poller } from './poll.ts';
import type { PollStore } from './poll.store.ts';

const pollsMax = 16;
const scheduleIntervalMs = 30_000;
const queueName = 'poll';

export interface PollingOptions {
  poller: Poller;
  store: PollStore;
  git: GitClient;
  scanIntervalMs: number;
  queues: Queues;
  hints: Hints;
  lifecycle: Lifecycle;
  logger: Logger;
}

/** Starts the loops; they end by the lifecycle's signal. */
export function startPolling(options: PollingOptions): void {
  const { poller, store, hints, lifecycle, logger } = options;
  const pool = new JobPool({
    runningMax: pollsMax,
    run: async (id) => {
      await poller.poll(id);
    },
    onError: (id, error) => logger.error({ err: error, repository: id }, 'poll failed'),
  });
  const { signal } = lifecycle;
  lifecycle.track(
    runLoop({
      name: 'sources.poll',
      intervalMs: options.scanIntervalMs,
      signal,
      logger,
      hints: { source: hints, kinds: ['repository'] },
      // Polls are not awaited: one that hangs must not keep others from being seen.
      run: async (hinted) => {
        for (const id of new Set([...hinted, ...(await store.due(pollsMax))])) void pool.ask(id);
      },
    }).then(async () => {
      // Ends what is under way: a poll is begun again by whoever comes next.
      await options.git.close();
      await pool.close();
    }),
  );
  lifecycle.track(
    startSchedules(options, pool).catch((error: unknown) =>
      logger.error({ err: error }, 'polls are not scheduled'),
    ),
  );
}

/** Keeps one job scheduler a repository; the scan polls, more slowly, where the queue is away. */
async function startSchedules(
  { store, queues, lifecycle, logger, hints }: PollingOptions,
  pool: JobPool,
): Promise<void> {
  const queue = queues.queue(queueName, { defaultJobOptions: { removeOnComplete: true, removeOnFail: 10 } });
  queues.worker<{ repository: string }>(
    queueName,
    async (job) => {
      const { repository } = job.data;
      if (await store.mayPoll(repository)) await pool.ask(repository);
    },
    { concurrency: pollsMax },
  );
  const known = new Map<string, number>(
    (await queue.getJobSchedulers()).map(({ key, every }) => [key, Number(every ?? 0)]),
  );
  const { signal } = lifecycle;
  await runLoop({
    name: 'sources.schedule',
    intervalMs: scheduleIntervalMs,
    signal,
    logger,
    hints: { source: hints, kinds: ['repository'] },
    run: async () => {
      const wanted = new Map((await store.schedules()).map(({ id, pollIntervalMs }) => [id, pollIntervalMs]));
      for (const [id, every] of wanted) {
        if (known.get(id) === every) continue;
        await queue.upsertJobScheduler(
          id,
          { every, offset: jitterOf(id, every) },
          { name: 'poll', data: { repository: id } },
        );
        known.set(id, every);
      }
      for (const id of known.keys())
        if (!wanted.has(id)) await queue.removeJobScheduler(id).then(() => known.delete(id));
    },
  });
}

/** Spreads repositories over the interval, each always at the same place. */
function jitterOf(id: string, everyMs: number): number {
  return createHash('sha256').update(id).digest().readUInt32BE(0) % everyMs;
}
