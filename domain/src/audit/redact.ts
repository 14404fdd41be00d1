/**
 * What an audit event shows of a change: a JSON Patch from before to after in which no secret appears, neither old nor
 * new. That a secret changed is shown; to what is not.
 */
import type { Json, JsonMap } from '../object/types.ts';

/** RFC 6902 without `test`, `move` and `copy`; `from` is the old value of a `replace` or `remove`. */
export interface Change {
  op: 'add' | 'remove' | 'replace';
  path: string;
  from?: Json;
  value?: Json;
}

export const masked = '(redacted)';
const textMax = 1_024;
const changesMax = 200;

/**
 * Fields of the hub's own resources that hold secrets, whatever is in them. By name, because a new field that forgets to
 * say so must be masked rather than shown. `tokenId`, `secretName` and other ways of pointing at a secret are shown.
 */
const secret =
  /^(.*(password|passphrase|credentials?|privatekey|apikey|datakey|secrets?|pepper|cookie|authorization|bearer|hash|salt)|token|accesstoken|refreshtoken|idtoken|authtoken|kubeconfig|envelope|csr)$/;

/**
 * `undefined` on one side: all was added, or removed. At most 200 changes; one more then says how many are left out.
 * Strings are cut at 1,024 characters. Dates become RFC 3339, bytes are never shown.
 */
export function redactedChanges(before: unknown, after: unknown): Change[] {
  const changes: Change[] = [];
  compare(toJson(before), toJson(after), '', false, changes);
  if (changes.length <= changesMax) return changes;
  const left = changes.length - changesMax;
  return [
    ...changes.slice(0, changesMax),
    { op: 'add', path: '', value: `${left} more changes are left out` },
  ];
}

/** The value itself with its secrets masked, for what is shown without a before. */
export function redacted(value: unknown): Json {
  const json = toJson(value);
  return json === undefined ? null : mask(json);
}

function compare(
  before: Json | undefined,
  after: Json | undefined,
  path: string,
  isSecret: boolean,
  changes: Change[],
): void {
  if (isEqual(before, after)) return;
  if (!isSecret && isMap(before) && isMap(after)) {
    const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
    for (const key of [...keys].toSorted()) {
      const isInner = isSecretMember(before, key) || isSecretMember(after, key);
      compare(member(before, key), member(after, key), `${path}/${escaped(key)}`, isInner, changes);
    }
    return;
  }
  const shown = (value: Json): Json => (isSecret ? masked : mask(value));
  if (before === undefined && after !== undefined) changes.push({ op: 'add', path, value: shown(after) });
  else if (after === undefined && before !== undefined)
    changes.push({ op: 'remove', path, from: shown(before) });
  else if (before !== undefined && after !== undefined) {
    changes.push({ op: 'replace', path, from: shown(before), value: shown(after) });
  }
}

function mask(value: Json): Json {
  if (typeof value === 'string') return cut(withoutUserInfo(value));
  if (Array.isArray(value)) return value.map(mask);
  if (!isMap(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      isSecretMember(value, key) && inner !== null ? masked : mask(inner),
    ]),
  );
}

function isSecretMember(map: JsonMap, key: string): boolean {
  const isKubeSecret = map['kind'] === 'Secret' && (key === 'data' || key === 'stringData');
  return isKubeSecret || isSecretName(key);
}

function isSecretName(name: string): boolean {
  return secret.test(name.toLowerCase().replaceAll(/[^a-z0-9]/g, ''));
}

/** A password in a URL is one of the oldest ways to leak one. */
function withoutUserInfo(text: string): string {
  return text.replaceAll(/([a-z][a-z0-9+.-]{0,20}:\/\/)[^/?#\s@]{1,512}@/gi, `$1${masked}@`);
}

function cut(text: string): string {
  const whole = text.toWellFormed();
  return whole.length <= textMax
    ? whole
    : `${whole.slice(0, textMax).toWellFormed()}… (${whole.length} characters)`;
}

/** As it would be stored: undefined members gone, dates as text, bytes masked. */
function toJson(value: unknown): Json | undefined {
  if (value === undefined || typeof value === 'function' || typeof value === 'symbol') return undefined;
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value === 'bigint') return isSafe(value) ? Number(value) : value.toString();
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return masked;
  if (Array.isArray(value)) return value.map((item) => toJson(item) ?? null);
  const members = Object.entries(value).map(([key, inner]) => [key, toJson(inner)] as const);
  return Object.fromEntries(members.filter((entry): entry is [string, Json] => entry[1] !== undefined));
}

function isSafe(value: bigint): boolean {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) && value >= BigInt(Number.MIN_SAFE_INTEGER);
}

function isEqual(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((item, at) => isEqual(item, b[at]));
  if (!isMap(a) || !isMap(b)) return false;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length && keys.every((key) => isEqual(member(a, key), member(b, key)))
  );
}

function member(map: JsonMap, key: string): Json | undefined {
  return Object.hasOwn(map, key) ? map[key] : undefined;
}

function isMap(value: Json | undefined): value is JsonMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** RFC 6901. */
function escaped(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}
