/**
 * Everything that hub and agent say to each other, as the rest of the code sees it. int64 counters are `bigint`, marks
 * are the domain's (numbers); the codec refuses what is above 2^53 − 1, so both are exact. Digests are lower-case hex,
 * times are `Date`, absent is `null`. Heads, bodies, states and facts stay bytes of RFC 8785 JSON, because they are
 * hashed as they came.
 */
import type { AckedMark } from '@flotilla/domain/desired/mark';
import type { DesiredPart } from '@flotilla/domain/desired/parts';
import type { Digest } from '@flotilla/domain/digest/sha256';

// ---- agent to hub ---------------------------------------------------------------------------------------------

export type AgentMessage =
  | ({ type: 'Hello' } & Hello)
  | ({ type: 'DesiredAck' } & DesiredAck)
  | ({ type: 'DesiredNack' } & DesiredNack)
  | { type: 'WantComplete'; reason: string }
  | { type: 'CommandAck'; commandId: string }
  | { type: 'Renew'; csr: Uint8Array; slot: KeySlot }
  | { type: 'Stored'; stored: Stored }
  | ({ type: 'Holdings' } & Holdings);

export interface Hello {
  /** Random per Connect. */
  session: string;
  /** Random per process. */
  instance: string;
  /** Random per ring of facts. */
  incarnation: string;
  standby: boolean;
  /** UID of the namespace kube-system. */
  clusterUid: string;
  leaseUid: string;
  leaseTransitions: bigint;
  /** What was last acked; null before the first ack. */
  mark: AckedMark | null;
  /** What is on disk; null when lost. */
  held: AckedMark | null;
  /** Null when no state was ever acked to this agent. */
  observedDigest: Digest | null;
  inventoryDigest: Digest | null;
  lastCheckpoint: Checkpoint | null;
  versions: Versions;
  capabilities: string[];
  clock: Date;
  facts: Record<string, string>;
  trustBundleVersion: number;
}

export interface Versions {
  agent: string;
  protocol: number;
  kubernetes: string;
}

export interface DesiredAck extends AckedMark {
  errors: { target: string; reason: string }[];
}

export interface DesiredNack {
  epoch: number;
  generation: number;
  reason: NackReason;
  detail: string;
}

export type NackReason = 'digest' | 'size' | 'disk' | 'malformed' | 'unspecified';

export type KeySlot = 'current' | 'next';

export type Stored =
  | { what: 'trustBundle'; version: number }
  | { what: 'checkpoint'; seq: bigint }
  /** Serial number, lower-case hex. */
  | { what: 'certificate'; serial: string };

export interface Holdings {
  entries: WireEntry[];
  bodies: Uint8Array[];
  bundles: { digest: Digest; index: Uint8Array }[];
  last: boolean;
}

// ---- hub to agent ---------------------------------------------------------------------------------------------

export type HubMessage =
  | ({ type: 'Welcome' } & Welcome)
  /** One part of a delta on `baseGeneration`, or of the complete set. */
  | ({ type: 'Desired' } & DesiredPart)
  | ({ type: 'Command' } & Command)
  | { type: 'Certificate'; chain: string; slot: KeySlot }
  | { type: 'RotateKey'; reason: string }
  | { type: 'TrustBundle'; version: number; certificates: string[] }
  | { type: 'Checkpoint'; checkpoint: Checkpoint }
  | { type: 'Drain'; retryAfterMs: number }
  | { type: 'Refused'; reason: RefusedReason; retryAfterMs: number; detail: string };

export interface Welcome {
  /** 0 for a standby. */
  fence: bigint;
  hubId: string;
  standby: boolean;
  recovering: boolean;
  intervals: Intervals;
  factNumber: bigint;
  trustBundleVersion: number;
  /** The hub's mark for this cluster; null before its first generation. */
  mark: AckedMark | null;
  clock: Date;
  /** Over the states that the hub holds; null when it holds none. Where Hello's differs the agent sends every state. */
  observedDigest: Digest | null;
}

/** 0 leaves an interval to the agent's default. */
export interface Intervals {
  reportDebounceMs: number;
  heartbeatMs: number;
  fullCheckMs: number;
}

export interface WireEntry {
  /** Target uid. */
  target: string;
  head: Uint8Array;
}

export interface Command {
  id: string;
  expiresAt: Date;
  command: CommandBody;
}

export type CommandBody =
  /** Empty target: all of them. */
  | { kind: 'refresh'; target: string; hard: boolean }
  | { kind: 'plan'; target: string; bundle: Digest; body: Uint8Array }
  | { kind: 'diff'; target: string }
  | ({ kind: 'logs' } & LogsRequest)
  | { kind: 'terminate'; target: string; hook: string }
  | { kind: 'sendBundle'; digest: Digest }
  /** Of a newer hub: answered with an error, never guessed at. */
  | { kind: 'unknown' };

export interface LogsRequest {
  target: string;
  namespace: string;
  pod: string;
  container: string;
  /** 0: all. */
  tailLines: number;
  follow: boolean;
  previous: boolean;
  since: Date | null;
}

export interface Checkpoint {
  seq: bigint;
  hash: Digest;
  at: Date;
  signature: Uint8Array;
  keyId: string;
}

export type RefusedReason = 'revoked' | 'quarantined' | 'version' | 'unknown' | 'displaced' | 'unspecified';

// ---- report ---------------------------------------------------------------------------------------------------

export interface ReportBatch {
  fence: bigint;
  batch: bigint;
  states: WireState[];
  facts: WireFact[];
  incarnation: string;
}

export interface WireState {
  target: string;
  seq: bigint;
  /** RFC 8785 JSON of an ObservedState. */
  state: Uint8Array;
}

export interface WireFact {
  number: bigint;
  at: Date;
  /** RFC 8785 JSON of a FactBody. */
  fact: Uint8Array;
}

export interface ReportAck {
  batch: bigint;
  factNumber: bigint;
  stale: boolean;
}

// ---- bundles and answers --------------------------------------------------------------------------------------

export interface BundleRequest {
  digest: Digest;
  target: string;
  /** Empty: the index only. */
  frames: { digest: Digest; offset: number }[];
}

export type BundleChunk =
  | { type: 'index'; data: Uint8Array; totalBytes: number }
  | { type: 'frame'; digest: Digest; offset: number; data: Uint8Array; totalBytes: number };

export interface AnswerChunk {
  commandId: string;
  seq: bigint;
  content:
    { type: 'data'; data: Uint8Array } | { type: 'error'; code: string; message: string } | { type: 'end' };
}

export interface AnswerAck {
  commandId: string;
  receivedBytes: number;
}
