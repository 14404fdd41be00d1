/** The little that a set must know of a head it may otherwise not understand: its body's digest and its state. */
import { parseJson } from '../bundle/canonical.ts';
import type { Digest } from '../digest/sha256.ts';
import { isMap } from '../object/metadata.ts';
import type { Json } from '../object/types.ts';
import type { HeadState } from './entry.ts';

export const headStates = ['Active', 'Suspended', 'Removing'] as const satisfies readonly HeadState[];
export const digestForm = /^[0-9a-f]{64}$/;

/** @throws SyntaxError or TypeError for bytes that are no JSON in UTF-8 */
export function decodeBytes(bytes: Uint8Array): Json {
  return parseJson(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
}

/** Only what the root digest needs of a head: the digest of its body. Null for bytes that name none. */
export function bodyDigestOf(head: Uint8Array): Digest | null {
  const body = memberOf(head, 'body');
  return typeof body === 'string' && digestForm.test(body) ? body : null;
}

/** Null for a head that cannot be read or whose state this version does not know. */
export function stateOf(head: Uint8Array): HeadState | null {
  const state = memberOf(head, 'state');
  return headStates.find((known) => known === state) ?? null;
}

function memberOf(head: Uint8Array, name: string): Json | undefined {
  try {
    const value = decodeBytes(head);
    return isMap(value) ? value[name] : undefined;
  } catch {
    return undefined;
  }
}
