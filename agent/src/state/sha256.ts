/** The protocol's one hash, by Node. */
import { createHash, hash } from 'node:crypto';
import type { RunningSha256 } from '@flotilla/domain/bundle/read';
import type { Digest } from '@flotilla/domain/digest/sha256';

export function sha256(bytes: Uint8Array): Uint8Array {
  return hash('sha256', bytes, 'buffer');
}

export function runningSha256(): RunningSha256 {
  const running = createHash('sha256');
  return {
    update: (bytes) => {
      running.update(bytes);
    },
    digest: () => running.digest(),
  };
}

/** A digest cut to as many bits as a fingerprint has. */
export function printOfDigest(digest: Digest): string {
  return Buffer.from(digest, 'hex').toString('base64url', 0, 16);
}

/** 128 bits of SHA-256 in 22 characters: to tell texts apart in memory, where a full digest for each object is dear. */
export function fingerprintOf(text: string): string {
  return hash('sha256', text, 'buffer').toString('base64url', 0, 16);
}
