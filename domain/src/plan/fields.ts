/** What differs between an object as it is and as a dry-run says it would be: path by path, both sides masked. */
import { canonicalText } from '../bundle/canonical.ts';
import { withoutBookkeeping } from '../diff/bookkeeping.ts';
import { jsonPatch } from '../diff/jsonPatch.ts';
import { maskPair } from '../diff/mask.ts';
import { getAt, parsePointer } from '../diff/pointer.ts';
import { digestOfText, type Sha256 } from '../digest/sha256.ts';
import type { Json, KubeObject } from '../object/types.ts';
import type { FieldChange } from './plan.ts';

/** Longer values are cut, with a mark that still tells them apart. */
export const fieldTextMax = 2_000;

/** Status and the server's bookkeeping left out. Empty: nothing would change. */
export function fieldChanges(live: KubeObject, planned: KubeObject, sha256: Sha256): FieldChange[] {
  const [before, after] = maskPair(withoutBookkeeping(live), withoutBookkeeping(planned));
  return jsonPatch(before, after).map((operation) => ({
    path: operation.path,
    before: operation.op === 'add' ? null : textAt(before, operation.path, sha256),
    after: operation.op === 'remove' ? null : cutText(canonicalText(operation.value), sha256),
  }));
}

/** Operations go through a list from the back, so that their pointers are right in the object as it was. */
function textAt(document: Json, pointer: string, sha256: Sha256): string | null {
  const value = getAt(document, parsePointer(pointer) ?? []);
  return value === undefined ? null : cutText(canonicalText(value), sha256);
}

function cutText(text: string, sha256: Sha256): string {
  if (text.length <= fieldTextMax) return text;
  const cut = text.slice(0, fieldTextMax).toWellFormed();
  return `${cut}… (${text.length} characters, sha256 ${digestOfText(sha256, text).slice(0, 12)})`;
}

const quoted = /"(?:[^"\\]|\\.)*"/g;

/** A server's refusal may quote the value that it refuses; of a Secret nothing quoted leaves the process. */
export function refusalText(kind: string, message: string): string {
  const text = message.slice(0, fieldTextMax).toWellFormed();
  return kind === 'Secret' ? text.replaceAll(quoted, '"<masked>"') : text;
}
