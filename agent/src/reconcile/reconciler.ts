/**
 * The reconciler as the rest of the agent sees it: desired entries in, observed states and facts out.
 */
import type { Body, Head } from '@flotilla/domain/desired/entry';
import type { FactBody, ObservedState } from '@flotilla/domain/status/observed';
import type { Clock } from '../clock.ts';
import type { KubeClient } from '../kube/client.ts';
import { createDiscovery } from '../kube/discovery.ts';
import type { Log } from '../log.ts';
import type { AgentState } from '../state/state.ts';
import type { Cluster } from './context.ts';
import type { DryRun } from './dryRun.ts';
import { createDryRun } from './dryRun.ts';
import { orphanedApplications, tidy } from './housekeeping.ts';
import { loadApplied } from './memory.ts';
import type { Queue } from './queue.ts';
import { createQueue } from './queue.ts';
import type { Reporter } from './report.ts';
import { createReporter } from './report.ts';
import { runTarget } from './run.ts';
import { createSink } from './sink.ts';
import type { Target } from './target.ts';
import { newTarget } from './target.ts';
import { createWatches } from './watches.ts';

/** One accepted entry, decoded. */
export interface DesiredEntry {
  head: Head;
  body: Body;
}

export interface ReconcilerOptions {
  kube: KubeClient;
  state: AgentState;
  clock: Clock;
  log: Log;
  /** Uid of the hub that this agent belongs to: the first part of every tracking id. */
  hubId: string;
  /** Where the agent itself lives; no application may write there. */
  agentNamespace: string;
  /** False while the Lease is not held: then nothing is written. Default: always true. */
  mayWrite?: () => boolean;
  /** Every change of a target's observed state; the latest wins. `isEnd`: its operation has just ended. */
  onState: (state: ObservedState, isEnd: boolean) => void;
  /** A bundle that was complete no longer opens: fetch it again, `bundleArrived` goes on from there. */
  onBundleLacking?: (digest: string) => void;
  /**
   * What happened, in order. Resolves when it is durable; one that a crash leaves in doubt is told again rather than
   * lost.
   */
  onFact: (fact: FactBody) => void | Promise<void>;
}

export interface Reconciler {
  /** The whole accepted set, also when it is empty. Targets that are no longer in it are left alone. */
  setDesired(entries: DesiredEntry[]): void;
  /** A bundle is now complete and verified on disk. */
  bundleArrived(digest: string): void;
  /** It cannot be had for now, and why: shown at every target that waits for it. */
  bundleFailed(digest: string, reason: string): void;
  /** The latest state of every known target. */
  states(): ObservedState[];
  /** Applications with an inventory that no entry speaks of: left alone. */
  orphaned(): string[];
  /** Ends a running operation of a target: waits stop, later tasks do not start. */
  terminate(target: string): void;
  /** What a bundle would change, and nothing is. */
  dryRun: DryRun;
  /** Resolves once no write is in flight; nothing is written afterwards. */
  stop(): Promise<void>;
}

interface Parts {
  cluster: Cluster;
  queue: Queue;
  reporter: Reporter;
  /** Caches are read one after the other, before the first run of their target. */
  loading: Promise<void>;
  stopping: boolean;
}

const runsInFlight = 4;
const fullCheckMs = 60_000;

/** Starts idle: nothing is read or written before the first `setDesired`. */
export function createReconciler(options: ReconcilerOptions): Reconciler {
  const parts = assemble(options);
  const { cluster, queue, reporter } = parts;
  const timer = setInterval(() => fullCheck(parts), fullCheckMs);
  timer.unref();
  return {
    setDesired: (entries) => setDesired(parts, entries),
    bundleArrived: (digest) => {
      cluster.bundleFailures.delete(digest);
      lookAgain(parts, digest);
    },
    bundleFailed: (digest, reason) => {
      if (cluster.bundleFailures.get(digest) === reason) return;
      cluster.bundleFailures.set(digest, reason);
      lookAgain(parts, digest);
    },
    states: () => [...cluster.targets.values()].flatMap((target) => target.state ?? []),
    orphaned: () => orphanedApplications(cluster),
    terminate: (target) => queue.terminate(target),
    dryRun: createDryRun(cluster),
    stop: async () => {
      parts.stopping = true;
      clearInterval(timer);
      await parts.loading.catch(() => undefined);
      await queue.stop();
      reporter.stop();
      await cluster.watches.stop();
    },
  };
}

