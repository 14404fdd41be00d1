/**
 * Encryption of what lies on the volume: AES-256-GCM under a key from the agent's Secret, bound to the name of what is
 * sealed, so that a torn, foreign or swapped file does not open.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

const magic = Buffer.from('FLS1');
const ivBytes = 12;
const tagBytes = 16;

export function newSealKey(): Buffer {
  return randomBytes(32);
}

export function seal(key: Uint8Array, name: string, plain: Uint8Array): Buffer {
  const iv = randomBytes(ivBytes);
  const cipher = createCipheriv('aes-256-gcm', key, iv);
  cipher.setAAD(Buffer.from(name));
  const body = Buffer.concat([cipher.update(plain), cipher.final()]);
  return Buffer.concat([magic, iv, cipher.getAuthTag(), body]);
}

/** Null when it was not sealed with this key under this name, or is damaged. */
export function unseal(key: Uint8Array, name: string, sealed: Buffer): Buffer | null {
  const head = magic.length + ivBytes + tagBytes;
  if (sealed.length < head || !sealed.subarray(0, magic.length).equals(magic)) return null;
  const iv = sealed.subarray(magic.length, magic.length + ivBytes);
  const decipher = createDecipheriv('aes-256-gcm', key, iv);
  decipher.setAAD(Buffer.from(name));
  decipher.setAuthTag(sealed.subarray(magic.length + ivBytes, head));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(head)), decipher.final()]);
  } catch {
    return null;
  }
}
