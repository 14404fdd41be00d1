/**
 * Makes the checks that ticks want: look whether it is still wanted → ask → count. Nothing is kept here: a check whose
 * result was not saved is wanted again by the next tick, and a result counts only as the check that the rollout waits for,
 * so that two workers never count one twice.
 */
import { gateAwaiting, recordCheck } from '@flotilla/domain/rollout/checks';
import { shareEvents } from '@flotilla/domain/rollout/alike';
import type { Verdict } from '@flotilla/domain/gate/gate';
import type { WantedCheck } from '@flotilla/domain/rollout/step';

import { JobPool } from '../../platform/jobPool.ts';
import type { Locks } from '../../platform/lock.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Database } from '../../platform/prisma.ts';
import { systemActor, type HubTransaction, type Transactions } from '../../platform/transaction.ts';
import { lockApplication } from '../fleet.store.ts';
import { saveEvents } from '../save.store.ts';
import { ask } from './ask.ts';
import { askPlan } from './askPlan.ts';
import { readOpen, saveWaves } from './check.store.ts';

export interface GateCheckerOptions {
  database: Database;
  transactions: Transactions;
  locks: Locks;
  /** Hosts that may be private or reached by plain http. */
  allow: readonly string[];
  signal: AbortSignal;
  logger: Logger;
}

interface Job {
  applicationId: string;
  wanted: WantedCheck;
}

const checksMax = 16;

export class GateChecker {
  readonly #options: GateCheckerOptions;
  readonly #pool: JobPool;
  readonly #jobs = new Map<string, Job>();

  constructor(options: GateCheckerOptions) {
    this.#options = options;
    this.#pool = new JobPool({
      runningMax: checksMax,
      run: (key) => this.#run(key),
      onError: (key, error) => {
        if (!options.signal.aborted) options.logger.error({ err: error, gate: key }, 'gate not checked');
      },
    });
  }

  /** Of one application; what is wanted already or under way is not made twice. */
  want(applicationId: string, checks: readonly WantedCheck[]): void {
    for (const wanted of checks) {
      const { rollout, wave, gate, run, check } = wanted;
      const key = [rollout, wave, gate, run, check].join('/');
      if (this.#jobs.has(key)) continue;
      this.#jobs.set(key, { applicationId, wanted });
      void this.#pool.ask(key).then(() => this.#jobs.delete(key));
    }
  }

  close(): Promise<void> {
    return this.#pool.close();
  }

  async #run(key: string): Promise<void> {
    const job = this.#jobs.get(key);
    if (job === undefined || this.#options.signal.aborted) return;
    await this.#options.locks.tryLock(`gate:${key}`, () => check(this.#options, job));
  }
}

async function check(options: GateCheckerOptions, { applicationId, wanted }: Job): Promise<void> {
  const { database } = options;
  const open = await readOpen({ sql: (text, params) => database.query(text, params) }, wanted.rollout);
  const found = open === null ? null : gateAwaiting(open, wanted);
  if (open === null || found === null) return;
  const { gate } = found;
  const verdict =
    gate.probe.type === 'plan'
      ? await askPlan(options, applicationId, open, found)
      : await ask(gate.probe, gate.timeoutMs, options);
  if (verdict === null) return;
  await options.transactions.inTransaction(systemActor, (tx) => count(tx, applicationId, wanted, verdict));
}

async function count(
  tx: HubTransaction,
  applicationId: string,
  wanted: WantedCheck,
  verdict: Verdict,
): Promise<void> {
  const application = await lockApplication(tx, applicationId);
  const open = application === null ? null : await readOpen(tx, wanted.rollout);
  const recorded =
    application === null || open === null
      ? null
      : recordCheck(open, { ...wanted, ...verdict }, application.now.getTime());
  if (application === null || recorded === null) return tx.nothingChanged(undefined);
  await saveWaves(tx, applicationId, recorded.rollout);
  await saveEvents(tx, shareEvents([recorded.event]));
  tx.audit({
    action: 'rollout.gate',
    resource: { kind: 'application', id: applicationId, name: application.name },
    projectId: application.projectId,
    reason: { ...wanted, ...verdict, revision: recorded.rollout.revision },
  });
  tx.hint('rollout', applicationId);
  tx.hint('status', applicationId);
}
