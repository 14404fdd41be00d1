/**
 * RFC 8785 (JSON Canonicalization Scheme): one value, one sequence of bytes. Everything that is hashed or signed goes
 * through here. One extension: integers beyond 2^53 are kept digit by digit as `bigint`, where the RFC would round them.
 */
import type { Json } from '../object/types.ts';

/** A value that JSON cannot hold: NaN, an infinity, a lone surrogate, or what is no JSON at all. */
export class CanonicalError extends Error {
  override readonly name = 'CanonicalError';
  readonly path: string;
  constructor(message: string, path: string) {
    super(`${message} at ${path === '' ? 'the root' : path}`);
    this.path = path;
  }
}

/** @throws CanonicalError */
export declare function canonicalText(value: Json | object): string;
/** UTF-8 of `canonicalText`. @throws CanonicalError */
export declare function canonicalBytes(value: Json | object): Uint8Array;
/** Parses JSON, keeping integers beyond 2^53 as bigint. @throws SyntaxError */
export declare function parseJson(text: string): Json;
