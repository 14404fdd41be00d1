/** What the parent and a worker process full of agents say to each other. */
import type { ClusterBehaviour } from './cluster.ts';

export interface WorkerOptions {
  agents: number;
  hubUrl: string;
  caSha256: string;
  caPem: string;
  tokenFile: string;
  behaviour: ClusterBehaviour;
  jitter: number;
  /** Of agents, 0 to 1: say they are of an older version. */
  oldShare: number;
  /** Protocol version that those speak; null: the present one. */
  oldProtocol: number | null;
  /** Mean time between two offline spells of an agent; 0: none. */
  offlineEveryMs: number;
  offlineForMs: number;
  /** Mean time between two restarts of an agent; 0: none. */
  restartEveryMs: number;
}

export type ToWorker =
  | { type: 'begin'; options: WorkerOptions }
  | { type: 'offline' }
  | { type: 'online'; jitter: number }
  /** The first agents of the process, so many of all (0 to 1), are cut off until all come online. */
  | { type: 'leave'; share: number }
  | { type: 'behave'; behaviour: ClusterBehaviour }
  /** Forgets times and bytes of before. */
  | { type: 'mark' }
  | { type: 'collect'; id: number }
  /** Agents of these clusters say something new of these targets. */
  | { type: 'say'; message: string; targets: Record<string, string[]> };

export interface WorkerCounts {
  enrolled: number;
  /** Streams that are open now. */
  connected: number;
  /** Welcomes since the last mark. */
  welcomed: number;
  /** Desired sets accepted since the last mark. */
  accepted: number;
  applied: number;
  failed: number;
  removed: number;
  refused: number;
  statesAcked: number;
  /** Of Hello and Welcome since the last mark. */
  bytes: number;
  /** Warnings and errors by message. */
  complaints: Record<string, number>;
  rssBytes: number;
  cpuMs: number;
}

export interface WorkerTimes {
  /** Milliseconds since 1970, since the last mark. */
  welcomed: number[];
  accepted: number[];
  statesAcked: number[];
}

export type FromWorker =
  | { type: 'counts'; counts: WorkerCounts }
  | { type: 'collected'; id: number; times: WorkerTimes; clusters: string[] }
  | { type: 'offline' | 'marked' }
  | { type: 'failed'; message: string };
