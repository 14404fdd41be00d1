/**
 * What an audit event shows of a change: a JSON Patch from before to after in which no secret appears, neither old nor
 * new. That a secret changed is shown; to what is not.
 */
import type { Json } from '../object/types.ts';

/** RFC 6902 without `test`, `move` and `copy`; `from` is the old value of a `replace` or `remove`. */
export interface Change {
  op: 'add' | 'remove' | 'replace';
  path: string;
  from?: Json;
  value?: Json;
}

export const masked = '(redacted)';

/** Both undefined or equal: no change. Strings are cut at 1,024 characters and a patch at 200 changes, the last of which then says how many are left out. */
export declare function redactedChanges(before: unknown, after: unknown): Change[];
