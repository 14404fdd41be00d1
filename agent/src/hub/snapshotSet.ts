/** Between the desired set and its snapshot on the volume. Bytes come back as they went, or the snapshot counts as lost. */
import type { DesiredSet, HeldEntry } from '@flotilla/domain/desired/set';
import { rootDigest } from '@flotilla/domain/desired/set';
import { toHex } from '@flotilla/domain/digest/sha256';
import type { Digest } from '@flotilla/domain/digest/sha256';
import { sha256 } from '../state/sha256.ts';
import type { Snapshot } from '../state/snapshot.ts';

/** Null where bytes are no UTF-8: then they are no JSON either, and text would not give them back. */
export function setToSnapshot(set: DesiredSet): Snapshot | null {
  try {
    const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
    return {
      ...set.mark,
      entries: Array.from(set.entries.values(), ({ target, head, bodyDigest }) => ({
        target,
        head: decoder.decode(head),
        body: bodyDigest,
      })),
      bodies: Object.fromEntries(Array.from(set.bodies, ([digest, body]) => [digest, decoder.decode(body)])),
    };
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}

/** Null where the root digest does not come out: damaged, or of another version. */
export function snapshotToSet(snapshot: Snapshot): DesiredSet | null {
  const entries = new Map<string, HeldEntry>();
  for (const { target, head, body } of snapshot.entries) {
    const bytes = Buffer.from(head);
    entries.set(target, { target, head: bytes, headDigest: toHex(sha256(bytes)), bodyDigest: body });
  }
  const bodies = new Map<Digest, Uint8Array>();
  for (const [digest, text] of Object.entries(snapshot.bodies)) bodies.set(digest, Buffer.from(text));
  const { epoch, generation, digest } = snapshot;
  if (rootDigest(entries.values(), sha256) !== digest) return null;
  const complete = Array.from(entries.values()).every(({ bodyDigest }) => hasBody(bodies, bodyDigest));
  return complete ? { mark: { epoch, generation, digest }, entries, bodies } : null;
}

function hasBody(bodies: ReadonlyMap<Digest, Uint8Array>, digest: Digest): boolean {
  const body = bodies.get(digest);
  return body !== undefined && toHex(sha256(body)) === digest;
}
