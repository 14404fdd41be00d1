/** A pack and its index as files of a repository, in the form that every Git reads: index version 2. */
import { createHash } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';

import type { UnpackedPack } from './unpack.ts';

/** The index last, and whole or not at all: without it a pack is not looked at. */
export async function writePack(gitdir: string, pack: Buffer, unpacked: UnpackedPack): Promise<void> {
  const folder = join(gitdir, 'objects', 'pack');
  await mkdir(folder, { recursive: true });
  const base = join(folder, `pack-${unpacked.checksum.toString('hex')}`);
  await writeFile(`${base}.pack`, pack);
  await writeFile(`${base}.tmp`, encodePackIndex(pack, unpacked));
  await rename(`${base}.tmp`, `${base}.idx`);
}

const magic = Buffer.from('ff744f6300000002', 'hex');
const fanoutSlots = 256;

/** Sorted names, checksums of the entries, and where they stand; before them how many names begin with up to each byte. */
export function encodePackIndex(pack: Buffer, { checksum, objects }: UnpackedPack): Buffer {
  const sorted = objects.toSorted((a, b) => (a.oid < b.oid ? -1 : 1));
  const fanout = Buffer.alloc(fanoutSlots * 4);
  const names = Buffer.alloc(sorted.length * 20);
  const [checksums, offsets] = [Buffer.alloc(sorted.length * 4), Buffer.alloc(sorted.length * 4)];
  const counts = new Uint32Array(fanoutSlots);
  for (const [at, { oid, start, end }] of sorted.entries()) {
    names.write(oid, at * 20, 'hex');
    const first = names[at * 20] ?? 0;
    counts[first] = (counts[first] ?? 0) + 1;
    checksums.writeUInt32BE(crc32(pack.subarray(start, end)), at * 4);
    offsets.writeUInt32BE(start, at * 4);
  }
  let total = 0;
  for (const [slot, count] of counts.entries()) {
    total += count;
    fanout.writeUInt32BE(total, slot * 4);
  }
  const body = Buffer.concat([magic, fanout, names, checksums, offsets, checksum]);
  return Buffer.concat([body, createHash('sha1').update(body).digest()]);
}
