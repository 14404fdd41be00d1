/**
 * What this cluster holds, for a hub that came back from a backup: the accepted entries and bodies as they came, and the
 * indexes of the bundles they name. In parts, so that no message is too large; the last one says so.
 */
import { encodeIndex } from '@flotilla/domain/bundle/bundleIndex';
import { parseHead } from '@flotilla/domain/desired/parse';
import type { DesiredSet } from '@flotilla/domain/desired/set';
import type { Digest } from '@flotilla/domain/digest/sha256';
import { desiredPartBytesMax } from '@flotilla/proto/limits';
import type { AgentMessage, Holdings } from '@flotilla/proto/messages';
import type { BundleStore } from '../state/bundles.ts';

export async function* readHoldings(
  held: DesiredSet | null,
  bundles: BundleStore,
): AsyncGenerator<AgentMessage> {
  let part = emptyPart();
  let bytes = 0;
  for await (const item of itemsOf(held, bundles)) {
    const size = sizeOf(item);
    if (bytes > 0 && bytes + size > desiredPartBytesMax) {
      yield { type: 'Holdings', ...part };
      part = emptyPart();
      bytes = 0;
    }
    bytes += size;
    part.entries.push(...item.entries);
    part.bodies.push(...item.bodies);
    part.bundles.push(...item.bundles);
  }
  yield { type: 'Holdings', ...part, last: true };
}

function emptyPart(): Holdings {
  return { entries: [], bodies: [], bundles: [], last: false };
}

async function* itemsOf(held: DesiredSet | null, bundles: BundleStore): AsyncGenerator<Holdings> {
  if (held === null) return;
  for (const body of held.bodies.values()) yield { ...emptyPart(), bodies: [body] };
  const digests = new Set<Digest>();
  for (const { target, head } of held.entries.values()) {
    yield { ...emptyPart(), entries: [{ target, head }] };
    const parsed = parseHead(head);
    if (parsed.ok) digests.add(parsed.value.bundle.digest);
  }
  for (const digest of digests) {
    const index = bundles.isComplete(digest) ? await bundles.index(digest) : null;
    if (index !== null) yield { ...emptyPart(), bundles: [{ digest, index: encodeIndex(index) }] };
  }
}

function sizeOf(item: Holdings): number {
  const bytes = [
    ...item.entries.map(({ head }) => head),
    ...item.bodies,
    ...item.bundles.map(({ index }) => index),
  ];
  return bytes.reduce((sum, { length }) => sum + length + 64, 0);
}
