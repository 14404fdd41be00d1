/**
 * The one hash of the protocol, handed in by whoever calls: the domain does no IO and runs in a browser,
 * where Node's `crypto` is missing. Hub and agent pass `node:crypto`, the web its own.
 */

/** SHA-256 of bytes: 32 bytes. Must be pure and synchronous. */
export type Sha256 = (bytes: Uint8Array) => Uint8Array;

/** Lower-case hex SHA-256, 64 characters. */
export type Digest = string;

const hexOfByte = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** Lower-case hex of any bytes. */
export function toHex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += hexOfByte[byte];
  return text;
}

/** Digest of a text's UTF-8 bytes. */
export function digestOfText(sha256: Sha256, text: string): Digest {
  return toHex(sha256(new TextEncoder().encode(text)));
}
