/**
 * One simulated agent: the real agent's enrolment, stream, acceptance, fetches and reports, with its state in memory and a
 * simulated cluster in the reconciler's place. A restart keeps what a real one keeps (Secret, snapshot, bundles, facts) and
 * forgets the rest; an offline spell ends the stream and begins another later.
 */
import { randomUUID } from 'node:crypto';
import type { DesiredSet } from '@flotilla/domain/desired/set';
import type { ObservedState } from '@flotilla/domain/status/observed';
import { encodeAgentMessage } from '@flotilla/proto/codec/agentMessage';
import { encodeHubMessage } from '@flotilla/proto/codec/hubMessage';
import type { AgentMessage, Hello, Welcome } from '@flotilla/proto/messages';
import { systemClock } from '@flotilla/agent/clock';
import type { AcceptedSet, Acceptor } from '@flotilla/agent/hub/accept';
import { createAcceptor } from '@flotilla/agent/hub/accept';
import { readCheckpoint, storeCheckpoint } from '@flotilla/agent/hub/checkpoint';
import { stayConnected } from '@flotilla/agent/hub/connect';
import { identityOf } from '@flotilla/agent/hub/credentials';
import type { PostToHub } from '@flotilla/agent/hub/enrol';
import { enrol } from '@flotilla/agent/hub/enrol';
import { createFetcher } from '@flotilla/agent/hub/fetcher';
import type { Fetcher } from '@flotilla/agent/hub/fetcher';
import { workingHello } from '@flotilla/agent/hub/hello';
import { secretIdentityStore } from '@flotilla/agent/hub/identityStore';
import { renewByHttps } from '@flotilla/agent/hub/renew';
import { runWorkingSession } from '@flotilla/agent/hub/workingSession';
import type { StreamEnd } from '@flotilla/agent/hub/stream';
import type { Log } from '@flotilla/agent/log';
import type { CarryOut } from '@flotilla/agent/ops/commands';
import { createCommands } from '@flotilla/agent/ops/commands';
import type { ReportQueue } from '@flotilla/agent/report/queue';
import { createReportQueue } from '@flotilla/agent/report/queue';
import type { Reporter } from '@flotilla/agent/report/reporter';
import { createReporter } from '@flotilla/agent/report/reporter';
import type { ClusterBehaviour, SimulatedCluster } from './cluster.ts';
import { createSimulatedCluster } from './cluster.ts';
import { memoryBundles, memoryFacts, memorySecret } from './memory.ts';
import { simulatedCarryOut } from './plan.ts';
import type { Turnstile } from './turnstile.ts';

/** What is counted of all agents of a process. */
export interface Tally {
  enrolled(): void;
  welcomed(): void;
  left(end: StreamEnd): void;
  accepted(entries: number): void;
  ended(outcome: 'applied' | 'failed' | 'removed'): void;
  statesAcked(count: number): void;
  /** Of control messages, without their envelope. */
  bytes(count: number): void;
}

export interface SimulatedAgentOptions {
  hubUrl: URL;
  caSha256: string;
  tokenFile: string;
  post: PostToHub;
  agentVersion: string;
  /** Null: this version's own. */
  protocolVersion: number | null;
  behaviour: () => ClusterBehaviour;
  /** 0 to come back at once, 1 as a real agent does. */
  jitter: () => number;
  tally: Tally;
  /** Of all agents of the process, on their way to the hub's welcome. */
  turnstile: Turnstile;
  log: Log;
}

export interface SimulatedAgent {
  /** Resolves once it has a certificate. */
  enrol(signal: AbortSignal): Promise<void>;
  clusterId(): string;
  online(): void;
  /** Resolves once its stream has ended. */
  offline(): Promise<void>;
  /** Process state is lost; what is durable stays. Online afterwards. */
  restart(): Promise<void>;
  say(states: readonly ObservedState[]): void;
}

const clock = systemClock();

