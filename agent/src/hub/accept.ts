/**
 * Acceptance of desired state. A set counts only when its snapshot is renamed and synced on the volume and the mark is
 * in the Secret, in this order; then it is acked and handed to the reconciler. The mark never goes back. A broken
 * message nacks the set and moves nothing; an entry that cannot be honoured is that target's error.
 */
import { compareMarks } from '@flotilla/domain/desired/mark';
import type { AckedMark } from '@flotilla/domain/desired/mark';
import type { DesiredEntry, EntryProblem } from '@flotilla/domain/desired/parse';
import { parseSet } from '@flotilla/domain/desired/parse';
import type { DesiredPart } from '@flotilla/domain/desired/parts';
import { collectPart } from '@flotilla/domain/desired/parts';
import type { DesiredMessage, DesiredSet } from '@flotilla/domain/desired/set';
import { applyDesired } from '@flotilla/domain/desired/set';
import { toHex } from '@flotilla/domain/digest/sha256';
import type { Digest } from '@flotilla/domain/digest/sha256';
import { bodyBytesMax, desiredSetBytesMax, headBytesMax } from '@flotilla/proto/limits';
import type { AgentMessage, NackReason } from '@flotilla/proto/messages';
import type { Log } from '../log.ts';
import { DiskFullError } from '../state/disk.ts';
import { MarkWentBackError } from '../state/secrets.ts';
import { sha256 } from '../state/sha256.ts';
import type { SnapshotFile } from '../state/snapshot.ts';
import { setToSnapshot } from './snapshotSet.ts';

export interface AcceptedSet {
  mark: AckedMark;
  entries: DesiredEntry[];
  problems: EntryProblem[];
}

export interface AcceptorOptions {
  snapshot: Pick<SnapshotFile, 'write'>;
  mark(): AckedMark | null;
  /** Resolves once the mark is in the cluster; rejects with MarkWentBackError. */
  advanceMark(mark: AckedMark): Promise<void>;
  /** What is on disk at the start; null when lost or below the mark. */
  held: DesiredSet | null;
  /** False once the Lease has lapsed: then nothing is accepted any more. */
  mayAccept(): boolean;
  /** A set has come whole and right and is about to be made durable: what it needs may be fetched meanwhile. */
  onVerified?(entries: DesiredEntry[]): void;
  /** After the mark, before the ack. */
  onAccepted(accepted: AcceptedSet): void;
  log: Log;
}

export interface Acceptor {
  held(): DesiredSet | null;
  /**
   * What a crash or an absent API server left half done is finished: a snapshot above the mark was whole and valid
   * when it was renamed. Resolves once the held set, if any, is in force.
   */
  settle(): Promise<void>;
  /** Forgets parts and bodies of the stream before. */
  beginStream(): void;
  /** What to answer; null while parts are missing. Rejects when the API server cannot be asked to keep the mark. */
  offer(part: DesiredPart): Promise<AgentMessage | null>;
}

const knownBodyBytesMax = 32 * 1024 * 1024;

interface Accepting extends AcceptorOptions {
  held: DesiredSet | null;
  /** The held set was handed on. */
  inForce: boolean;
  begun: DesiredPart[];
  /** Heads and bodies in `begun`. */
  begunBytes: number;
  known: Map<Digest, Uint8Array>;
}

export function createAcceptor(options: AcceptorOptions): Acceptor {
  const accepting: Accepting = { ...options, inForce: false, begun: [], begunBytes: 0, known: new Map() };
  return {
    held: () => accepting.held,
    settle: () => settle(accepting),
    beginStream: () => {
      accepting.begun = [];
      accepting.known = new Map();
    },
    offer: (part) => offer(accepting, part),
  };
}

async function offer(accepting: Accepting, part: DesiredPart): Promise<AgentMessage | null> {
  const problem = sizeProblem(accepting, part);
  if (problem !== null) {
    accepting.begun = [];
    return nack(part, 'size', problem);
  }
  rememberBodies(accepting, part.bodies);
  const collected = collectPart(accepting.begun, part);
  if (collected.outcome === 'partial') {
    accepting.begun = collected.parts;
    return null;
  }
  accepting.begun = [];
  if (collected.outcome === 'broken') return nack(part, 'malformed', collected.detail);
  return decide(accepting, collected.message);
}

