/**
 * Arrays as parameters in Postgres's binary form. Ten thousand rows are a few arrays, one a column; as text every element
 * would be quoted here and unquoted there, which costs more than writing the rows. Bytes of JSON go as they came.
 */

export type ElementType = keyof typeof elements;
type Scalar = string | number | bigint | boolean | Uint8Array;

interface Element {
  oid: number;
  bytes: (value: never) => number;
  write: (to: Buffer, at: number, value: never, bytes: number) => void;
}

const fixed = <T>(oid: number, size: number, write: (to: Buffer, at: number, value: T) => void): Element => ({
  oid,
  bytes: () => size,
  write,
});

const elements = {
  bool: fixed<boolean>(16, 1, (to, at, value) => to.writeUInt8(value ? 1 : 0, at)),
  bytea: {
    oid: 17,
    bytes: (value: Uint8Array) => value.byteLength,
    write: (to: Buffer, at: number, value: Uint8Array) => to.set(value, at),
  },
  int8: fixed<number | bigint>(20, 8, writeInt8),
  int4: fixed<number>(23, 4, (to, at, value) => to.writeInt32BE(value, at)),
  text: {
    oid: 25,
    bytes: (value: string) => Buffer.byteLength(value),
    write: (to: Buffer, at: number, value: string) => void to.write(value, at),
  },
  float8: fixed<number>(701, 8, (to, at, value) => to.writeDoubleBE(value, at)),
  /** Epoch milliseconds. */
  timestamptz: fixed<number>(1184, 8, (to, at, value) =>
    to.writeBigInt64BE(BigInt(Math.round((value - postgresEpochMs) * 1000)), at),
  ),
  uuid: fixed<string>(2950, 16, writeUuid),
  /** JSON as text or as its UTF-8. A version byte comes first. */
  jsonb: {
    oid: 3802,
    bytes: (value: string | Uint8Array) =>
      1 + (typeof value === 'string' ? Buffer.byteLength(value) : value.byteLength),
    write: (to: Buffer, at: number, value: string | Uint8Array) => {
      to.writeUInt8(1, at);
      if (typeof value === 'string') to.write(value, at + 1);
      else to.set(value, at + 1);
    },
  },
} satisfies Record<string, Element>;

/** Numbers in two halves: most are small, and a bigint of each would be made only to be thrown away. */
function writeInt8(to: Buffer, at: number, value: number | bigint): void {
  if (typeof value === 'bigint') return void to.writeBigInt64BE(value, at);
  if (!Number.isSafeInteger(value)) throw new TypeError(`${value} is no safe integer`);
  to.writeInt32BE(Math.floor(value / 0x100000000), at);
  to.writeUInt32BE(value >>> 0, at + 4);
}

/** Digit by digit: with a string of its digits alone made for each, ids took longer than all else that is written. */
function writeUuid(to: Buffer, at: number, value: string): void {
  let place = at;
  for (let from = 0; from < value.length; from += 2) {
    if (value.charCodeAt(from) === hyphen) from++;
    const byte = (digitAt(value, from) << 4) | digitAt(value, from + 1);
    if (byte < 0 || place === at + 16) throw new TypeError(`"${value}" is no UUID`);
    to[place++] = byte;
  }
  if (place !== at + 16) throw new TypeError(`"${value}" is no UUID`);
}

const hyphen = 0x2d;

/** -1: it is none. */
function digitAt(text: string, at: number): number {
  const code = text.charCodeAt(at);
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

/** 2000-01-01, from which Postgres counts. */
const postgresEpochMs = 946_684_800_000;
const headerBytes = 20;

/** For a parameter that is cast to `type[]`. */
export function pgArray(type: ElementType, values: readonly (Scalar | null | undefined)[]): Buffer {
  const { oid, bytes, write } = elements[type] as Element;
  const sizes = values.map((value) => (value === null || value === undefined ? -1 : bytes(value as never)));
  const total = sizes.reduce((sum, size) => sum + 4 + Math.max(size, 0), headerBytes);
  const to = Buffer.allocUnsafe(total);
  to.writeInt32BE(1, 0);
  to.writeInt32BE(1, 4);
  to.writeInt32BE(oid, 8);
  to.writeInt32BE(values.length, 12);
  to.writeInt32BE(1, 16);
  let at = headerBytes;
  sizes.forEach((size, index) => {
    to.writeInt32BE(size, at);
    at += 4;
    if (size < 0) return;
    write(to, at, values[index] as never, size);
    at += size;
  });
  return to;
}

export type Column<Row> = readonly [type: ElementType, of: (row: Row) => Scalar | null | undefined];

/** One parameter a column. */
export function pgColumns<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): Buffer[] {
  return columns.map(([type, of]) => pgArray(type, rows.map(of)));
}
