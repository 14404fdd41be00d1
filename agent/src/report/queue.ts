/**
 * What is still to be said about each target: only the latest state counts, and one the hub has acked is not said again.
 * One batch is under way at a time; what changes meanwhile is coalesced into the next. A cut stream makes what was under
 * way unsaid. Holds no clock and does no IO.
 */
import { canonicalBytes } from '@flotilla/domain/bundle/canonical';
import { toHex } from '@flotilla/domain/digest/sha256';
import type { Digest } from '@flotilla/domain/digest/sha256';
import type { ObservedState } from '@flotilla/domain/status/observed';
import type { WireState } from '@flotilla/proto/messages';
import { observedDigest } from '@flotilla/proto/observedDigest';
import { sha256 } from '../state/sha256.ts';

export interface ReportQueue {
  /** True where there is something new to say. */
  put(state: ObservedState): boolean;
  /** Targets that are gone for good: nothing more is said of them. */
  forget(targets: Iterable<string>): void;
  /** A new session: `seq` begins at 1, and everything is said again where the hub holds something else. */
  begin(hubDigest: Digest | null): void;
  isEmpty(): boolean;
  /** The next batch's states, up to the bounds; [] where nothing is to be said. Under way until `acked` or `cut`. */
  take(bytesMax: number, statesMax: number): WireState[];
  acked(): void;
  cut(): void;
  /** Over what was acked last, for Hello. */
  observedDigest(): Digest | null;
}

interface Said {
  bytes: Uint8Array;
  digest: Digest;
}

interface Queue {
  latest: Map<string, Said>;
  acked: Map<string, Digest>;
  pending: Set<string>;
  underWay: Map<string, Digest>;
  seq: bigint;
}

export function createReportQueue(): ReportQueue {
  const queue: Queue = {
    latest: new Map(),
    acked: new Map(),
    pending: new Set(),
    underWay: new Map(),
    seq: 0n,
  };
  return {
    put: (state) => put(queue, state),
    forget: (targets) => forget(queue, targets),
    begin: (hubDigest) => begin(queue, hubDigest),
    isEmpty: () => queue.pending.size === 0,
    take: (bytesMax, statesMax) => take(queue, bytesMax, statesMax),
    acked: () => {
      for (const [target, digest] of queue.underWay) queue.acked.set(target, digest);
      queue.underWay = new Map();
    },
    cut: () => cut(queue),
    observedDigest: () => digestOf(queue),
  };
}

function put(queue: Queue, state: ObservedState): boolean {
  const bytes = canonicalBytes(state);
  const said = { bytes, digest: toHex(sha256(bytes)) };
  if (queue.latest.get(state.target)?.digest === said.digest) return false;
  queue.latest.set(state.target, said);
  queue.pending.add(state.target);
  return true;
}

function forget(queue: Queue, targets: Iterable<string>): void {
  for (const target of targets) {
    for (const known of [queue.latest, queue.acked, queue.underWay]) known.delete(target);
    queue.pending.delete(target);
  }
}

function begin(queue: Queue, hubDigest: Digest | null): void {
  cut(queue);
  queue.seq = 0n;
  if (digestOf(queue) === hubDigest) return;
  queue.acked.clear();
  for (const target of queue.latest.keys()) queue.pending.add(target);
}

function cut(queue: Queue): void {
  for (const target of queue.underWay.keys()) queue.pending.add(target);
  queue.underWay = new Map();
}

function take(queue: Queue, bytesMax: number, statesMax: number): WireState[] {
  const states: WireState[] = [];
  let bytes = 0;
  for (const target of queue.pending) {
    const said = queue.latest.get(target);
    if (said === undefined || queue.acked.get(target) === said.digest) {
      queue.pending.delete(target);
      continue;
    }
    if (states.length === statesMax || (states.length > 0 && bytes + said.bytes.length > bytesMax)) break;
    queue.pending.delete(target);
    queue.underWay.set(target, said.digest);
    queue.seq += 1n;
    bytes += said.bytes.length;
    states.push({ target, seq: queue.seq, state: said.bytes });
  }
  return states;
}

function digestOf(queue: Queue): Digest | null {
  const acked = Array.from(queue.acked, ([target, digest]) => ({ target, digest }));
  return observedDigest(acked, sha256);
}
