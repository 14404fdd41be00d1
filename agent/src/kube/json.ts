/**
 * Reading an API server's JSON without losing digits: integers beyond 2^53 become `bigint`, so that a 64-bit
 * field compares as what it is. Texts without a long run of digits take the fast path.
 */

const longDigits = /\d{16}/;
const integer = /^-?\d+$/;

type ReviverContext = { source?: string } | undefined;

/** Parses; throws a SyntaxError on malformed text. */
export function parseJson(text: string): unknown {
  if (!longDigits.test(text)) return JSON.parse(text) as unknown;
  return JSON.parse(text, keepDigits as (key: string, value: unknown) => unknown) as unknown;
}

function keepDigits(_key: string, value: unknown, context: ReviverContext): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
  const source = context?.source;
  return source !== undefined && integer.test(source) ? BigInt(source) : value;
}
