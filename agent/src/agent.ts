/**
 * The agent of one cluster. One pod holds the Lease and works; any other says a standby Hello and waits. Whoever loses
 * the Lease stops at once, puts everything down, and begins anew from what is durable when it holds it again.
 */
import { randomUUID } from 'node:crypto';
import os from 'node:os';
import type { Clock } from './clock.ts';
import { systemClock } from './clock.ts';
import type { Config } from './config.ts';
import { workAsHolder } from './holder.ts';
import { reconnectBackoff, retryDelayMs } from './hub/backoff.ts';
import { readClusterFacts } from './hub/hello.ts';
import { secretIdentityStore } from './hub/identityStore.ts';
import type { KubeClient } from './kube/client.ts';
import { createKubeClient } from './kube/client.ts';
import type { Connection } from './kube/connection.ts';
import { inClusterConnection, kubeconfigConnection } from './kube/connection.ts';
import { holdLease } from './kube/lease.ts';
import type { Log } from './log.ts';
import type { Readiness } from './ops/healthServer.ts';
import type { Pod } from './pod.ts';
import { waitAsStandby } from './standby.ts';
import { openAgentSecret } from './state/secrets.ts';

export interface AgentOptions {
  config: Config;
  log: Log;
  /** Kept up to date. */
  readiness: Readiness;
}

const leaseName = 'flotilla-agent';

/** Resolves when aborted and everything is put down. */
export async function runAgent(options: AgentOptions, signal: AbortSignal): Promise<void> {
  const clock = systemClock();
  const kube = createKubeClient({ connection: await openConnection(options.config), clock });
  try {
    await takeTurns(options, kube, clock, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    await kube.close();
  }
}

async function takeTurns(
  options: AgentOptions,
  kube: KubeClient,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  let changed = new AbortController();
  const pod = await openPod(options, kube, clock, signal, (held) => {
    options.log.info({ held }, 'lease changed');
    changed.abort(new Error(held ? 'the lease was taken' : 'the lease has lapsed'));
  });
  let failures = 0;
  while (!signal.aborted) {
    changed = new AbortController();
    const done = await takeTurn(pod, AbortSignal.any([signal, changed.signal]));
    failures = done ? 0 : failures + 1;
    await clock.sleep(retryDelayMs(reconnectBackoff, failures, pod.random()), signal).catch(() => undefined);
  }
  await pod.lease.release();
}

async function openPod(
  options: AgentOptions,
  kube: KubeClient,
  clock: Clock,
  signal: AbortSignal,
  onLease: (held: boolean) => void,
): Promise<Pod> {
  const { namespace } = options.config;
  const patient = { clock, log: options.log, signal };
  const cluster = await untilAnswered(patient, 'cluster not read', () => readClusterFacts(kube));
  const secret = await untilAnswered(patient, 'secret not opened', () => openAgentSecret(kube, namespace));
  const instance = randomUUID();
  const holder = `${os.hostname()}_${options.config.podUid ?? instance}`;
  const lease = holdLease({ kube, clock, namespace, name: leaseName, holder, onChange: onLease });
  const store = secretIdentityStore(secret);
  return { ...options, kube, clock, random: Math.random, secret, store, lease, cluster, instance };
}

/** As holder or standby, until the Lease changes hands. False where it failed and is to be tried again later. */
async function takeTurn(pod: Pod, turn: AbortSignal): Promise<boolean> {
  try {
    if (pod.lease.held()) await workAsHolder(pod, turn);
    else await waitAsStandby(pod, turn);
    return true;
  } catch (error) {
    if (turn.aborted) return true;
    pod.log.error({ error }, 'turn failed');
    return false;
  }
}

async function openConnection({ kube }: Config): Promise<Connection> {
  if (kube.kind === 'inCluster') return inClusterConnection(kube.host, kube.port);
  return kubeconfigConnection(kube.file, kube.context ?? undefined);
}

/** An API server that is away is waited for: an agent has nothing else to do. */
async function untilAnswered<T>(
  patient: { clock: Clock; log: Log; signal: AbortSignal },
  message: string,
  ask: () => Promise<T>,
): Promise<T> {
  for (let failures = 1; ; failures += 1) {
    try {
      return await ask();
    } catch (error) {
      patient.signal.throwIfAborted();
      patient.log.warn({ error, failures }, message);
      await patient.clock.sleep(retryDelayMs(reconnectBackoff, failures, Math.random()), patient.signal);
    }
  }
}