interface Durable {
  secret: ReturnType<typeof memorySecret>;
  facts: ReturnType<typeof memoryFacts>;
  bundles: ReturnType<typeof memoryBundles>;
  snapshot: DesiredSet | null;
  clusterUid: string;
}

interface Working {
  instance: string;
  queue: ReportQueue;
  reporter: Reporter;
  fetcher: Fetcher;
  acceptor: Acceptor;
  cluster: SimulatedCluster;
}

interface Living extends SimulatedAgentOptions {
  durable: Durable;
  working: Working;
  connected: { leaving: AbortController; ended: Promise<void> } | null;
}

export function createSimulatedAgent(options: SimulatedAgentOptions): SimulatedAgent {
  const durable: Durable = {
    secret: memorySecret(),
    facts: memoryFacts(() => clock.nowMs()),
    bundles: memoryBundles(),
    snapshot: null,
    clusterUid: randomUUID(),
  };
  const agent: Living = { ...options, durable, working: openWorking(options, durable), connected: null };
  return {
    enrol: (signal) => enrolOnce(agent, signal),
    clusterId: () => identityOf(secretIdentityStore(durable.secret)).membership.clusterId,
    online: () => goOnline(agent),
    offline: () => goOffline(agent),
    restart: async () => {
      await goOffline(agent);
      agent.working.cluster.stop();
      agent.working = openWorking(agent, durable);
      goOnline(agent);
    },
    say: (states) => {
      for (const state of states) agent.working.reporter.onState(state);
    },
  };
}

async function enrolOnce(agent: Living, signal: AbortSignal): Promise<void> {
  const { hubUrl, caSha256: pinSha256, tokenFile, post, log, durable, tally } = agent;
  const store = secretIdentityStore(durable.secret);
  const { clusterUid } = durable;
  await enrol(
    { hubUrl, pinSha256, tokenFile, clusterUid, store, post, clock, random: Math.random, log },
    signal,
  );
  tally.enrolled();
}

function openWorking(options: SimulatedAgentOptions, durable: Durable): Working {
  const { log, tally } = options;
  const random = Math.random;
  const queue = countedQueue(tally);
  const reporter = createReporter({ queue, facts: durable.facts, clock, random, log });
  const cluster = createSimulatedCluster({
    behaviour: options.behaviour,
    random,
    isComplete: (digest) => durable.bundles.isComplete(digest),
    onState: (state) => reporter.onState(state),
    onFact: (fact) => void reporter.onFact(fact),
    onEnd: (outcome) => tally.ended(outcome),
  });
  const fetcher = createFetcher({
    bundles: durable.bundles,
    clock,
    random,
    log,
    onArrived: (digest) => cluster.bundleArrived(digest),
    onFailed: () => undefined,
  });
  const acceptor = openAcceptor(durable, log, (accepted) => {
    queue.forget(goneOf(cluster, accepted));
    cluster.setDesired(accepted.entries);
    fetcher.want(accepted.entries.map(({ target, head }) => ({ target, digest: head.bundle.digest })));
    tally.accepted(accepted.entries.length);
  });
  return { instance: randomUUID(), queue, reporter, fetcher, acceptor, cluster };
}

function openAcceptor(durable: Durable, log: Log, onAccepted: (accepted: AcceptedSet) => void): Acceptor {
  const acceptor = createAcceptor({
    log,
    // Kept as the set that the acceptor holds anyway: a volume would hold its own bytes of it.
    snapshot: { write: () => Promise.resolve() },
    held: durable.snapshot,
    mark: () => durable.secret.mark(),
    advanceMark: (mark) => durable.secret.advanceMark(mark),
    mayAccept: () => true,
    onAccepted: (accepted) => {
      durable.snapshot = acceptor.held();
      onAccepted(accepted);
    },
  });
  return acceptor;
}

function goneOf(cluster: SimulatedCluster, { entries, problems }: AcceptedSet): string[] {
  const known = new Set([...entries, ...problems].map(({ target }) => target));
  return cluster.targets().filter((target) => !known.has(target));
}

