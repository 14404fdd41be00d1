/**
 * Tokens as people copy them: `flt_<kind>_<id>_<secret><checksum>`. The id is public and names the row; the secret has
 * 256 bits; the checksum tells a mistyped or cut token from a wrong one, and lets scanners find leaked ones.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

export type TokenKind = 'api' | 'reg';

export interface MintedToken {
  id: string;
  secret: string;
  /** Shown once. */
  text: string;
}

const alphabet = '0123456789abcdefghijklmnopqrstuvwxyz';
const idLength = 12;
const checksumLength = 6;
/** 50 digits of base 36 hold 256 bits. */
const secretLength = 50;
const pattern = new RegExp(
  `^flt_(api|reg)_([0-9a-z]{${idLength}})_([0-9a-z]{${secretLength}})([0-9a-z]{${checksumLength}})$`,
);

export function mintToken(kind: TokenKind): MintedToken {
  const id = digits(randomBytes(16), idLength);
  const secret = digits(randomBytes(48), secretLength);
  return { id, secret, text: `flt_${kind}_${id}_${secret}${checksumOf(kind, id, secret)}` };
}

/** Null: not a token of this kind, or one that was mistyped. */
export function parseToken(kind: TokenKind, text: string): { id: string; secret: string } | null {
  const match = pattern.exec(text.trim());
  const [, itsKind, id, secret, checksum] = match ?? [];
  if (itsKind !== kind || id === undefined || secret === undefined) return null;
  return checksumOf(kind, id, secret) === checksum ? { id, secret } : null;
}

/** Compares hashes in constant time. */
export function sameHash(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

function checksumOf(kind: TokenKind, id: string, secret: string): string {
  return digits(createHash('sha256').update(`${kind}_${id}_${secret}`).digest(), checksumLength);
}

/** The lowest digits of a number to base 36. */
function digits(bytes: Uint8Array, count: number): string {
  let value = BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
  let text = '';
  for (let at = 0; at < count; at++) {
    text = alphabet.charAt(Number(value % 36n)) + text;
    value /= 36n;
  }
  return text;
}