function assemble(options: ReconcilerOptions): Parts {
  const { kube, clock, log } = options;
  const targets = new Map<string, Target>();
  const byApplication = new Map<string, Target>();
  const listeners = new Map<Target, Set<() => void>>();
  const reporter = createReporter({ clock, onState: options.onState });
  const touch = (target: Target): void => {
    reporter.schedule(target);
    for (const listener of listeners.get(target) ?? []) listener();
  };
  const queue = createQueue({
    clock,
    log,
    concurrency: runsInFlight,
    work: (uid, signals) => runTarget(cluster, reporter, uid, signals),
  });
  const act = (target: Target): void => queue.add(target.uid);
  const sink = createSink({ hubId: options.hubId, byApplication, targets, touch, act });
  const cluster: Cluster = {
    ...options,
    discovery: createDiscovery(kube, clock),
    mayWrite: options.mayWrite ?? (() => true),
    watches: createWatches({ kube, clock, log, sink }),
    targets,
    byApplication,
    touch,
    onTouch: (target, listener) => listen(listeners, target, listener),
    runLater: (target, delayMs) => queue.addAfter(target.uid, delayMs),
    lacksBundle: options.onBundleLacking ?? (() => undefined),
    bundleFailures: new Map(),
    emit: async (fact) => {
      try {
        await options.onFact(fact);
      } catch (error) {
        log.error({ err: error, type: fact.type }, 'fact not kept');
      }
    },
  };
  return { cluster, queue, reporter, loading: Promise.resolve(), stopping: false };
}

function listen(listeners: Map<Target, Set<() => void>>, target: Target, listener: () => void): () => void {
  const set = listeners.get(target) ?? new Set();
  listeners.set(target, set);
  set.add(listener);
  return () => {
    set.delete(listener);
    if (set.size === 0) listeners.delete(target);
  };
}

function lookAgain({ cluster, queue }: Parts, digest: string): void {
  for (const target of cluster.targets.values())
    if (target.head.bundle.digest === digest) queue.add(target.uid);
}

/** Correctness beside speed: every target is looked at again now and then, which costs nothing where nothing changed. */
function fullCheck(parts: Parts): void {
  for (const target of parts.cluster.targets.values()) parts.queue.add(target.uid);
  const isBusy = [...parts.cluster.targets.values()].some(
    (target) => !target.loaded || target.operation?.finishedAt === null,
  );
  if (isBusy) return;
  tidy(parts.cluster).catch((error: unknown) => parts.cluster.log.warn({ err: error }, 'tidying failed'));
}

function setDesired(parts: Parts, entries: DesiredEntry[]): void {
  const wanted = new Set(entries.map((entry) => entry.head.target));
  const left = [...parts.cluster.targets.values()].filter(({ uid }) => !wanted.has(uid));
  for (const target of left) forget(parts, target);
  for (const entry of entries) take(parts, entry);
  const digests = new Set(entries.map(({ head }) => head.bundle.digest));
  const { bundleFailures } = parts.cluster;
  for (const digest of bundleFailures.keys()) if (!digests.has(digest)) bundleFailures.delete(digest);
  parts.loading = parts.loading
    .then(() => loadNew(parts, wanted, left.length > 0))
    .catch((error: unknown) => parts.cluster.log.error({ err: error }, 'cache could not be read'));
}

/** Not in the set is not to be deleted: the target is just no longer looked after. */
function forget(parts: Parts, target: Target): void {
  const { cluster, queue } = parts;
  queue.preempt(target.uid);
  queue.drop(target.uid);
  cluster.targets.delete(target.uid);
  if (cluster.byApplication.get(target.body.application.id) === target) {
    cluster.byApplication.delete(target.body.application.id);
  }
}

function take(parts: Parts, entry: DesiredEntry): void {
  const { cluster, queue } = parts;
  const known = cluster.targets.get(entry.head.target);
  if (known === undefined) {
    const target = newTarget(entry.head, entry.body, cluster.hubId);
    cluster.targets.set(target.uid, target);
    cluster.byApplication.set(entry.body.application.id, target);
    return;
  }
  const change = changeOf(known.head, entry.head);
  known.head = entry.head;
  known.body = entry.body;
  if (entry.head.state !== 'Removing') known.removal = 'None';
  if (change === 'work') queue.preempt(known.uid);
  else if (change === 'policy') queue.add(known.uid);
}

/** `work` ends what runs now; a policy edit waits for its end. */
function changeOf(old: Head, head: Head): 'none' | 'policy' | 'work' {
  const work =
    old.assignment !== head.assignment ||
    old.state !== head.state ||
    old.removal !== head.removal ||
    old.bundle.digest !== head.bundle.digest ||
    (old.operation.skipHooks ?? false) !== (head.operation.skipHooks ?? false);
  if (work) return 'work';
  return old.body !== head.body || old.deletesMax !== head.deletesMax ? 'policy' : 'none';
}

async function loadNew(parts: Parts, wanted: ReadonlySet<string>, haveLeft: boolean): Promise<void> {
  const { cluster, queue } = parts;
  const fresh = [...cluster.targets.values()].filter((target) => !target.loaded);
  for (const target of fresh) await loadApplied(cluster, target);
  if (parts.stopping) return;
  for (const target of fresh) queue.add(target.uid);
  // Most sets change targets and neither bring nor take one: then the folder is as it was.
  if (fresh.length > 0 || haveLeft || wanted.size === 0) await cluster.state.applied.retain(wanted);
}