function countedQueue(tally: Tally): ReportQueue {
  const queue = createReportQueue();
  let underWay = 0;
  return {
    ...queue,
    take: (bytesMax, statesMax) => {
      const states = queue.take(bytesMax, statesMax);
      underWay += states.length;
      return states;
    },
    acked: () => {
      queue.acked();
      tally.statesAcked(underWay);
      underWay = 0;
    },
    cut: () => {
      queue.cut();
      underWay = 0;
    },
  };
}

function goOnline(agent: Living): void {
  if (agent.connected !== null) return;
  const leaving = new AbortController();
  const { log, durable } = agent;
  const store = secretIdentityStore(durable.secret);
  const { hubUrl, caSha256: pinSha256, post } = agent;
  const options = {
    store,
    renew: (signal: AbortSignal) =>
      renewByHttps({ hubUrl, pinSha256, store, post }, identityOf(store), signal),
    openSession: async (signal: AbortSignal) => {
      const leaveTurnstile = await agent.turnstile.enter();
      const end = await openSession(agent, leaveTurnstile, signal);
      leaveTurnstile();
      agent.tally.left(end);
      return end;
    },
    clock,
    random: () => Math.random() * agent.jitter(),
    log,
  };
  const ended = stayConnected(options, leaving.signal).catch((error: unknown) => {
    log.error({ error: String(error) }, 'agent ended');
  });
  agent.connected = { leaving, ended };
}

async function goOffline(agent: Living): Promise<void> {
  const { connected } = agent;
  agent.connected = null;
  connected?.leaving.abort(new Error('offline'));
  await connected?.ended;
}

function openSession(agent: Living, onWelcomed: () => void, signal: AbortSignal): Promise<StreamEnd> {
  const { durable, working, log, tally } = agent;
  return runWorkingSession(
    {
      store: secretIdentityStore(durable.secret),
      hello: () => helloOf(agent),
      acceptor: working.acceptor,
      fetcher: working.fetcher,
      reporter: working.reporter,
      commands: createCommands({ carryOut: carryOutOf(agent), clock, log }),
      bundles: durable.bundles,
      storeCheckpoint: (checkpoint) => storeCheckpoint(durable.secret, checkpoint),
      onWelcome: (welcome: Welcome) => {
        tally.bytes(encodeHubMessage({ type: 'Welcome', ...welcome }).length);
        tally.welcomed();
        onWelcomed();
      },
      clock,
      random: Math.random,
      log,
    },
    signal,
  );
}

function carryOutOf({ durable, behaviour }: Living): CarryOut {
  return simulatedCarryOut({ bundles: durable.bundles, behaviour, random: Math.random });
}

function helloOf(agent: Living): Hello {
  const { durable, working } = agent;
  const pod = {
    instance: working.instance,
    leaseUid: durable.clusterUid,
    leaseTransitions: 0n,
    trustBundleVersion: secretIdentityStore(durable.secret).read()?.trustBundle?.version ?? 0,
  };
  const state = {
    incarnation: durable.facts.incarnation(),
    mark: durable.secret.mark(),
    held: working.acceptor.held()?.mark ?? null,
    observedDigest: working.queue.observedDigest(),
    inventoryDigest: null,
    lastCheckpoint: readCheckpoint(durable.secret),
  };
  const facts = { kubernetes: 'v1.36.0', nodes: '3', provider: 'simulated' };
  const cluster = { clusterUid: durable.clusterUid, kubernetes: 'v1.36.0', facts };
  const hello = workingHello(pod, state, cluster, agent.agentVersion, clock.nowMs());
  const { versions } = hello;
  const said = { ...hello, versions: { ...versions, protocol: agent.protocolVersion ?? versions.protocol } };
  const message: AgentMessage = { type: 'Hello', ...said };
  agent.tally.bytes(encodeAgentMessage(message).length);
  return said;
}
