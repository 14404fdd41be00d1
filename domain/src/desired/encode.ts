/** Head and body → the bytes that travel and are hashed: RFC 8785 JSON, encoded once by the hub and never again by anyone. */
import { canonicalBytes, canonicalText } from '../bundle/canonical.ts';
import type { Body, Head, HeadOperation } from './entry.ts';

export function encodeHead(head: Head): Uint8Array {
  return canonicalBytes(head);
}

/**
 * The same bytes as `encodeHead`, of heads that are mostly one like the other: a wave gives thousands of targets the same
 * under another number. What the one before had as well is not encoded again.
 */
export function encodeHeads(heads: readonly Head[]): Uint8Array[] {
  const encoder = new TextEncoder();
  let last: { head: Head; text: string } | null = null;
  return heads.map((head) => {
    const shared: string = last !== null && isAlike(last.head, head) ? last.text : sharedText(head);
    last = { head, text: shared };
    const own = `{"assignment":${canonicalText(head.assignment)},${shared},`;
    return encoder.encode(`${own}"target":${canonicalText(head.target)}}`);
  });
}

/** All members but the first and the last in the order of RFC 8785, which are the target's own. */
function sharedText({ assignment: _assignment, target: _target, ...shared }: Head): string {
  return canonicalText(shared).slice(1, -1);
}

/** Whether two heads have the same there; the type asks for every member, so that a new one cannot be forgotten. */
const alike = Object.values({
  revision: (a, b) => a.revision === b.revision,
  bundle: (a, b) => a.bundle.digest === b.bundle.digest && a.bundle.sizeBytes === b.bundle.sizeBytes,
  body: (a, b) => a.body === b.body,
  deletesMax: (a, b) => a.deletesMax === b.deletesMax,
  state: (a, b) => a.state === b.state,
  removal: (a, b) => a.removal === b.removal,
  operation: (a, b) => isOrdinary(a.operation) && isOrdinary(b.operation),
} satisfies Record<Exclude<keyof Head, 'assignment' | 'target'>, (a: Head, b: Head) => boolean>);

function isAlike(a: Head, b: Head): boolean {
  return alike.every((isSame) => isSame(a, b));
}

function isOrdinary(operation: HeadOperation): boolean {
  return Object.keys(operation).length === 0;
}

export function encodeBody(body: Body): Uint8Array {
  return canonicalBytes(body);
}
