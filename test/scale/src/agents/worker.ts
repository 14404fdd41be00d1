/**
 * A process full of simulated agents. It does what its parent says, tells its counts four times a second, and ends with
 * its parent. Enrolment is so many at a time; streams, spells and restarts are every agent's own.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { ObservedState } from '@flotilla/domain/status/observed';
import type { Log } from '@flotilla/agent/log';
import { inParallel } from '@flotilla/agent/reconcile/parallel';
import type { SimulatedAgent, Tally } from './agent.ts';
import { createSimulatedAgent } from './agent.ts';
import { emptyCounts } from './counts.ts';
import type { FromWorker, ToWorker, WorkerOptions, WorkerTimes } from './messages.ts';
import { keepConnections } from './post.ts';
import { Turnstile } from './turnstile.ts';

const enrolmentsMax = 8;
const connectingMax = 500;
const tellEveryMs = 250;
const currentVersion = '0.1.0';
const oldVersion = '0.0.1';

const agents: SimulatedAgent[] = [];
const byCluster = new Map<string, SimulatedAgent>();
const counts = emptyCounts();
const noTimes = (): WorkerTimes => ({ welcomed: [], accepted: [], statesAcked: [] });
let times = noTimes();
let options: WorkerOptions | null = null;
let jitter = 1;
let isOnline = true;

function tell(message: FromWorker): void {
  if (process.connected) process.send?.(message);
}

/** With fractions, and comparable between processes of this machine. */
function now(): number {
  return performance.timeOrigin + performance.now();
}

const tally: Tally = {
  enrolled: () => (counts.enrolled += 1),
  welcomed: () => {
    counts.connected += 1;
    counts.welcomed += 1;
    times.welcomed.push(now());
  },
  left: (end) => {
    if (end.reason === 'refused') counts.refused += 1;
  },
  accepted: () => {
    counts.accepted += 1;
    times.accepted.push(now());
  },
  ended: (outcome) => (counts[outcome] += 1),
  statesAcked: (count) => {
    counts.statesAcked += count;
    if (count > 0) times.statesAcked.push(now());
  },
  bytes: (count) => (counts.bytes += count),
};

/** An agent that was welcomed counts as connected until its stream ends. */
function tallyOfOne(): Tally {
  let connected = false;
  return {
    ...tally,
    welcomed: () => {
      connected = true;
      tally.welcomed();
    },
    left: (end) => {
      if (connected) counts.connected -= 1;
      connected = false;
      tally.left(end);
    },
  };
}

const complain = (_fields: Record<string, unknown>, message: string): void => {
  counts.complaints[message] = (counts.complaints[message] ?? 0) + 1;
};
const log: Log = { debug: () => undefined, info: () => undefined, warn: complain, error: complain };

function createAgents(given: WorkerOptions): void {
  const { post } = keepConnections(given.caPem);
  const turnstile = new Turnstile(connectingMax);
  for (let number = 0; number < given.agents; number++) {
    const isOld = number < given.oldShare * given.agents;
    agents.push(
      createSimulatedAgent({
        hubUrl: new URL(given.hubUrl),
        caSha256: given.caSha256,
        tokenFile: given.tokenFile,
        post,
        agentVersion: isOld ? oldVersion : currentVersion,
        protocolVersion: isOld ? given.oldProtocol : null,
        behaviour: () => options?.behaviour ?? given.behaviour,
        jitter: () => jitter,
        tally: tallyOfOne(),
        turnstile,
        log,
      }),
    );
  }
}

async function begin(given: WorkerOptions): Promise<void> {
  options = given;
  jitter = given.jitter;
  createAgents(given);
  const { signal } = new AbortController();
  await inParallel(agents, enrolmentsMax, async (agent) => {
    await agent.enrol(signal);
    byCluster.set(agent.clusterId(), agent);
    if (isOnline) agent.online();
    void haveSpells(agent, given);
    void haveRestarts(agent, given);
  });
}

/** Exponentially distributed, as independent mishaps are. */
function untilNextMs(meanMs: number): number {
  return -Math.log(1 - Math.random()) * meanMs;
}

async function haveSpells(agent: SimulatedAgent, given: WorkerOptions): Promise<void> {
  while (given.offlineEveryMs > 0) {
    await delay(untilNextMs(given.offlineEveryMs));
    await agent.offline();
    await delay(given.offlineForMs);
    if (isOnline) agent.online();
  }
}

async function haveRestarts(agent: SimulatedAgent, given: WorkerOptions): Promise<void> {
  while (given.restartEveryMs > 0) {
    await delay(untilNextMs(given.restartEveryMs));
    if (isOnline) await agent.restart();
  }
}

async function goOffline(): Promise<void> {
  isOnline = false;
  await Promise.all(agents.map((agent) => agent.offline()));
  tell({ type: 'offline' });
}

async function leave(share: number): Promise<void> {
  const leaving = agents.slice(0, Math.round(share * agents.length));
  await Promise.all(leaving.map((agent) => agent.offline()));
}

function goOnline(withJitter: number): void {
  jitter = withJitter;
  isOnline = true;
  for (const agent of agents) agent.online();
}

function mark(): void {
  times = noTimes();
  for (const name of [
    'welcomed',
    'accepted',
    'applied',
    'failed',
    'removed',
    'statesAcked',
    'bytes',
  ] as const)
    counts[name] = 0;
  tellCounts();
  tell({ type: 'marked' });
}

function say(message: string, targets: Record<string, string[]>): void {
  for (const [clusterId, ids] of Object.entries(targets)) {
    byCluster.get(clusterId)?.say(ids.map((target) => healthyState(target, message)));
  }
}

function healthyState(target: string, message: string): ObservedState {
  return {
    target,
    assignment: 1,
    revision: 1,
    bundle: '0'.repeat(64),
    sync: 'Synced',
    health: { status: 'Healthy', message },
    operation: null,
    counts: { objects: 10, outOfSync: 0, pruneHeld: 0 },
    conditions: [],
    resources: [],
    removal: 'None',
  };
}

function tellCounts(): void {
  const { user, system } = process.cpuUsage();
  counts.rssBytes = process.memoryUsage.rss();
  counts.cpuMs = (user + system) / 1000;
  tell({ type: 'counts', counts });
}

async function obey(message: ToWorker): Promise<void> {
  switch (message.type) {
    case 'begin':
      return begin(message.options);
    case 'offline':
      return goOffline();
    case 'online':
      return goOnline(message.jitter);
    case 'leave':
      return leave(message.share);
    case 'behave':
      if (options !== null) options = { ...options, behaviour: message.behaviour };
      return;
    case 'mark':
      return mark();
    case 'collect':
      return tell({ type: 'collected', id: message.id, times, clusters: [...byCluster.keys()] });
    case 'say':
      return say(message.message, message.targets);
  }
}

process.on('message', (message: ToWorker) => {
  obey(message).catch((error: unknown) => tell({ type: 'failed', message: String(error) }));
});
process.on('disconnect', () => process.exit(0));
// Ctrl-C reaches the whole group: the parent ends this process when it is done with it.
process.on('SIGINT', () => undefined);
setInterval(tellCounts, tellEveryMs);
