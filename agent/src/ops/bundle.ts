/** The bytes of a bundle for a recovering hub that cannot render it again: its lines, uncompressed, frame by frame. */
import type { Digest } from '@flotilla/domain/digest/sha256';
import type { BundleStore } from '../state/bundles.ts';
import { AnswerError } from './answer.ts';

export async function* readBundle(bundles: BundleStore, digest: Digest): AsyncGenerator<Uint8Array> {
  const index = bundles.isComplete(digest) ? await bundles.index(digest) : null;
  if (index === null) throw new AnswerError('notFound', `this cluster does not hold bundle ${digest}`);
  for (const { digest: frameDigest } of index.frames) {
    const frame = await bundles.frame(frameDigest);
    if (frame === null) throw new AnswerError('failed', `frame ${frameDigest} is damaged`);
    yield frame;
  }
}
