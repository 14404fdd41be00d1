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
const ofsDelta = 6;
const refDelta = 7;

/** Checks the answer to git-upload-pack: pkt-lines of which those of band 1 carry the pack. An answer without one passes. */
export function checkPackResponse(body: Buffer, limits: PackLimits): void {
  const pack = packOf(body);
  if (pack.byteLength > 0) checkPack(pack, limits);
}

/** The bytes of side band 1. */
function packOf(body: Buffer): Buffer {
  const parts: Buffer[] = [];
  let at = 0;
  while (at + 4 <= body.byteLength) {
    const length = Number.parseInt(body.toString('latin1', at, at + 4), 16);
    if (Number.isNaN(length)) throw new PackRefused('the server sent something that is no Git answer');
    if (length >= 5 && body[at + 4] === 1) parts.push(body.subarray(at + 5, at + length));
    at += Math.max(length, 4);
  }
  return Buffer.concat(parts);
}

export function checkPack(pack: Buffer, limits: PackLimits): void {
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
    at = entry.end;
  }
}

interface Entry {
  end: number;
  sizeBytes: number;
}

function readEntry(pack: Buffer, start: number, limits: PackLimits): Entry {
  const head = readHead(pack, start);
  if (head.sizeBytes > limits.objectBytesMax) throw new PackRefused(tooLarge(limits));
  const from = head.at + baseBytes(pack, head.type, head.at);
  const { buffer, used } = inflate(pack.subarray(from), limits);
  if (buffer.byteLength !== head.sizeBytes)
    throw new PackRefused('an object of another size than its header says');
  const isDelta = head.type === ofsDelta || head.type === refDelta;
  const sizeBytes = isDelta ? deltaResultBytes(buffer) : buffer.byteLength;
  if (sizeBytes > limits.objectBytesMax) throw new PackRefused(tooLarge(limits));
  return { end: from + used, sizeBytes };
}

function inflate(input: Buffer, limits: PackLimits): { buffer: Buffer; used: number } {
  try {
    // The window is what a zlib stream of this output can take at most; the rest of the pack need not be looked at.
    const bound = input.subarray(0, limits.objectBytesMax + (limits.objectBytesMax >> 8) + 1024);
    const result = inflateSync(bound, { info: true, maxOutputLength: limits.objectBytesMax }) as unknown as {
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
