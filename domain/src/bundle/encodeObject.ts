/**
 * One object as a bundle holds it: its canonical line and what is asked of that line. It depends on nothing but the
 * object, so that whoever keeps it encodes an object again only when it changed.
 */
import type { Digest } from '../digest/sha256.ts';
import { identityKey, identityOf } from '../object/identity.ts';
import type { Identity } from '../object/types.ts';
import type { SourcedObject } from '../object/validate.ts';
import { CanonicalError, canonicalText } from './canonical.ts';

export interface EncodedObject {
  identity: Identity;
  key: string;
  source: string;
  /** RFC 8785, without a newline. */
  line: string;
  /** Of the line's UTF-8, with its newline. */
  bytes: number;
  /** Of the line without its newline. */
  digest: Digest;
  /** A frame ends before this object, whatever stands around it. */
  beginsFrame: boolean;
}

export type EncodeResult =
  | { ok: true; object: EncodedObject }
  | { ok: false; error: { problem: 'NotCanonical'; identity: Identity; source: string; message: string } };

/** SHA-256 of a text's UTF-8. */
export type DigestOf = (text: string) => Digest;

export function encodeObject({ object, source }: SourcedObject, digestOf: DigestOf): EncodeResult {
  const identity = identityOf(object);
  const key = identityKey(identity);
  try {
    const line = canonicalText(object);
    const [bytes, digest] = [byteLength(line) + 1, digestOf(line)];
    return {
      ok: true,
      object: { identity, key, source, line, bytes, digest, beginsFrame: beginsFrame(key, digestOf) },
    };
  } catch (error) {
    if (!(error instanceof CanonicalError)) throw error;
    return { ok: false, error: { problem: 'NotCanonical', identity, source, message: error.message } };
  }
}

/** One identity in sixteen begins a frame, whatever stands around it: its SHA-256 begins with four zero bits. */
export function beginsFrame(key: string, digestOf: DigestOf): boolean {
  return digestOf(key).startsWith('0');
}

const encoder = new TextEncoder();
const ascii = /^[\u0000-\u007f]*$/;

function byteLength(text: string): number {
  return ascii.test(text) ? text.length : encoder.encode(text).length;
}
