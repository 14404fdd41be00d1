/**
 * The reconciler as the rest of the agent sees it: desired entries in, observed states and facts out.
 */
import type { Body, Head } from '@flotilla/domain/desired/entry';
import type { FactBody, ObservedState } from '@flotilla/domain/status/observed';
import type { Clock } from '../clock.ts';
import type { KubeClient } from '../kube/client.ts';
import type { Log } from '../log.ts';
import type { AgentState } from '../state/state.ts';

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
  /** Every change of a target's observed state; the latest wins. */
  onState: (state: ObservedState) => void;
  /** What happened; called once each, in order. */
  onFact: (fact: FactBody) => void;
}

export interface Reconciler {
  /** The whole accepted set, also when it is empty. Targets that are no longer in it are left alone. */
  setDesired(entries: DesiredEntry[]): void;
  /** A bundle is now complete and verified on disk. */
  bundleArrived(digest: string): void;
  /** The latest state of every known target. */
  states(): ObservedState[];
  /** Ends a running operation of a target: waits stop, later tasks do not start. */
  terminate(target: string): void;
  /** Resolves once no write is in flight; nothing is written afterwards. */
  stop(): Promise<void>;
}
