/**
 * The pod that holds the Lease. What is on disk goes into force before anybody is asked, so that a hub which is away, also
 * across a restart of this process, changes nothing for the cluster; the stream, the fetches and the reports then run
 * beside the reconciler and never in its way.
 */
import { compareMarks } from '@flotilla/domain/desired/mark';
import type { DesiredSet } from '@flotilla/domain/desired/set';
import { setTimeout as delay } from 'node:timers/promises';
import type { AcceptedSet, Acceptor } from './hub/accept.ts';
import { createAcceptor } from './hub/accept.ts';
import { readCheckpoint, storeCheckpoint } from './hub/checkpoint.ts';
import { stayConnected } from './hub/connect.ts';
import { enrol } from './hub/enrol.ts';
import type { WantedBundle } from './hub/fetch.ts';
import type { Fetcher } from './hub/fetcher.ts';
import { createFetcher } from './hub/fetcher.ts';
import type { HelloOfState } from './hub/hello.ts';
import { workingHello } from './hub/hello.ts';
import { postJson } from './hub/https.ts';
import type { EnrolledIdentity } from './hub/identity.ts';
import { snapshotToSet } from './hub/snapshotSet.ts';
import { runWorkingSession } from './hub/workingSession.ts';
import { createDiscovery } from './kube/discovery.ts';
import type { Log } from './log.ts';
import { createCarryOut } from './ops/carryOut.ts';
import { createCommands } from './ops/commands.ts';
import type { Pod } from './pod.ts';
import { agentVersion, helloOfPod, renewCertificate } from './pod.ts';
import type { Reconciler } from './reconcile/reconciler.ts';
import { createReconciler } from './reconcile/reconciler.ts';
import { invalidEntryState } from './report/invalidEntry.ts';
import type { ReportQueue } from './report/queue.ts';
import { createReportQueue } from './report/queue.ts';
import type { Reporter } from './report/reporter.ts';
import { createReporter } from './report/reporter.ts';
import { DamagedInventoryError } from './state/inventory.ts';
import type { AgentState } from './state/state.ts';
import { openState } from './state/state.ts';

interface Holder extends Pod {
  state: AgentState;
  queue: ReportQueue;
  reporter: Reporter;
  reconciler: Reconciler;
  fetcher: Fetcher;
  acceptor: Acceptor;
  /** In force. */
  accepted: AcceptedSet | null;
}

const flushMs = 2_000;

/** Until aborted, or until what it stands on fails. */
export async function workAsHolder(pod: Pod, signal: AbortSignal): Promise<void> {
  await pod.store.reload();
  pod.readiness.phase = 'enrolling';
  const identity = await enrolPod(pod, signal);
  pod.readiness.phase = 'working';
  const { kube, clock, secret, config } = pod;
  const state = await openState({ kube, clock, secret, namespace: config.namespace, folder: config.dataDir });
  const leaving = new AbortController();
  let connected: Promise<void> = Promise.resolve();
  const holder = createHolder(pod, state, identity, await loadHeld(state, pod.log));
  try {
    await holder.acceptor.settle();
    connected = connect(holder, leaving.signal);
    await Promise.race([aborted(signal), connected]);
  } finally {
    await holder.reconciler.stop();
    if (pod.lease.held()) await flush(holder);
    leaving.abort(new Error('the holder stops'));
    await connected.catch(() => undefined);
    await state.facts.close();
  }
}

function enrolPod(pod: Pod, signal: AbortSignal): Promise<EnrolledIdentity> {
  const { hubUrl, hubCaSha256: pinSha256, tokenFile } = pod.config;
  const { clusterUid } = pod.cluster;
  return enrol({ ...pod, hubUrl, pinSha256, tokenFile, clusterUid, post: postJson }, signal);
}

/** Null where it is lost, or older than what was once acked: such a set is never applied. */
async function loadHeld(state: AgentState, log: Log): Promise<DesiredSet | null> {
  const reading = await state.snapshot.read();
  const mark = state.secret.mark();
  const set = reading.found === 'yes' ? snapshotToSet(reading.snapshot) : null;
  if (set === null) {
    if (mark !== null) log.warn({ found: reading.found, mark }, 'snapshot lost, waiting for the hub');
    return null;
  }
  if (mark !== null && compareMarks(set.mark, mark) < 0) {
    log.warn({ held: set.mark, mark }, 'snapshot is below the mark, waiting for the hub');
    return null;
  }
  return set;
}

