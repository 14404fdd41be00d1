/**
 * A cluster's desired set, and what one message makes of it: pure, latest wins, never back.
 * Heads and bodies are kept byte for byte as they came, so that a field this version does not know changes no digest.
 */
import { digestOfText, toHex, type Digest, type Sha256 } from '../digest/sha256.ts';
import { compareText } from '../object/identity.ts';
import { bodyDigestOf, stateOf } from './envelope.ts';
import { isAcceptable, type AckedMark } from './mark.ts';

/** Bytes as they came; digests are kept so that nothing is hashed twice. */
export interface HeldEntry {
  target: string;
  head: Uint8Array;
  headDigest: Digest;
  bodyDigest: Digest;
}

export interface DesiredSet {
  mark: AckedMark;
  entries: ReadonlyMap<string, HeldEntry>;
  /** By digest; exactly those that entries name. */
  bodies: ReadonlyMap<Digest, Uint8Array>;
}

/** `Desired` of the wire, its parts joined. */
export interface DesiredMessage {
  epoch: number;
  generation: number;
  baseGeneration: number;
  upserts: { target: string; head: Uint8Array }[];
  bodies: Uint8Array[];
  removals: string[];
  digest: Digest;
  complete: boolean;
}

export type Verdict =
  | { outcome: 'accepted'; set: DesiredSet }
  | { outcome: 'stale' }
  /** Ask for the complete set: what is held cannot be what the hub thinks it is. */
  | { outcome: 'wantComplete'; reason: 'Lost' | 'OtherBase' | 'DigestMismatch' | 'MissingBody' }
  /** Nack: not even the complete set it claims to be. */
  | { outcome: 'broken'; reason: 'digest' | 'malformed'; detail: string };

export interface DesiredContext {
  /** What is on disk; null when lost. */
  held: DesiredSet | null;
  /** What was last acked, from the Secret; null before the first. */
  mark: AckedMark | null;
  /** Bodies that came earlier on this stream, by digest. */
  knownBodies: ReadonlyMap<Digest, Uint8Array>;
  sha256: Sha256;
}

export function applyDesired(message: DesiredMessage, context: DesiredContext): Verdict {
  const { held, mark, sha256 } = context;
  if (!isAcceptable(mark, message) || !isAcceptable(held?.mark ?? null, message)) return { outcome: 'stale' };
  if (!message.complete && held === null) return { outcome: 'wantComplete', reason: 'Lost' };
  if (!message.complete && held !== null && !isOnBase(message, held)) {
    return { outcome: 'wantComplete', reason: 'OtherBase' };
  }
  const base = message.complete ? new Map<string, HeldEntry>() : new Map(held?.entries);
  const problem = change(base, message, sha256);
  if (problem !== null) return { outcome: 'broken', reason: 'malformed', detail: problem };
  const digest = rootDigest(base.values(), sha256);
  if (digest !== message.digest) return differs(message, digest);
  const bodies = bodiesOf(base, message, context);
  if (bodies === null) return missingBody(message);
  const { epoch, generation } = message;
  return { outcome: 'accepted', set: { mark: { epoch, generation, digest }, entries: base, bodies } };
}

function isOnBase(message: DesiredMessage, held: DesiredSet): boolean {
  return held.mark.epoch === message.epoch && held.mark.generation === message.baseGeneration;
}

/** Applies upserts and removals to `entries`; says what makes the message broken, else null. */
function change(entries: Map<string, HeldEntry>, message: DesiredMessage, sha256: Sha256): string | null {
  for (const target of message.removals) {
    const entry = entries.get(target);
    // Nothing is deleted because something is absent: only what was on its way out may be dropped.
    const state = entry ? stateOf(entry.head) : null;
    if (state === 'Active' || state === 'Suspended') return `removal of ${target}, which is ${state}`;
    entries.delete(target);
  }
  for (const { target, head } of message.upserts) {
    const bodyDigest = bodyDigestOf(head);
    if (target === '' || bodyDigest === null) return `the head of ${JSON.stringify(target)} names no body`;
    entries.set(target, { target, head, headDigest: toHex(sha256(head)), bodyDigest });
  }
  return null;
}

/** A delta that gives another digest was made for another base; a complete set that does is broken by itself. */
function differs(message: DesiredMessage, digest: Digest): Verdict {
  if (!message.complete) return { outcome: 'wantComplete', reason: 'DigestMismatch' };
  return { outcome: 'broken', reason: 'digest', detail: `the set is ${digest}, not ${message.digest}` };
}

function missingBody(message: DesiredMessage): Verdict {
  if (!message.complete) return { outcome: 'wantComplete', reason: 'MissingBody' };
  return { outcome: 'broken', reason: 'malformed', detail: 'a head names a body that was not sent' };
}

/** The bodies that entries name, from wherever they are known; null when one is not. */
function bodiesOf(
  entries: ReadonlyMap<string, HeldEntry>,
  message: DesiredMessage,
  context: DesiredContext,
): ReadonlyMap<Digest, Uint8Array> | null {
  const sent = new Map(message.bodies.map((body) => [toHex(context.sha256(body)), body]));
  const bodies = new Map<Digest, Uint8Array>();
  for (const { bodyDigest } of entries.values()) {
    if (bodies.has(bodyDigest)) continue;
    const body =
      sent.get(bodyDigest) ?? context.held?.bodies.get(bodyDigest) ?? context.knownBodies.get(bodyDigest);
    if (body === undefined) return null;
    bodies.set(bodyDigest, body);
  }
  return bodies;
}

/** One line an entry, `sha256(head) sha256(body)` in hex, each ended by a newline, sorted by target uid. */
export function rootDigest(
  entries: Iterable<{ target: string; headDigest: Digest; bodyDigest: Digest }>,
  sha256: Sha256,
): Digest {
  const lines = [...entries]
    .sort((a, b) => compareText(a.target, b.target))
    .map((entry) => `${entry.headDigest} ${entry.bodyDigest}\n`);
  return digestOfText(sha256, lines.join(''));
}

/**
 * The hub's side: what takes a holder of `base` to `next`; `base` null gives the complete set. `sentBodies` are digests of
 * bodies that this stream has carried; a complete set carries all of its own, since whoever asks for it may have lost them.
 */
export function desiredBetween(
  base: DesiredSet | null,
  next: DesiredSet,
  sentBodies: ReadonlySet<Digest>,
): DesiredMessage {
  const upserts = [...next.entries.values()].filter(
    (entry) => base?.entries.get(entry.target)?.headDigest !== entry.headDigest,
  );
  const needed = new Set(upserts.map((entry) => entry.bodyDigest));
  const known = (digest: Digest) => base !== null && (sentBodies.has(digest) || base.bodies.has(digest));
  return {
    ...next.mark,
    baseGeneration: base?.mark.generation ?? 0,
    upserts: upserts.map(({ target, head }) => ({ target, head })),
    bodies: [...next.bodies]
      .filter(([digest]) => needed.has(digest) && !known(digest))
      .map(([, body]) => body),
    removals: base === null ? [] : [...base.entries.keys()].filter((target) => !next.entries.has(target)),
    complete: base === null,
  };
}
