/**
 * Commits what agents report. What comes after a silence is flushed at once, since somebody may wait for it; what comes within
 * 25 ms of a flush, of all sessions of this replica, waits for the next one, which is one transaction. Two flushes run at once,
 * never of the same cluster: one decides while the other is written, and a flush is small enough that a flood is taken in step
 * by step. A batch is answered when its rows are committed, or with `stale` when its fence is no longer its cluster's: then it
 * changed nothing.
 * A batch that Postgres refuses fails alone: the flush is tried again batch by batch.
 */
import type { ReportAck, ReportBatch } from '@flotilla/proto/messages';
import type { Observations, ObservationTransaction } from '../platform/observations.ts';
import { recount } from './counters.store.ts';
import { factRow, newFacts, ringHeads, runChanges, type InForce } from './facts.ts';
import * as store from './ingest.store.ts';
import { latestStates, observe, type Observed } from './observe.ts';
import { parseReport, type ParsedReport, type ReportedFact } from './report.ts';
import { closePresentRuns, insertRuns, readPresentRuns } from './runs.store.ts';

export interface IngestOptions {
  observations: Observations;
  /** Longest time a batch waits for company. */
  debounceMs?: number;
  /** States and facts of one flush; a batch that is larger goes alone. */
  itemsMax?: number;
  onMalformed?: (clusterId: string, count: number) => void;
}

/** One is written by Postgres while this process decides about the other. */
const flushesMax = 2;

interface Waiting {
  clusterId: string;
  fence: bigint;
  batch: ReportBatch;
  report: ParsedReport;
  resolve: (ack: ReportAck) => void;
  reject: (error: unknown) => void;
}

export class Ingest {
  readonly #options: Required<Omit<IngestOptions, 'onMalformed'>> & Pick<IngestOptions, 'onMalformed'>;
  #waiting: Waiting[] = [];
  readonly #flushes = new Set<Promise<void>>();
  /** Clusters of the running flushes. */
  readonly #busy = new Set<string>();
  #timer: NodeJS.Timeout | null = null;
  #flushedAtMs = -Infinity;

  constructor(options: IngestOptions) {
    this.#options = { debounceMs: 25, itemsMax: 2_000, ...options };
  }

  /** Resolves once the batch is committed, or with `stale` when `fence` is not the cluster's current one. */
  ingest(clusterId: string, fence: bigint, batch: ReportBatch): Promise<ReportAck> {
    const report = parseReport(clusterId, { ...batch, fence });
    if (report.malformed > 0) this.#options.onMalformed?.(clusterId, report.malformed);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ clusterId, fence, batch, report, resolve, reject });
      this.#schedule();
    });
  }

  /** Waits until everything handed in so far is answered. */
  async drain(): Promise<void> {
    for (;;) {
      this.#flush();
      if (this.#flushes.size === 0) return;
      await Promise.race(this.#flushes);
    }
  }

  #schedule(): void {
    if (this.#timer || this.#flushes.size > 0) return;
    const waitMs = Math.max(0, this.#flushedAtMs + this.#options.debounceMs - performance.now());
    this.#timer = setTimeout(() => this.#flush(), waitMs);
  }

  /** What has waited for a flush to end has waited long enough. */
  #flush(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    while (this.#flushes.size < flushesMax) {
      const batches = this.#take();
      if (batches.length === 0) return;
      const clusters = batches.map(({ clusterId }) => clusterId);
      for (const id of clusters) this.#busy.add(id);
      this.#flushedAtMs = performance.now();
      const flush = this.#commit(batches).finally(() => {
        this.#flushes.delete(flush);
        for (const id of clusters) this.#busy.delete(id);
        this.#flush();
      });
      this.#flushes.add(flush);
    }
  }

  /** In the order in which they came; a cluster whose batch has to wait is not overtaken by its next one. */
  #take(): Waiting[] {
    const taken: Waiting[] = [];
    const passed = new Set(this.#busy);
    let items = 0;
    this.#waiting = this.#waiting.filter((waiting) => {
      const { clusterId, report } = waiting;
      const size = report.states.length + report.facts.length;
      const isFull = taken.length > 0 && items + size > this.#options.itemsMax;
      if (isFull || passed.has(clusterId)) {
        passed.add(clusterId);
        return true;
      }
      items += size;
      taken.push(waiting);
      return false;
    });
    return taken;
  }

  async #commit(batches: readonly Waiting[]): Promise<void> {
    try {
      const acks = await this.#options.observations.write((tx) => commitReports(tx, batches));
      batches.forEach((waiting, index) => waiting.resolve(acks[index]!));
    } catch (error) {
      const [only, ...others] = batches;
      if (only && others.length === 0) only.reject(error);
      else for (const one of batches) await this.#commit([one]);
    }
  }
}

