/** Quantities in the one form in which the API server writes them: `0.5` is `500m`, `1024Mi` is `1Gi`. */

const PATTERN = /^([+-]?)(\d*)(?:\.(\d*))?(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]|[eE][+-]?\d+)?$/;
const BINARY = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
const DECIMAL: Record<string, number> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };
const NANO = 1_000_000_000n;

interface Parsed {
  sign: string;
  suffix: string;
  nano: bigint;
}

function parsed(value: string | number): Parsed | undefined {
  const match = PATTERN.exec(String(value).trim());
  if (match === null) return undefined;
  const [, sign = '', whole = '', fraction = '', suffix = ''] = match;
  if (whole === '' && fraction === '') return undefined;
  const power = BINARY.indexOf(suffix);
  const nano =
    power > 0 ? binaryNano(whole, fraction, power) : decimalNano(whole, fraction, exponentOf(suffix));
  return { sign, suffix, nano };
}

/** For comparing; undefined for what is no quantity. */
export function quantityNano(value: string | number): bigint | undefined {
  const quantity = parsed(value);
  if (quantity === undefined) return undefined;
  return quantity.sign === '-' ? -quantity.nano : quantity.nano;
}

/** The canonical form; undefined for what is no quantity. */
export function canonicalQuantity(value: string | number): string | undefined {
  const quantity = parsed(value);
  if (quantity === undefined) return undefined;
  const { sign, suffix, nano } = quantity;
  if (nano === 0n) return '0';
  const prefix = sign === '-' ? '-' : '';
  if (BINARY.indexOf(suffix) > 0 && nano >= 1024n * NANO && nano % NANO === 0n)
    return prefix + binaryText(nano / NANO);
  return prefix + decimalText(nano, /^[eE]/.test(suffix));
}

function exponentOf(suffix: string): number {
  return /^[eE][+-]?\d/.test(suffix) ? Number(suffix.slice(1)) : (DECIMAL[suffix] ?? 0);
}

function binaryNano(whole: string, fraction: string, power: number): bigint {
  const scaled = BigInt(`${whole}${fraction}` || '0') * 1024n ** BigInt(power) * NANO;
  return roundedUp(scaled, 10n ** BigInt(fraction.length));
}

function decimalNano(whole: string, fraction: string, exponent: number): bigint {
  const digits = BigInt(`${whole}${fraction}` || '0');
  const shift = exponent - fraction.length + 9;
  return shift >= 0 ? digits * 10n ** BigInt(shift) : roundedUp(digits, 10n ** BigInt(-shift));
}

function roundedUp(value: bigint, divisor: bigint): bigint {
  return (value + divisor - 1n) / divisor;
}

function binaryText(units: bigint): string {
  let [rest, power] = [units, 0];
  while (rest % 1024n === 0n && power < BINARY.length - 1) [rest, power] = [rest / 1024n, power + 1];
  return `${rest}${BINARY[power]}`;
}

function decimalText(nano: bigint, isExponent: boolean): string {
  let [rest, exponent] = [nano, -9];
  while (rest % 1000n === 0n && exponent < 18) [rest, exponent] = [rest / 1000n, exponent + 3];
  const suffix = Object.entries(DECIMAL).find(([, power]) => power === exponent)?.[0] ?? '';
  if (isExponent && exponent !== 0) return `${rest}e${exponent}`;
  return `${rest}${suffix}`;
}
