/**
 * Looks through a pack before a library parses it: counts its objects and inflates each one under a limit, so that a
 * small answer which unpacks to gigabytes, or a delta that promises them, is refused before anything is allocated for it.
 */
import { inflateSync } from 'node:zlib';

export interface PackLimits {
  /** Of one object, inflated; also the size that a delta says it yields. */
  objectBytesMax: number;
  /** Of all objects together. */
  packBytesMax: number;
  objectsMax: number;
}

/** A pack over its limits, or one that is none. */
export class PackRefused extends Error {
  override readonly name = 'PackRefused';
}

const headerBytes = 12;
export const ofsDelta = 6;
export const refDelta = 7;
const chunkBytesMin = 256;
const chunkBytesMax = 64 << 10;

export interface UploadPackAnswer {
  /** The bytes of side band 1; empty where the server sends none. */
  pack: Buffer;
  /** The same answer without them. */
  others: Buffer;
}

/** Takes an answer to git-upload-pack apart: pkt-lines, of which those of band 1 carry the pack. @throws PackRefused */
export function splitAnswer(body: Buffer): UploadPackAnswer {
  const [pack, others]: [Buffer[], Buffer[]] = [[], []];
  let at = 0;
  while (at + 4 <= body.byteLength) {
    const length = Number.parseInt(body.toString('latin1', at, at + 4), 16);
    if (Number.isNaN(length)) throw new PackRefused('the server sent something that is no Git answer');
    const end = at + Math.max(length, 4);
    if (length >= 5 && body[at + 4] === 1) pack.push(body.subarray(at + 5, end));
    else others.push(body.subarray(at, end));
    at = end;
  }
  return { pack: Buffer.concat(pack), others: Buffer.concat(others) };
}

/** One entry as it stands in a pack; a delta's `data` is the delta. */
export interface PackEntry {
  /** 1 commit, 2 tree, 3 blob, 4 tag, 6 delta on an offset, 7 delta on an object. */
  type: number;
  start: number;
  end: number;
  /** Of a delta: where its base's name begins. */
  baseAt: number;
  data: Buffer;
  /** Of what it stands for: a delta says it. */
  sizeBytes: number;
}

/** Every entry is checked, and shown to `see` before the next one is unpacked. @throws PackRefused */
export function checkPack(pack: Buffer, limits: PackLimits, see?: (entry: PackEntry) => void): void {
  if (pack.byteLength < headerBytes || pack.toString('latin1', 0, 4) !== 'PACK') {
    throw new PackRefused('the server sent no pack');
  }
  const objects = pack.readUInt32BE(8);
  if (objects > limits.objectsMax) throw new PackRefused(`a pack of more than ${limits.objectsMax} objects`);
  let at = headerBytes;
  let total = 0;
  for (let index = 0; index < objects; index++) {
    const entry = readEntry(pack, at, limits);
    total += entry.sizeBytes;
    if (total > limits.packBytesMax)
      throw new PackRefused(`a pack of more than ${limits.packBytesMax} bytes`);
    see?.(entry);
    at = entry.end;
  }
}

function readEntry(pack: Buffer, start: number, limits: PackLimits): PackEntry {
  const head = readHead(pack, start);
  if (head.sizeBytes > limits.objectBytesMax) throw new PackRefused(tooLarge(limits));
  const from = head.at + baseBytes(pack, head.type, head.at);
  const { buffer, used } = inflate(pack.subarray(from), head.sizeBytes, limits);
  if (buffer.byteLength !== head.sizeBytes)
    throw new PackRefused('an object of another size than its header says');
  const isDelta = head.type === ofsDelta || head.type === refDelta;
  const sizeBytes = isDelta ? deltaResultBytes(buffer) : buffer.byteLength;
  if (sizeBytes > limits.objectBytesMax) throw new PackRefused(tooLarge(limits));
  return { type: head.type, start, end: from + used, baseAt: head.at, data: buffer, sizeBytes };
}

function inflate(input: Buffer, sizeBytes: number, limits: PackLimits): { buffer: Buffer; used: number } {
  try {
    // The window is what a zlib stream of this output can take at most; the rest of the pack need not be looked at.
    const bound = input.subarray(0, limits.objectBytesMax + (limits.objectBytesMax >> 8) + 1024);
    // Room for what the header says and a byte more, so that one call to zlib is enough where it is true.
    const chunkSize = Math.min(Math.max(sizeBytes + 1, chunkBytesMin), chunkBytesMax);
    const options = { info: true, maxOutputLength: limits.objectBytesMax, chunkSize };
    const result = inflateSync(bound, options) as unknown as {
      buffer: Buffer;
      engine: { bytesWritten: number };
    };
    return { buffer: result.buffer, used: result.engine.bytesWritten };
  } catch (error) {
    throw new PackRefused('a pack that cannot be unpacked within its limits', { cause: error });
  }
}

function readHead(pack: Buffer, start: number): { type: number; sizeBytes: number; at: number } {
  let at = start;
  let byte = byteAt(pack, at++);
  const type = (byte >> 4) & 7;
  let sizeBytes = byte & 15;
  for (let factor = 16; byte & 128; factor *= 128) {
    byte = byteAt(pack, at++);
    sizeBytes += (byte & 127) * factor;
  }
  return { type, sizeBytes, at };
}

/** Bytes that name a delta's base. */
function baseBytes(pack: Buffer, type: number, at: number): number {
  if (type === refDelta) return 20;
  if (type !== ofsDelta) return 0;
  let length = 1;
  while (byteAt(pack, at + length - 1) & 128) length++;
  return length;
}

/** A delta begins with the sizes of its base and of its result. */
function deltaResultBytes(delta: Buffer): number {
  let at = 0;
  while (byteAt(delta, at++) & 128);
  let size = 0;
  for (let factor = 1; ; factor *= 128) {
    const byte = byteAt(delta, at++);
    size += (byte & 127) * factor;
    if (!(byte & 128)) return size;
  }
}

function byteAt(buffer: Buffer, at: number): number {
  const byte = buffer[at];
  if (byte === undefined) throw new PackRefused('a pack that ends early');
  return byte;
}

function tooLarge(limits: PackLimits): string {
  return `an object of more than ${limits.objectBytesMax} bytes`;
}