interface Report {
  clusterId: string;
  fence: bigint;
  batch: ReportBatch;
  report: ParsedReport;
}

/** lock → read → decide → write → count; one ack a report, in order. */
async function commitReports(tx: ObservationTransaction, reports: readonly Report[]): Promise<ReportAck[]> {
  const clusters = await store.lockClusters(tx, unique(reports.map((report) => report.clusterId)));
  const isLive = (report: Report) => clusters.get(report.clusterId)?.fence === report.fence;
  const live = reports.filter(isLive);
  const states = latestStates(live.flatMap((report) => report.report.states));
  const facts = live.flatMap((report) => report.report.facts);
  const rings = await store.lockFactRings(tx, ringHeads(facts));
  const fresh = newFacts(facts, rings);
  const targets = await store.readTargets(
    tx,
    unique([...states.map((s) => s.state.target), ...targetsOf(fresh)]),
  );
  const now = [...clusters.values()][0]?.now ?? new Date(0);
  const observed = states.map((s) => observe(s, targets.get(s.state.target), now)).filter((o) => o !== null);

  await store.upsertObservations(
    tx,
    observed.map((o) => o.row),
  );
  await writeHistory(tx, { observed, fresh, targets, clusters, now });
  const heads = ringHeads(fresh);
  await store.moveFactRings(tx, heads);
  for (const head of heads) rings.set(store.ringKey(head.clusterId, head.incarnation), head.number);
  const moved = await recount(
    tx,
    observed.filter((o) => o.changed).map((o) => o.row.targetId),
  );
  hintAbout(tx, observed, moved);
  return reports.map((report) => ({
    batch: report.batch.batch,
    factNumber: rings.get(store.ringKey(report.clusterId, report.batch.incarnation)) ?? 0n,
    stale: !isLive(report),
  }));
}

interface Decided {
  observed: readonly Observed[];
  fresh: readonly ReportedFact[];
  targets: ReadonlyMap<string, store.StoredTarget>;
  clusters: ReadonlyMap<string, store.LockedCluster>;
  now: Date;
}

async function writeHistory(tx: ObservationTransaction, decided: Decided): Promise<void> {
  const { observed, fresh, targets, now } = decided;
  const rows = fresh.map((fact) => factRow(fact, targets, now)).filter((row) => row !== null);
  await store.insertTransitions(tx, [...observed.flatMap((o) => o.history), ...rows]);
  const steps = [...stepsOfFacts(decided), ...stepsOfStates(decided)];
  const present = await readPresentRuns(tx, unique(steps.map((step) => step.target.targetId)));
  const changes = runChanges(steps, present, now);
  await closePresentRuns(tx, changes.closed, now);
  await insertRuns(tx, changes.opened);
}

function stepsOfFacts({ fresh, targets, clusters }: Decided): InForce[] {
  return fresh.flatMap(({ clusterId, fact, agentAt }): InForce[] => {
    if (fact?.type !== 'Applied' && fact?.type !== 'Removed') return [];
    const target = targets.get(fact.target);
    if (!target || target.clusterId !== clusterId) return [];
    const run = fact.type === 'Applied' ? fact : null;
    return [{ target, clusterName: clusters.get(clusterId)?.name ?? '', run, agentAt }];
  });
}

/** A ring of facts may be lost; what is reported Synced is in force all the same. */
function stepsOfStates({ observed, clusters }: Decided): InForce[] {
  return observed
    .filter(({ row, changed }) => changed && row.state.sync === 'Synced' && row.state.removal === 'None')
    .map(({ row, target }) => ({
      target,
      clusterName: clusters.get(row.clusterId)?.name ?? '',
      run: row.state,
      agentAt: null,
    }));
}

function hintAbout(
  tx: ObservationTransaction,
  observed: readonly Observed[],
  moved: readonly string[],
): void {
  for (const { row, changed } of observed) {
    if (changed) tx.hint('rollout', row.applicationId);
    if (row.state.removal === 'Removed') tx.hint('application', row.applicationId);
  }
  const shown = observed.filter((o) => o.altered).map((o) => o.row.applicationId);
  for (const id of unique([...shown, ...moved])) tx.hint('status', id);
}

function targetsOf(facts: readonly ReportedFact[]): string[] {
  return facts.flatMap(({ fact }) => (fact && fact.type !== 'Overflow' ? [fact.target] : []));
}

function unique(ids: readonly string[]): string[] {
  return [...new Set(ids)];
}
