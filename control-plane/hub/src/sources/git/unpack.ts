/**
 * The objects of a pack, from the one pass that checks it. Every object is inflated there anyway, so that the Git library
 * need not inflate, hash and index it again. What this does not do (a base that is not in the pack before its delta, more
 * than is kept in memory) is left to the library.
 */
import { createHash, hash } from 'node:crypto';

import { checkPack, ofsDelta, PackRefused, refDelta, type PackEntry, type PackLimits } from './pack.ts';

export type ObjectType = 'commit' | 'tree' | 'blob' | 'tag';

export interface GitObject {
  type: ObjectType;
  data: Buffer;
}

export interface UnpackedObject extends GitObject {
  oid: string;
  /** Where it stands in the pack. */
  start: number;
  end: number;
}

export interface UnpackedPack {
  /** As the pack ends with it. */
  checksum: Buffer;
  objects: UnpackedObject[];
}

const types: readonly (ObjectType | undefined)[] = [undefined, 'commit', 'tree', 'blob', 'tag'];
const checksumBytes = 20;
/** Of objects that are held at once; a pack of more goes the library's way. */
const heldBytesMax = 64 << 20;

/** Checks the pack in any case. Null: its objects are for the Git library to read. @throws PackRefused */
export function unpack(pack: Buffer, limits: PackLimits): UnpackedPack | null {
  const unpacking = new Unpacking(pack);
  checkPack(pack, limits, (entry) => unpacking.see(entry));
  return unpacking.result();
}

class Unpacking {
  readonly #pack: Buffer;
  readonly #byStart = new Map<number, UnpackedObject>();
  readonly #byOid = new Map<string, UnpackedObject>();
  #bytes = 0;
  #end = 0;
  #isWhole = true;

  constructor(pack: Buffer) {
    this.#pack = pack;
  }

  see(entry: PackEntry): void {
    this.#end = entry.end;
    this.#bytes += entry.sizeBytes;
    if (this.#bytes > heldBytesMax) this.#giveUp();
    if (!this.#isWhole) return;
    const object = this.#objectOf(entry);
    if (object === null) return this.#giveUp();
    const unpacked = { ...object, oid: oidOf(object), start: entry.start, end: entry.end };
    this.#byStart.set(entry.start, unpacked);
    this.#byOid.set(unpacked.oid, unpacked);
  }

  result(): UnpackedPack | null {
    const end = this.#pack.byteLength - checksumBytes;
    if (!this.#isWhole || this.#end !== end) return null;
    const checksum = this.#pack.subarray(end);
    if (!hash('sha1', this.#pack.subarray(0, end), 'buffer').equals(checksum))
      throw new PackRefused('a pack with another checksum than it says');
    return { checksum, objects: [...this.#byOid.values()] };
  }

  #giveUp(): void {
    this.#isWhole = false;
    this.#byStart.clear();
    this.#byOid.clear();
  }

  #objectOf(entry: PackEntry): GitObject | null {
    const type = types[entry.type];
    if (type !== undefined) return { type, data: entry.data };
    const base = this.#baseOf(entry);
    return base === undefined ? null : { type: base.type, data: applyDelta(base.data, entry) };
  }

  #baseOf({ type, start, baseAt }: PackEntry): UnpackedObject | undefined {
    if (type === ofsDelta) return this.#byStart.get(start - distance(this.#pack, baseAt));
    if (type === refDelta) return this.#byOid.get(this.#pack.toString('hex', baseAt, baseAt + 20));
    return undefined;
  }
}

function oidOf({ type, data }: GitObject): string {
  return createHash('sha1').update(`${type} ${data.byteLength}\0`).update(data).digest('hex');
}

/** How far back a delta's base begins: seven bits a byte, each further byte counting from one. */
function distance(pack: Buffer, start: number): number {
  let at = start;
  let byte = pack[at] ?? 0;
  let value = byte & 127;
  while (byte & 128) {
    byte = pack[++at] ?? 0;
    value = (value + 1) * 128 + (byte & 127);
  }
  return value;
}

/** Copies from the base and what the delta brings itself, in the delta's order. @throws PackRefused */
function applyDelta(base: Buffer, { data: delta, sizeBytes }: PackEntry): Buffer {
  const target = Buffer.allocUnsafe(sizeBytes);
  const baseSize = sizeAt(delta, 0);
  if (baseSize.value !== base.byteLength) throw new PackRefused('a delta on another base');
  let at = sizeAt(delta, baseSize.end).end;
  let written = 0;
  while (at < delta.byteLength) {
    const step = stepAt(delta, at);
    const from = step.isCopy ? base : delta;
    if (step.from + step.bytes > from.byteLength || written + step.bytes > sizeBytes)
      throw new PackRefused('a delta beyond its base or its size');
    from.copy(target, written, step.from, step.from + step.bytes);
    written += step.bytes;
    at = step.end;
  }
  if (written !== sizeBytes) throw new PackRefused('a delta of another size than it says');
  return target;
}

interface Step {
  isCopy: boolean;
  from: number;
  bytes: number;
  end: number;
}

/** An opcode's low bits say which bytes of an offset (four) and of a length (three) follow; without its high bit it is the length of what follows. */
function stepAt(delta: Buffer, start: number): Step {
  const code = delta[start] ?? 0;
  if (code === 0) throw new PackRefused('a delta with an unknown step');
  if (code < 128) return { isCopy: false, from: start + 1, bytes: code, end: start + 1 + code };
  let end = start + 1;
  let [from, bytes] = [0, 0];
  for (let bit = 0; bit < 4; bit++) if (code & (1 << bit)) from += (delta[end++] ?? 0) * 256 ** bit;
  for (let bit = 0; bit < 3; bit++) if (code & (16 << bit)) bytes += (delta[end++] ?? 0) * 256 ** bit;
  return { isCopy: true, from, bytes: bytes === 0 ? 0x10000 : bytes, end };
}

function sizeAt(delta: Buffer, start: number): { value: number; end: number } {
  let at = start;
  let value = 0;
  for (let factor = 1; ; factor *= 128) {
    const byte = delta[at++] ?? 0;
    value += (byte & 127) * factor;
    if (!(byte & 128)) return { value, end: at };
  }
}
