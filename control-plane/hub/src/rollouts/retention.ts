/** Once in a while, by one worker of all: drops stored files, bundles and frames that nothing needs any more. */
import type { Lifecycle } from '../platform/lifecycle.ts';
import type { Locks } from '../platform/lock.ts';
import type { Logger } from '../platform/logger.ts';
import { runLoop } from '../platform/loop.ts';
import type { Database } from '../platform/prisma.ts';
import { dropUnneeded } from './retention.store.ts';

const intervalMs = 3_600_000;

export interface RetentionOptions {
  database: Database;
  locks: Locks;
  lifecycle: Lifecycle;
  logger: Logger;
}

export function startRetention({ database, locks, lifecycle, logger }: RetentionOptions): void {
  const { signal } = lifecycle;
  const run = async (): Promise<void> => {
    const locked = await locks.tryLock('retention', () => dropUnneeded(database, signal));
    if (locked.held && Object.values(locked.value).some((rows) => rows > 0)) {
      logger.info({ dropped: locked.value }, 'dropped what nothing needs');
    }
  };
  lifecycle.track(runLoop({ name: 'rollouts.retention', intervalMs, signal, logger, run }));
}
