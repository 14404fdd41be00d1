/** What every step of a run works with. */
import type { Body, Head } from '@flotilla/domain/desired/entry';
import type { FactBody } from '@flotilla/domain/status/observed';
import type { Clock } from '../clock.ts';
import type { KubeClient } from '../kube/client.ts';
import type { Discovery } from '../kube/discovery.ts';
import type { CallOptions } from '../kube/get.ts';
import type { Log } from '../log.ts';
import type { AgentState } from '../state/state.ts';
import type { RunSignals } from './queue.ts';
import type { Target } from './target.ts';
import type { Watches } from './watches.ts';

export interface Cluster {
  kube: KubeClient;
  discovery: Discovery;
  state: AgentState;
  clock: Clock;
  log: Log;
  hubId: string;
  agentNamespace: string;
  mayWrite: () => boolean;
  watches: Watches;
  /** By target uid. */
  targets: Map<string, Target>;
  /** By application uid: at most one target of an application is on a cluster. */
  byApplication: Map<string, Target>;
  /** Tells waiting runs and the reporter that something about the target changed. */
  touch: (target: Target) => void;
  /** Calls back at every `touch` of the target until the returned function is called. */
  onTouch: (target: Target, listener: () => void) => () => void;
  /** Runs the target again, not before `delayMs`. */
  runLater: (target: Target, delayMs: number) => void;
  /** A bundle on disk was found damaged. */
  lacksBundle: (digest: string) => void;
  /** Why a bundle that is wanted could not be had so far, by digest. */
  bundleFailures: Map<string, string>;
  /** Resolves when the fact is durable, so that what is only true once it was told can wait for it. Never rejects. */
  emit: (fact: FactBody) => Promise<void>;
}

export interface Run {
  cluster: Cluster;
  target: Target;
  /** As they were when the run began: a newer entry pre-empts the run, it never changes it under way. */
  head: Head;
  body: Body;
  signals: RunSignals;
}

/** The Lease is not held: nothing may be written. */
export class LeaseNotHeldError extends Error {
  override readonly name = 'LeaseNotHeldError';

  constructor() {
    super('the lease is not held, nothing is written');
  }
}

/** Called before every write: throws where the run was pre-empted or the Lease has lapsed. */
export function ensureMayWrite(run: Run): void {
  run.signals.preempted.throwIfAborted();
  if (!run.cluster.mayWrite()) throw new LeaseNotHeldError();
}

/** Options of calls on behalf of the application: impersonated where its project says so. */
export function callOptions(run: Run): CallOptions {
  const { cluster, signals } = run;
  return {
    impersonate: run.body.serviceAccount,
    mayRetry: () => cluster.mayWrite() && !signals.preempted.aborted,
  };
}
