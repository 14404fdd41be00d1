/**
 * Checks of single fields as they come off the wire. Each returns the value in the domain's type or throws a
 * `WireError` that names the field; none of them quotes the value, which is untrusted.
 */
import { type Digest, toHex } from '@flotilla/domain/digest/sha256';
import { type Timestamp, timestampDate, timestampFromDate } from '@bufbuild/protobuf/wkt';
import { longTextMax, shortTextMax } from '../limits.ts';
import { WireError } from '../wireError.ts';

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const digestPattern = /^[0-9a-f]{64}$/;
const digestBytes = 32;

/** A UUID in lower case with hyphens. */
export function readUuid(field: string, value: string): string {
  if (!uuidPattern.test(value)) throw new WireError(field, 'not a uuid');
  return value;
}

/** A UUID, or '' for none. */
export function readUuidOrEmpty(field: string, value: string): string {
  return value === '' ? value : readUuid(field, value);
}

export function readDigest(field: string, bytes: Uint8Array): Digest {
  if (bytes.length !== digestBytes) throw new WireError(field, 'a digest has 32 bytes');
  return toHex(bytes);
}

/** No bytes are no digest. */
export function readDigestOrNull(field: string, bytes: Uint8Array): Digest | null {
  return bytes.length === 0 ? null : readDigest(field, bytes);
}

export function writeDigest(field: string, digest: Digest): Uint8Array {
  if (!digestPattern.test(digest)) throw new WireError(field, 'not a lower-case hex sha-256');
  return Buffer.from(digest, 'hex');
}

/** A counter: 0 or more, and never above what a double holds exactly. */
export function readCounter(field: string, value: bigint): bigint {
  if (value < 0n || value > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new WireError(field, 'a counter is between 0 and 2^53 - 1');
  }
  return value;
}

/** As `readCounter`, where the domain counts in numbers. */
export function readCount(field: string, value: bigint): number {
  return Number(readCounter(field, value));
}

export function writeCount(field: string, value: number): bigint {
  if (!Number.isSafeInteger(value) || value < 0)
    throw new WireError(field, 'a counter is between 0 and 2^53 - 1');
  return BigInt(value);
}

/** A size or position: 0 to `max`. */
export function readSize(field: string, value: bigint | number, max: number): number {
  const size = Number(value);
  if (!Number.isInteger(size) || size < 0) throw new WireError(field, 'not a size');
  if (size > max) throw new WireError(field, `above ${String(max)}`);
  return size;
}

/** Milliseconds of an interval or delay: up to one day. */
export function readDelayMs(field: string, value: bigint | number): number {
  return readSize(field, value, 24 * 3600 * 1000);
}

export function readShortText(field: string, value: string): string {
  if (value === '') throw new WireError(field, 'is empty');
  return readText(field, value, shortTextMax);
}

/** May be empty. */
export function readText(field: string, value: string, charactersMax = longTextMax): string {
  if (value.length > charactersMax)
    throw new WireError(field, `longer than ${String(charactersMax)} characters`);
  return value;
}

export function readBytes(field: string, value: Uint8Array, bytesMax: number): Uint8Array {
  if (value.length > bytesMax) throw new WireError(field, `longer than ${String(bytesMax)} bytes`);
  return value;
}

export function readFilledBytes(field: string, value: Uint8Array, bytesMax: number): Uint8Array {
  if (value.length === 0) throw new WireError(field, 'is empty');
  return readBytes(field, value, bytesMax);
}

export function readList<In, Out>(
  field: string,
  items: readonly In[],
  itemsMax: number,
  read: (field: string, item: In) => Out,
): Out[] {
  if (items.length > itemsMax) throw new WireError(field, `more than ${String(itemsMax)} items`);
  return items.map((item, index) => read(`${field}[${String(index)}]`, item));
}

export function readTime(field: string, value: Timestamp | undefined): Date {
  const time = readTimeOrNull(field, value);
  if (time === null) throw new WireError(field, 'is missing');
  return time;
}

export function readTimeOrNull(field: string, value: Timestamp | undefined): Date | null {
  if (value === undefined) return null;
  const time = timestampDate(value);
  if (Number.isNaN(time.getTime())) throw new WireError(field, 'not a time');
  return time;
}

/** Whole milliseconds, as everything here keeps them. */
export function writeTime(time: Date): Timestamp {
  return timestampFromDate(time);
}

export function writeTimeOrAbsent(time: Date | null): Timestamp | undefined {
  return time === null ? undefined : timestampFromDate(time);
}

/** A message field that must be there. */
export function readPresent<T>(field: string, value: T | undefined): T {
  if (value === undefined) throw new WireError(field, 'is missing');
  return value;
}
