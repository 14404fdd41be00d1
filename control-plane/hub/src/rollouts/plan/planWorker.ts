/** Brings plans on: at once where something was rendered or answered, and by a scan for those whose time is up. By one worker each. */
import type { Lifecycle } from '../../platform/lifecycle.ts';
import type { Locks } from '../../platform/lock.ts';
import type { Logger } from '../../platform/logger.ts';
import { runLoop } from '../../platform/loop.ts';
import { advance, type AdvanceContext } from './advance.ts';
import { dropOldPlans, readAsking } from './ask.store.ts';

export interface PlanWorkerOptions extends AdvanceContext {
  locks: Locks;
  lifecycle: Lifecycle;
  logger: Logger;
}

const scanIntervalMs = 2_000;
const retentionIntervalMs = 3_600_000;

/** Starts the loops; they end by the lifecycle's signal. */
export function startPlanWorker(options: PlanWorkerOptions): void {
  const { database, hints, locks, lifecycle, logger } = options;
  const { signal } = lifecycle;
  lifecycle.track(
    runLoop({
      name: 'rollouts.plan',
      intervalMs: scanIntervalMs,
      signal,
      logger,
      hints: { source: hints, kinds: ['plan', 'answer'] },
      run: () => advanceAll(options),
    }),
  );
  lifecycle.track(
    runLoop({
      name: 'rollouts.plan.retention',
      intervalMs: retentionIntervalMs,
      signal,
      logger,
      run: async () => void (await locks.tryLock('plan-retention', () => dropOldPlans(database))),
    }),
  );
}

/** One that fails keeps no other from going on. */
async function advanceAll(options: PlanWorkerOptions): Promise<void> {
  const { database, locks, logger } = options;
  for (const plan of await readAsking(database)) {
    try {
      await locks.tryLock(`plan:${plan.id}`, () => advance(options, plan));
    } catch (error) {
      logger.error({ err: error, plan: plan.id }, 'plan not brought on');
    }
  }
}