function createHolder(
  pod: Pod,
  state: AgentState,
  identity: EnrolledIdentity,
  held: DesiredSet | null,
): Holder {
  const queue = createReportQueue();
  const reporter = createReporter({ ...pod, queue, facts: state.facts });
  const reconciler = createReconciler({
    ...pod,
    state,
    hubId: identity.membership.hubId,
    agentNamespace: pod.config.namespace,
    mayWrite: () => pod.lease.held(),
    onState: (observed, isEnd) => reporter.onState(observed, isEnd),
    onFact: (fact) => reporter.onFact(fact),
    onBundleLacking: () => holder.fetcher.want(holder.accepted?.entries.flatMap(wantedOf) ?? []),
  });
  const fetcher = createFetcher({
    ...pod,
    bundles: state.bundles,
    onArrived: (digest) => reconciler.bundleArrived(digest),
    onFailed: (digest, reason) => reconciler.bundleFailed(digest, reason),
  });
  const acceptor = createAcceptor({
    log: pod.log,
    snapshot: state.snapshot,
    held,
    mark: () => pod.secret.mark(),
    advanceMark: (mark) => pod.secret.advanceMark(mark),
    mayAccept: () => pod.lease.held(),
    onVerified: (entries) => holder.fetcher.want(entries.flatMap(wantedOf)),
    onAccepted: (accepted) => putInForce(holder, accepted),
  });
  const holder: Holder = { ...pod, state, queue, reporter, reconciler, fetcher, acceptor, accepted: null };
  return holder;
}

function putInForce(holder: Holder, accepted: AcceptedSet): void {
  const { mark, entries, problems } = accepted;
  const known = new Set([...entries, ...problems].map(({ target }) => target));
  const before = holder.accepted?.entries ?? [];
  holder.queue.forget(before.map(({ target }) => target).filter((target) => !known.has(target)));
  holder.accepted = accepted;
  holder.log.info({ mark, entries: entries.length, problems }, 'desired state accepted');
  holder.reconciler.setDesired(entries);
  for (const problem of problems) holder.reporter.onState(invalidEntryState(problem));
  holder.fetcher.want(entries.flatMap(wantedOf));
}

function wantedOf({ target, head }: AcceptedSet['entries'][number]): WantedBundle[] {
  if (head.state === 'Removing' && head.removal !== 'delete') return [];
  return [{ target, digest: head.bundle.digest }];
}

async function connect(holder: Holder, signal: AbortSignal): Promise<void> {
  const { state, secret } = holder;
  const commands = createCommands({ ...holder, carryOut: carryOutOf(holder) });
  await stayConnected(
    {
      ...holder,
      renew: (renewing) => renewCertificate(holder, renewing),
      openSession: (opening) =>
        runWorkingSession(
          {
            ...holder,
            commands,
            bundles: state.bundles,
            hello: () =>
              workingHello(
                helloOfPod(holder),
                helloOfState(holder),
                holder.cluster,
                agentVersion,
                holder.clock.nowMs(),
              ),
            storeCheckpoint: (checkpoint) => storeCheckpoint(secret, checkpoint),
            onWelcome: () => {
              holder.readiness.ready = true;
            },
          },
          opening,
        ),
    },
    signal,
  );
}

function carryOutOf(holder: Holder) {
  return createCarryOut({
    kube: holder.kube,
    discovery: createDiscovery(holder.kube, holder.clock),
    bundles: holder.state.bundles,
    bodyOf: (target) => holder.accepted?.entries.find((entry) => entry.target === target)?.body ?? null,
    entryOf: (target) => holder.accepted?.entries.find((entry) => entry.target === target) ?? null,
    dryRun: (request, signal) => holder.reconciler.dryRun(request, signal),
    terminate: (target) => holder.reconciler.terminate(target),
  });
}

function helloOfState(holder: Holder): HelloOfState {
  return {
    incarnation: holder.state.facts.incarnation(),
    mark: holder.secret.mark(),
    held: holder.acceptor.held()?.mark ?? null,
    observedDigest: holder.queue.observedDigest(),
    inventoryDigest: inventoryDigest(holder.state, holder.log),
    lastCheckpoint: readCheckpoint(holder.secret),
  };
}

function inventoryDigest(state: AgentState, log: Log): string | null {
  try {
    return state.inventory.digest();
  } catch (error) {
    if (!(error instanceof DamagedInventoryError)) throw error;
    log.error({ error, secret: error.secret }, 'inventory damaged');
    return null;
  }
}

/** What is said last still goes out, if it goes quickly. */
async function flush({ queue, state }: Holder): Promise<void> {
  const untilMs = performance.now() + flushMs;
  while (performance.now() < untilMs && !(queue.isEmpty() && state.facts.pending(1).length === 0)) {
    await delay(50);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
