/**
 * Credentials at rest: AES-256-GCM under the hub's key, bound by its AAD to the row and column it was written for, so that
 * an envelope copied elsewhere does not open. The key file has one `<version> <base64 of 32 bytes>` a line; the highest
 * version seals, all of them open. The lowest version is also where the pepper of token hashes and the key that signs
 * audit checkpoints come from: keep its line as long as either lives.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createPrivateKey,
  createPublicKey,
  hkdfSync,
  randomBytes,
  type KeyObject,
} from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { ConfigError } from './config.ts';

/** Where an envelope lives. */
export interface EnvelopePlace {
  table: string;
  row: string;
  column: string;
}

export interface Sealed {
  bytes: Uint8Array<ArrayBuffer>;
  keyVersion: number;
}

export class EnvelopeError extends Error {
  override readonly name = 'EnvelopeError';
  readonly place: EnvelopePlace;

  constructor(place: EnvelopePlace, problem: string, options?: ErrorOptions) {
    super(`${place.table}.${place.column} of ${place.row}: ${problem}`, options);
    this.place = place;
  }
}

const formatVersion = 1;
const headerBytes = 5;
const ivBytes = 12;
const tagBytes = 16;
const keyBytes = 32;
/** PKCS#8 wrapping of a raw Ed25519 seed. */
const ed25519Prefix = Buffer.from('302e020100300506032b657004220420', 'hex');

export class Envelope {
  private readonly keys: ReadonlyMap<number, Buffer>;
  readonly keyVersion: number;
  private readonly lowestVersion: number;

  constructor(keys: ReadonlyMap<number, Buffer>) {
    this.keys = keys;
    this.keyVersion = Math.max(...keys.keys());
    this.lowestVersion = Math.min(...keys.keys());
  }

  seal(place: EnvelopePlace, plain: Uint8Array): Sealed {
    return {
      bytes: encrypt(this.key(this.keyVersion), this.keyVersion, aadOf(place), plain),
      keyVersion: this.keyVersion,
    };
  }

  /** @throws EnvelopeError */
  open(place: EnvelopePlace, bytes: Uint8Array): Buffer {
    const version = keyVersionOf(bytes);
    const key = this.keys.get(version);
    if (key === undefined) throw new EnvelopeError(place, `the key file has no key ${version}`);
    try {
      return decrypt(key, aadOf(place), bytes);
    } catch (cause) {
      throw new EnvelopeError(place, 'does not open with the key of its version', { cause });
    }
  }

  /** SHA-256 of a token's secret under the hub's pepper. */
  tokenHash(secret: string): Buffer<ArrayBuffer> {
    return Buffer.from(createHmac('sha256', this.derive('flotilla token pepper')).update(secret).digest());
  }

  /** Ed25519 key that signs audit checkpoints, and its public half. */
  checkpointKey(): { privateKey: KeyObject; publicKey: KeyObject } {
    const seed = this.derive('flotilla audit checkpoint');
    const privateKey = createPrivateKey({
      key: Buffer.concat([ed25519Prefix, seed]),
      format: 'der',
      type: 'pkcs8',
    });
    return { privateKey, publicKey: createPublicKey(privateKey) };
  }

  private derive(purpose: string): Buffer {
    return Buffer.from(hkdfSync('sha256', this.key(this.lowestVersion), '', purpose, keyBytes));
  }

  private key(version: number): Buffer {
    const key = this.keys.get(version);
    if (key === undefined) throw new Error(`no key ${version}`);
    return key;
  }
}

/** Format byte, key version, IV, tag, ciphertext. */
export function encrypt(
  key: Buffer,
  keyVersion: number,
  aad: string,
  plain: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const iv = randomBytes(ivBytes);
  const cipher = createCipheriv('aes-256-gcm', key, iv);
  cipher.setAAD(Buffer.from(aad));
  const body = Buffer.concat([cipher.update(plain), cipher.final()]);
  const header = Buffer.alloc(headerBytes);
  header.writeUInt8(formatVersion, 0);
  header.writeUInt32BE(keyVersion, 1);
  return new Uint8Array(Buffer.concat([header, iv, cipher.getAuthTag(), body]));
}

/** @throws Error when the bytes, the key or the AAD are not those of `encrypt` */
export function decrypt(key: Buffer, aad: string, bytes: Uint8Array): Buffer {
  if (bytes.length < headerBytes + ivBytes + tagBytes || bytes[0] !== formatVersion)
    throw new Error('not an envelope');
  const tagAt = headerBytes + ivBytes;
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(headerBytes, tagAt));
  decipher.setAAD(Buffer.from(aad));
  decipher.setAuthTag(bytes.subarray(tagAt, tagAt + tagBytes));
  return Buffer.concat([decipher.update(bytes.subarray(tagAt + tagBytes)), decipher.final()]);
}

export function keyVersionOf(bytes: Uint8Array): number {
  return bytes.length < headerBytes ? 0 : Buffer.from(bytes).readUInt32BE(1);
}

export function aadOf({ table, row, column }: EnvelopePlace): string {
  return `${table}|${row}|${column}`;
}

/** Reads the key file; makes one with a random key, readable by its owner alone, where there is none. @throws ConfigError */
export function loadEnvelope(keyFile: string): Envelope {
  try {
    mkdirSync(dirname(keyFile), { recursive: true });
    writeFileSync(keyFile, `1 ${randomBytes(keyBytes).toString('base64')}\n`, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw unreadable(error);
  }
  try {
    return new Envelope(parseKeys(readFileSync(keyFile, 'utf8')));
  } catch (error) {
    throw error instanceof ConfigError ? error : unreadable(error);
  }
}

function unreadable(error: unknown): ConfigError {
  return new ConfigError('HUB_KEY_FILE', `cannot be read: ${(error as Error).message}`);
}

function parseKeys(text: string): Map<number, Buffer> {
  const keys = new Map<number, Buffer>();
  for (const line of text.split('\n').filter((candidate) => candidate.trim() !== '')) {
    const match = /^(\d{1,9})\s+([A-Za-z0-9+/]+=*)\s*$/.exec(line);
    const key = Buffer.from(match?.[2] ?? '', 'base64');
    if (match === null || key.length !== keyBytes) {
      throw new ConfigError('HUB_KEY_FILE', 'has a line that is not `<version> <base64 of 32 bytes>`');
    }
    keys.set(Number(match[1]), key);
  }
  if (keys.size === 0) throw new ConfigError('HUB_KEY_FILE', 'has no key');
  return keys;
}
