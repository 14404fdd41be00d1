/** A repository's credential and webhook secret at rest: envelopes bound to their row and column, opened only to be used. */
import { z } from 'zod';

import type { Envelope } from '../platform/envelope.ts';
import type { GitCredential } from './git/messages.ts';

const text = z
  .string()
  .min(1)
  .max(4096)
  .regex(/^[^\p{Cc}]+$/u, 'must not hold control characters');

export const credentialInput = z.union([
  z.strictObject({ username: text.regex(/^[^:]+$/, 'must not hold a colon'), password: text }),
  z.strictObject({ token: text }),
]);

export type CredentialInput = z.infer<typeof credentialInput>;

export function sealCredential(
  envelope: Envelope,
  repositoryId: string,
  credential: CredentialInput,
): Buffer<ArrayBuffer> {
  const plain = Buffer.from(JSON.stringify(credential));
  return Buffer.from(
    envelope.seal({ table: 'repositories', row: repositoryId, column: 'credential' }, plain).bytes,
  );
}

/** Git servers take any user name beside a token; this one is understood by all of them. */
export function openCredential(
  envelope: Envelope,
  repositoryId: string,
  sealed: Uint8Array | null,
): GitCredential | null {
  if (sealed === null) return null;
  const plain = envelope.open({ table: 'repositories', row: repositoryId, column: 'credential' }, sealed);
  const credential = credentialInput.parse(JSON.parse(plain.toString('utf8')));
  if ('token' in credential) return { username: 'x-access-token', password: credential.token };
  return credential;
}

export function sealWebhookSecret(
  envelope: Envelope,
  repositoryId: string,
  secret: string,
): Buffer<ArrayBuffer> {
  const place = { table: 'repositories', row: repositoryId, column: 'webhook_secret' };
  return Buffer.from(envelope.seal(place, Buffer.from(secret)).bytes);
}

export function openWebhookSecret(
  envelope: Envelope,
  repositoryId: string,
  sealed: Uint8Array | null,
): Buffer | null {
  if (sealed === null) return null;
  return envelope.open({ table: 'repositories', row: repositoryId, column: 'webhook_secret' }, sealed);
}
