/**
 * The worker's part of status: counters follow sessions, assignments and removals (a hint at once, a scan in any
 * case), a health that lasted gets into the history, partitions are there before they are needed.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import type { Hints } from '../platform/hints.ts';
import type { Logger } from '../platform/logger.ts';
import { runLoop } from '../platform/loop.ts';
import type { Observations } from '../platform/observations.ts';
import type { Database } from '../platform/prisma.ts';
import { findMiscounted, findMiscountedOf, recount } from './counters.store.ts';
import { makePartitions, settleHealth } from './history.store.ts';
import { isUuid } from '../platform/uuid.ts';

export interface StatusLoopOptions {
  database: Database;
  observations: Observations;
  hints: Hints;
  logger: Logger;
  signal: AbortSignal;
}

/** Clusters whose session ended without a row show themselves only here. */
const hintedIntervalMs = 2_000;
const fullIntervalMs = 30_000;
const companyMs = 100;
const settleIntervalMs = 10_000;
const partitionIntervalMs = 6 * 3600_000;
const targetsPerRecount = 2_000;

export function runStatusLoops(options: StatusLoopOptions): Promise<unknown> {
  const { database, hints, logger, signal } = options;
  const sql = <T>(text: string, params?: unknown[]) => database.query<T>(text, params);
  return Promise.all([
    runLoop({
      name: 'counters',
      intervalMs: hintedIntervalMs,
      hints: { source: hints, kinds: ['session', 'cluster', 'application', 'rollout', 'stepped'] },
      logger,
      signal,
      run: async (hinted) => {
        const ids = hinted.filter(isUuid);
        await recountAll(options, await findMiscountedOf({ sql }, { clusterIds: ids, applicationIds: ids }));
        // A commit on its way hints a dozen times within a moment: those who come now are counted together.
        await sleep(companyMs, undefined, { signal }).catch(() => undefined);
      },
    }),
    runLoop({
      name: 'counters scan',
      intervalMs: fullIntervalMs,
      logger,
      signal,
      run: async () => recountAll(options, await findMiscounted({ sql }, 100_000)),
    }),
    runLoop({
      name: 'settle health',
      intervalMs: settleIntervalMs,
      logger,
      signal,
      run: async () => void (await settleHealth(database)),
    }),
    runLoop({
      name: 'partitions',
      intervalMs: partitionIntervalMs,
      logger,
      signal,
      run: async () => void (await makePartitions(database, await postgresNow(database))),
    }),
  ]);
}

async function recountAll({ observations, signal }: StatusLoopOptions, targetIds: string[]): Promise<void> {
  for (let at = 0; at < targetIds.length && !signal.aborted; at += targetsPerRecount) {
    await observations.write(async (tx) => {
      const moved = await recount(tx, targetIds.slice(at, at + targetsPerRecount));
      for (const id of moved) tx.hint('status', id);
    });
  }
}

async function postgresNow(database: Database): Promise<Date> {
  const [row] = await database.query<{ now: Date }>('SELECT now() AS now');
  return row?.now ?? new Date(0);
}
