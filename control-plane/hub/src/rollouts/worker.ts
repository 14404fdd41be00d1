/**
 * When applications are looked at: at once on a hint, when a time comes that a step named, and by scans that find what
 * both missed: each 5 s what changed or is under way, each 30 s every target.
 */
import type { Hints } from '../platform/hints.ts';
import { JobPool } from '../platform/jobPool.ts';
import type { Lifecycle } from '../platform/lifecycle.ts';
import type { Logger } from '../platform/logger.ts';
import { runLoop } from '../platform/loop.ts';
import type { Database } from '../platform/prisma.ts';
import type { GateChecker } from './gates/checker.ts';
import { RolloutVersionMoved } from './save.store.ts';
import { tick, type WorkerTickOptions } from './tick.ts';
import { Watch } from './watch.ts';
import * as store from './watch.store.ts';
import { isUuid } from '../platform/uuid.ts';

const ticksMax = 8;
/** Reports of a large fleet hint without a pause, and a look takes the longer the larger it is: at most half of the time. */
const restMs = (tookMs: number): number => (tookMs < 20 ? 0 : Math.min(tookMs, 1000));
/** Every target is looked at this many times less often than what changed. */
const fullScanFactor = 6;
/** A timer for later than this is left to the scan. */
const timerMaxMs = 10 * 60_000;

export interface WorkerOptions extends WorkerTickOptions {
  database: Database;
  /** Makes the checks that ticks want. */
  gates: GateChecker;
  scanIntervalMs: number;
  hints: Hints;
  lifecycle: Lifecycle;
  logger: Logger;
}

export class RolloutWorker {
  readonly #options: WorkerOptions;
  readonly #pool: JobPool;
  readonly #toPlace = new Set<string>();
  readonly #timers = new Map<string, NodeJS.Timeout>();
  readonly #watch = new Watch();
  readonly #scannedAtMs = new Map<string, number>();

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#pool = new JobPool({
      runningMax: ticksMax,
      restMs,
      run: (id) => this.#tick(id),
      onError: (id, error) => options.logger.error({ err: error, application: id }, 'tick failed'),
    });
  }

  /** Starts the loops; they end by the lifecycle's signal. */
  start(): void {
    const { scanIntervalMs, hints, lifecycle, logger } = this.#options;
    const loops = [
      this.#loop('rollouts', scanIntervalMs, ['rollout'], (hinted) => this.#scan(hinted)),
      this.#loop('rollouts.applications', scanIntervalMs * fullScanFactor, ['application'], (hinted) =>
        this.#scanTargets(hinted),
      ),
      this.#loop('rollouts.clusters', scanIntervalMs, ['cluster', 'session'], (hinted) =>
        this.#scanClusters(hinted),
      ),
    ];
    const all = loops.map((loop) =>
      runLoop({ ...loop, signal: lifecycle.signal, logger, hints: { source: hints, kinds: loop.kinds } }),
    );
    lifecycle.track(
      Promise.all(all).then(async () => {
        for (const timer of this.#timers.values()) clearTimeout(timer);
        await this.#pool.close();
        await this.#options.gates.close();
      }),
    );
  }

  #loop(
    name: string,
    intervalMs: number,
    kinds: ('rollout' | 'application' | 'cluster' | 'session')[],
    run: (hinted: string[]) => Promise<void>,
  ) {
    return { name, intervalMs, kinds, run };
  }

  async #scan(hinted: readonly string[]): Promise<void> {
    for (const id of hinted) void this.#pool.ask(id);
    const { database, outages, scanIntervalMs } = this.#options;
    if (!this.#isScanDue('rollouts', scanIntervalMs)) return;
    const { lastMs, nowMs } = await store.readLastServed(database);
    outages.observe(lastMs, nowMs);
    for (const id of await store.readBusyApplications(database)) void this.#pool.ask(id);
  }

  async #scanTargets(hinted: readonly string[]): Promise<void> {
    this.#place(hinted);
    const { database, scanIntervalMs } = this.#options;
    if (!this.#isScanDue('targets', scanIntervalMs * fullScanFactor)) return;
    for (const { id, isLeaving } of await store.readMisplaced(database)) {
      if (isLeaving) this.#place([id]);
      else void this.#pool.ask(id);
    }
  }

  async #scanClusters(hinted: readonly string[]): Promise<void> {
    const { database, scanIntervalMs } = this.#options;
    const isAll = this.#isScanDue('clusters', scanIntervalMs);
    if (isAll) this.#place(this.#watch.seeApplications(await store.readApplicationMarks(database)));
    const named = isAll ? null : hinted.filter(isUuid);
    const { projects, clusters } = this.#watch.see(await store.readClusterMarks(database, named), isAll);
    // Read, not remembered: an application may be younger than the last scan.
    if (projects.size > 0) this.#place(await store.readApplicationsIn(database, [...projects]));
    if (clusters.length === 0) return;
    for (const id of await store.readApplicationsOn(database, clusters)) void this.#pool.ask(id);
  }

  /** Hints may come faster than the interval: they must not keep the scan away. */
  #isScanDue(scan: string, intervalMs: number): boolean {
    const nowMs = performance.now();
    const last = this.#scannedAtMs.get(scan);
    if (last !== undefined && nowMs - last < intervalMs * 0.9) return false;
    this.#scannedAtMs.set(scan, nowMs);
    return true;
  }

  #place(ids: Iterable<string>): void {
    for (const id of ids) {
      this.#toPlace.add(id);
      void this.#pool.ask(id);
    }
  }

  async #tick(id: string): Promise<void> {
    const withPlacement = this.#toPlace.delete(id);
    try {
      const { assigned, stepAtMs, placeAtMs, checks } = await tick(this.#options, id, withPlacement);
      if (assigned > 0) this.#options.logger.info({ application: id, assigned }, 'targets assigned');
      this.#options.gates.want(id, checks);
      this.#wake(id, 'step', stepAtMs);
      // A tick that did not place knows nothing about graces.
      if (withPlacement) this.#wake(id, 'place', placeAtMs);
    } catch (error) {
      if (withPlacement) this.#toPlace.add(id);
      if (!(error instanceof RolloutVersionMoved)) throw error;
      void this.#pool.ask(id);
    }
  }

  /** Postgres's clock named the time; a timer that is early or late only asks again. */
  #wake(id: string, why: 'step' | 'place', atMs: number | null): void {
    const key = `${why}/${id}`;
    clearTimeout(this.#timers.get(key));
    this.#timers.delete(key);
    if (atMs === null) return;
    const inMs = Math.max(50, atMs - Date.now() + 20);
    if (inMs > timerMaxMs) return;
    const timer = setTimeout(() => (why === 'place' ? this.#place([id]) : void this.#pool.ask(id)), inMs);
    timer.unref();
    this.#timers.set(key, timer);
  }
}
