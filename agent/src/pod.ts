/** What every part of a running agent shares, and what it says of itself. */
import type { Clock } from './clock.ts';
import type { Config } from './config.ts';
import { identityOf } from './hub/credentials.ts';
import type { ClusterFacts, HelloOfPod } from './hub/hello.ts';
import { postJson } from './hub/https.ts';
import type { IdentityStore } from './hub/identityStore.ts';
import type { RenewOutcome } from './hub/renew.ts';
import { renewByHttps } from './hub/renew.ts';
import type { KubeClient } from './kube/client.ts';
import type { Lease } from './kube/lease.ts';
import type { Log } from './log.ts';
import type { Readiness } from './ops/healthServer.ts';
import type { AgentSecret } from './state/secrets.ts';

export const agentVersion = '0.1.0';

export interface Pod {
  config: Config;
  log: Log;
  /** Kept up to date. */
  readiness: Readiness;
  kube: KubeClient;
  clock: Clock;
  random: () => number;
  secret: AgentSecret;
  store: IdentityStore;
  lease: Lease;
  cluster: ClusterFacts;
  /** Random per process. */
  instance: string;
}

export function helloOfPod(pod: Pod): HelloOfPod {
  const record = pod.lease.record();
  return {
    instance: pod.instance,
    leaseUid: record?.uid ?? '',
    leaseTransitions: BigInt(record?.transitions ?? 0),
    trustBundleVersion: pod.store.read()?.trustBundle?.version ?? 0,
  };
}

export function renewCertificate(pod: Pod, signal: AbortSignal): Promise<RenewOutcome> {
  const { hubUrl, hubCaSha256: pinSha256 } = pod.config;
  const options = { hubUrl, pinSha256, store: pod.store, post: postJson };
  return renewByHttps(options, identityOf(pod.store), signal);
}
