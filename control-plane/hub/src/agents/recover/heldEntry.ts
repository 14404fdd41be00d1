/** What a recovering cluster holds, read from the bytes that it sent: pure. */
import { parseBody, parseHead } from '@flotilla/domain/desired/parse';
import type { Body, Head } from '@flotilla/domain/desired/entry';
import type { Digest } from '@flotilla/domain/digest/sha256';

export interface HeldEntry {
  head: Head;
  headBytes: Uint8Array;
  body: Body;
  bodyBytes: Uint8Array;
}

export type ReadEntry = { ok: true; entry: HeldEntry } | { ok: false; target: string; reason: string };

export function readEntry(
  { target, head: headBytes }: { target: string; head: Uint8Array },
  bodies: ReadonlyMap<Digest, Uint8Array>,
): ReadEntry {
  const head = parseHead(headBytes);
  if (!head.ok) return { ok: false, target, reason: head.reason };
  const bodyBytes = bodies.get(head.value.body);
  if (bodyBytes === undefined) return { ok: false, target, reason: 'its body did not come' };
  const body = parseBody(bodyBytes);
  if (!body.ok) return { ok: false, target, reason: body.reason };
  return { ok: true, entry: { head: head.value, headBytes, body: body.value, bodyBytes } };
}

/** A revision as the database knows it, for finding the one that a held bundle belongs to. */
export interface KnownRevision {
  id: string;
  number: number;
  /** Made again from what another cluster held: its commit is not known. */
  isLost: boolean;
  variants: { id: string; bundle: string | null }[];
}

export type RevisionChoice =
  /** `number` is another than the revision's where the hub made it again under a lower one. */
  | { choice: 'known'; revision: KnownRevision; variantId: string; number: number }
  /** It was made again already, from a cluster that held another bundle of it: this one is one of its variants. */
  | { choice: 'lostVariant'; revision: KnownRevision; number: number }
  /** The database lost it: it is made again under this number. */
  | { choice: 'lost'; number: number };

/**
 * By number and bundle, else by bundle alone, and then under the held number if that is above all known ones: numbers go
 * on above the highest seen. A number that now means something else is not reused.
 */
export function chooseRevision(
  revisions: readonly KnownRevision[],
  held: { number: number; bundle: Digest },
): RevisionChoice {
  const withBundle = revisions.flatMap((revision) =>
    revision.variants
      .filter(({ bundle }) => bundle === held.bundle)
      .map(({ id }) => ({ choice: 'known' as const, revision, variantId: id, number: revision.number })),
  );
  const exact = withBundle.find(({ revision }) => revision.number === held.number);
  if (exact) return exact;
  const numbers = revisions.map(({ number }) => number);
  const isAbove = held.number > Math.max(0, ...numbers);
  if (withBundle[0]) return isAbove ? { ...withBundle[0], number: held.number } : withBundle[0];
  const lost = revisions.find(({ number, isLost }) => isLost && number === held.number);
  if (lost) return { choice: 'lostVariant', revision: lost, number: held.number };
  const isFree = !numbers.includes(held.number);
  return { choice: 'lost', number: isFree ? held.number : Math.max(held.number, ...numbers) + 1 };
}
