/** Head and body → the bytes that travel and are hashed: RFC 8785 JSON, encoded once by the hub and never again by anyone. */
import { canonicalBytes } from '../bundle/canonical.ts';
import type { Body, Head } from './entry.ts';

export function encodeHead(head: Head): Uint8Array {
  return canonicalBytes(head);
}

export function encodeBody(body: Body): Uint8Array {
  return canonicalBytes(body);
}
