/**
 * Plain scalars as Kubernetes reads them: the rules of sigs.k8s.io/yaml (YAML 1.1 as Go's yaml.v2 has it), found by
 * asking that library. `yes` is true, `0777` is 511, a date is text, and integers keep their digits up to 64 bits.
 */

export type Scalar = null | boolean | number | bigint | string;
/** `notJson`: a number that JSON cannot hold. */
export type Resolved = { ok: true; value: Scalar } | { ok: false; problem: 'notJson' };

const words = new Map<string, Scalar>();
for (const word of ['', '~', 'null', 'Null', 'NULL']) words.set(word, null);
for (const word of ['y', 'Y', 'yes', 'Yes', 'YES', 'on', 'On', 'ON', 'true', 'True', 'TRUE'])
  words.set(word, true);
for (const word of ['n', 'N', 'no', 'No', 'NO', 'off', 'Off', 'OFF', 'false', 'False', 'FALSE'])
  words.set(word, false);

const notNumbers = /^([-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$/;
const floatForm = /^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/;
const int64Min = -(2n ** 63n);
const uint64Max = 2n ** 64n - 1n;

const wordLengthMax = Math.max(...[...words.keys()].map(({ length }) => length));

/** An unquoted scalar without a tag. */
export function resolvePlain(text: string): Resolved {
  // Most values: text that begins with a letter and is too long for a word.
  if (text.length > wordLengthMax && /^[A-Za-z]/.test(text)) return { ok: true, value: text };
  const word = words.get(text);
  if (word !== undefined) return { ok: true, value: word };
  if (notNumbers.test(text)) return { ok: false, problem: 'notJson' };
  const [first = ''] = text;
  if (first === '.') return { ok: true, value: floatForm.test(text) ? floatOf(text) : text };
  if (!/[-+0-9]/.test(first)) return { ok: true, value: text };
  const digits = text.replaceAll('_', '');
  const integer = integerOf(digits);
  if (integer !== null) return { ok: true, value: narrow(integer) };
  const float = floatForm.test(digits) ? floatOf(digits) : null;
  return { ok: true, value: typeof float === 'number' ? float : text };
}

/** Beyond what a double holds it stays the text it was. */
function floatOf(text: string): number | string {
  const value = Number(text.replace(/^\+/, ''));
  return Number.isFinite(value) ? value : text;
}

/** Bases as Go's ParseInt takes them: 0x, 0o, 0b, and a leading zero for octal; null outside of 64 bits. */
function integerOf(text: string): bigint | null {
  const match = /^([-+]?)(0[xX][0-9a-fA-F]+|0[oO][0-7]+|0[bB][01]+|0[0-7]*|[1-9][0-9]*)$/.exec(text);
  if (match === null) return null;
  const [, sign, digits = ''] = match;
  const octal = /^0[0-7]+$/.test(digits) ? `0o${digits.slice(1)}` : digits;
  const magnitude = BigInt(octal);
  const value = sign === '-' ? -magnitude : magnitude;
  return value < int64Min || value > uint64Max ? null : value;
}

function narrow(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
