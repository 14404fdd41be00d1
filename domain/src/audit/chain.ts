/**
 * The audit chain: each seal is a hash over the seal before it, the event and its place, so that no event can be changed,
 * taken out, put in or moved without every later seal showing it.
 *
 * event hash = SHA-256(canonical event) · hash = SHA-256(prev ‖ event hash ‖ seq as 8 bytes, big endian); seq counts
 * from 1 without gaps; the first `prev` is 32 zero bytes.
 */
import { canonicalBytes } from '../bundle/canonical.ts';
import { toHex, type Digest, type Sha256 } from '../digest/sha256.ts';
import type { AuditEventRecord } from './event.ts';

export const genesis: Digest = '0'.repeat(64);

export interface Seal {
  seq: bigint;
  eventId: string;
  prev: Digest;
  hash: Digest;
}

/** A seal with its event; null: the event's row is gone. */
export interface SealedEvent {
  seal: Seal;
  event: AuditEventRecord | null;
}

/** Where a page begins: the seal before its first. */
export interface ChainPosition {
  seq: bigint;
  hash: Digest;
}

export const chainStart: ChainPosition = { seq: 0n, hash: genesis };

export type ChainVerdict =
  | { type: 'good'; upTo: ChainPosition }
  | { type: 'tampered'; seq: bigint; reason: string }
  /** Good as far as it is sealed; so many events are not sealed yet. */
  | { type: 'incomplete'; upTo: ChainPosition; unsealed: number };

/** The bytes that are hashed: every field, as RFC 8785 JSON. */
export function canonicalEvent(event: AuditEventRecord): Uint8Array {
  const { id, at, actorKind, actorId, authMethod, ip, action, resourceKind, resourceId, resourceName } =
    event;
  const { projectId, changes, reason, correlationId, outcome } = event;
  const who = { actorKind, actorId, authMethod, ip };
  const what = { action, resourceKind, resourceId, resourceName, projectId, changes, outcome };
  return canonicalBytes({ id, at, ...who, ...what, reason, correlationId });
}

/** The seal that follows `after`. */
export function sealOf(sha256: Sha256, after: ChainPosition, event: AuditEventRecord): Seal {
  const seq = after.seq + 1n;
  const hash = sealHash(sha256, after.hash, sha256(canonicalEvent(event)), seq);
  return { seq, eventId: event.id, prev: after.hash, hash };
}

/**
 * Verifies one page, in order of seq, that continues `after`. Verify a whole chain page by page with the returned
 * `upTo`; pass `unsealed` (events without a seal) with the last page, 0 before.
 */
export function verifyPage(
  sha256: Sha256,
  after: ChainPosition,
  page: readonly SealedEvent[],
  unsealed: number,
): ChainVerdict {
  let upTo = after;
  for (const entry of page) {
    const reason = faultOf(sha256, upTo, entry);
    if (reason !== '') return { type: 'tampered', seq: upTo.seq + 1n, reason };
    upTo = { seq: entry.seal.seq, hash: entry.seal.hash };
  }
  return unsealed > 0 ? { type: 'incomplete', upTo, unsealed } : { type: 'good', upTo };
}

/** What is wrong with the entry as the one after `after`; '' when nothing is. */
function faultOf(sha256: Sha256, after: ChainPosition, { seal, event }: SealedEvent): string {
  if (seal.seq !== after.seq + 1n) return `seal ${after.seq + 1n} is missing`;
  if (seal.prev !== after.hash) return 'the seal does not continue the one before it';
  if (event === null) return 'the event is gone';
  if (event.id !== seal.eventId) return 'the seal names another event';
  const hash = sealHash(sha256, seal.prev, sha256(canonicalEvent(event)), seal.seq);
  return hash === seal.hash ? '' : 'the event is not what was sealed';
}

function sealHash(sha256: Sha256, prev: Digest, eventHash: Uint8Array, seq: bigint): Digest {
  const bytes = new Uint8Array(72);
  bytes.set(fromHex(prev), 0);
  bytes.set(eventHash, 32);
  new DataView(bytes.buffer).setBigUint64(64, seq);
  return toHex(sha256(bytes));
}

function fromHex(digest: Digest): Uint8Array {
  const bytes = new Uint8Array(32);
  for (let at = 0; at < 32; at++) bytes[at] = Number.parseInt(digest.slice(at * 2, at * 2 + 2), 16);
  return bytes;
}
