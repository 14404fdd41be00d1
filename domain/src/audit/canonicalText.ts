/**
 * One text for one value: object keys sorted by UTF-16 code units, no white space, `JSON.stringify`'s form of strings and
 * numbers (RFC 8785). What JSON cannot say (undefined members) is left out.
 */
import type { Json } from '../object/types.ts';

export function canonicalText(value: Json): string {
  if (value === null) return 'null';
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(',')}]`;
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, member]) => `${JSON.stringify(key)}:${canonicalText(member)}`);
  return `{${members.join(',')}}`;
}