/** Null where everything is within its limit. */
function sizeProblem(accepting: Accepting, part: DesiredPart): string | null {
  for (const { target, head } of part.upserts) {
    if (head.length > headBytesMax) return `the head of ${target} has ${String(head.length)} bytes`;
  }
  for (const body of part.bodies) {
    if (body.length > bodyBytesMax) return `a body has ${String(body.length)} bytes`;
  }
  if (part.part === 1) accepting.begunBytes = 0;
  for (const { head } of part.upserts) accepting.begunBytes += head.length;
  for (const body of part.bodies) accepting.begunBytes += body.length;
  return accepting.begunBytes > desiredSetBytesMax ? 'the set is too large' : null;
}

async function decide(accepting: Accepting, message: DesiredMessage): Promise<AgentMessage | null> {
  const verdict = applyDesired(message, {
    held: accepting.held,
    mark: accepting.mark(),
    knownBodies: accepting.known,
    sha256,
  });
  switch (verdict.outcome) {
    case 'accepted':
      return makeDurable(accepting, message, verdict.set);
    case 'stale':
      return answerStale(accepting, message);
    case 'wantComplete':
      return { type: 'WantComplete', reason: verdict.reason };
    case 'broken':
      return nack(message, verdict.reason, verdict.detail);
  }
}

/** Said again where it is what is held: an ack may have been lost. Below the mark is a hub's mistake, and is told. */
function answerStale(accepting: Accepting, message: DesiredMessage): AgentMessage {
  const { held } = accepting;
  if (
    held !== null &&
    accepting.inForce &&
    compareMarks(held.mark, message) === 0 &&
    held.mark.digest === message.digest
  ) {
    return { type: 'DesiredAck', ...held.mark, errors: parseSet(held).problems };
  }
  const mark = accepting.mark() ?? held?.mark;
  const detail = `the mark is ${String(mark?.epoch)}.${String(mark?.generation)} and never goes back`;
  return nack(message, 'malformed', detail);
}

async function makeDurable(
  accepting: Accepting,
  message: DesiredMessage,
  set: DesiredSet,
): Promise<AgentMessage | null> {
  const encoded = setToSnapshot(set);
  if (encoded === null) return nack(message, 'malformed', 'a head or body is not utf-8');
  if (!accepting.mayAccept()) return null;
  const parsed = parseSet(set);
  accepting.onVerified?.(parsed.entries);
  try {
    await accepting.snapshot.write(encoded);
  } catch (error) {
    return nack(message, 'disk', error instanceof DiskFullError ? error.message : diskProblem(error));
  }
  accepting.held = set;
  accepting.inForce = false;
  try {
    await accepting.advanceMark(set.mark);
  } catch (error) {
    if (!(error instanceof MarkWentBackError)) throw error;
    accepting.log.warn({ held: error.held, offered: error.offered }, 'another pod accepted more');
    return null;
  }
  return { type: 'DesiredAck', ...set.mark, errors: putInForce(accepting, set, parsed) };
}

function putInForce(
  accepting: Accepting,
  set: DesiredSet,
  { entries, problems }: ReturnType<typeof parseSet>,
): EntryProblem[] {
  accepting.inForce = true;
  accepting.onAccepted({ mark: set.mark, entries, problems });
  return problems;
}

async function settle(accepting: Accepting): Promise<void> {
  const { held } = accepting;
  if (held === null || accepting.inForce || !accepting.mayAccept()) return;
  const mark = accepting.mark();
  if (mark !== null && compareMarks(held.mark, mark) < 0) return;
  if (mark === null || compareMarks(held.mark, mark) > 0) await accepting.advanceMark(held.mark);
  putInForce(accepting, held, parseSet(held));
}

/** Bounded: a body that was forgotten is asked for again by the complete set. */
function rememberBodies(accepting: Accepting, bodies: readonly Uint8Array[]): void {
  for (const body of bodies) accepting.known.set(toHex(sha256(body)), body);
  let bytes = 0;
  for (const body of accepting.known.values()) bytes += body.length;
  for (const digest of accepting.known.keys()) {
    if (bytes <= knownBodyBytesMax) return;
    bytes -= accepting.known.get(digest)?.length ?? 0;
    accepting.known.delete(digest);
  }
}

function nack(
  message: { epoch: number; generation: number },
  reason: NackReason,
  detail: string,
): AgentMessage {
  return { type: 'DesiredNack', epoch: message.epoch, generation: message.generation, reason, detail };
}

function diskProblem(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  return `the snapshot could not be written${code === undefined ? '' : ` (${code})`}`;
}
