/** Packs made here, read by the Git library and by us: the same objects, and the same index to the byte. */
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';

import fc from 'fast-check';
import git from 'isomorphic-git';
import { afterAll, expect, test } from 'vitest';

import { PackRefused } from './pack.ts';
import { encodePackIndex } from './packFiles.ts';
import { unpack, type UnpackedPack } from './unpack.ts';

const limits = { objectBytesMax: 1 << 20, packBytesMax: 8 << 20, objectsMax: 1000 };

/** A blob of its own, or a delta: bytes of the base from `from` on, then `text`. */
type Made =
  { text: string } | { on: number; by: 'offset' | 'name'; from: number; bytes: number; text: string };

function varint(value: number): number[] {
  const bytes = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest & 127) | 128);
  return [...bytes, rest];
}

function headOf(type: number, size: number): Buffer {
  const [low, rest] = [size & 15, Math.floor(size / 16)];
  return Buffer.from(rest > 0 ? [(type << 4) | low | 128, ...varint(rest)] : [(type << 4) | low]);
}

function distanceOf(value: number): Buffer {
  const bytes = [value & 127];
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) {
    rest--;
    bytes.unshift((rest & 127) | 128);
  }
  return Buffer.from(bytes);
}

function deltaOf(base: Buffer, from: number, bytes: number, text: Buffer): Buffer {
  const copy = [0x80 | 0x0f | 0x70, ...[0, 8, 16, 24].map((shift) => (from >>> shift) & 255)];
  const length = [0, 8, 16].map((shift) => (bytes >>> shift) & 255);
  return Buffer.concat([
    Buffer.from([...varint(base.byteLength), ...varint(bytes + text.byteLength)]),
    Buffer.from(bytes > 0 ? [...copy, ...length] : []),
    ...(text.byteLength > 0 ? [Buffer.from([text.byteLength]), text] : []),
  ]);
}

function oidOf(data: Buffer): string {
  return createHash('sha1').update(`blob ${data.byteLength}\0`).update(data).digest('hex');
}

function packOf(all: readonly Made[]): { pack: Buffer; contents: Buffer[] } {
  const header = Buffer.from('PACK\0\0\0\x02\0\0\0\0', 'latin1');
  header.writeUInt32BE(all.length, 8);
  const [parts, contents, starts]: [Buffer[], Buffer[], number[]] = [[header], [], []];
  let at = header.byteLength;
  for (const made of all) {
    const text = Buffer.from(made.text);
    const base = 'on' in made ? contents[made.on % contents.length] : undefined;
    let entry = Buffer.concat([headOf(3, text.byteLength), deflateSync(text)]);
    let content = text;
    if ('on' in made && base !== undefined) {
      const from = Math.min(made.from, base.byteLength);
      const bytes = Math.min(made.bytes, base.byteLength - from);
      const delta = deltaOf(base, from, bytes, text);
      content = Buffer.concat([base.subarray(from, from + bytes), text]);
      const name =
        made.by === 'name'
          ? Buffer.from(oidOf(base), 'hex')
          : distanceOf(at - starts[made.on % contents.length]!);
      entry = Buffer.concat([headOf(made.by === 'name' ? 7 : 6, delta.byteLength), name, deflateSync(delta)]);
    }
    starts.push(at);
    contents.push(content);
    parts.push(entry);
    at += entry.byteLength;
  }
  const body = Buffer.concat(parts);
  return { pack: Buffer.concat([body, createHash('sha1').update(body).digest()]), contents };
}

const folder = mkdtempSync(join(tmpdir(), 'flotilla-unpack-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function indexByLibrary(pack: Buffer): Promise<Buffer> {
  writeFileSync(join(folder, 'a.pack'), pack);
  await git.indexPack({ fs, dir: folder, gitdir: folder, filepath: 'a.pack' });
  return readFileSync(join(folder, 'a.idx'));
}

const text = fc.string({ maxLength: 100 }).filter((value) => Buffer.byteLength(value) <= 127);
const made: fc.Arbitrary<Made> = fc.oneof(
  fc.record({ text }),
  fc.record({
    on: fc.nat(100),
    by: fc.constantFrom('offset' as const, 'name' as const),
    from: fc.nat(120),
    bytes: fc.nat(400),
    text,
  }),
);

test('objects are those of the pack, deltas and all, and the index is what the Git library makes of it', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(made, { minLength: 1, maxLength: 30 }), async (all) => {
      const { pack, contents } = packOf(all);
      const unpacked = unpack(pack, limits);
      // The library leaves out of its index what a delta makes of nothing.
      const isIndexed = contents.every((content) => content.byteLength > 0);
      expect(new Map(unpacked?.objects.map(({ oid, data }) => [oid, data.toString()]))).toEqual(
        new Map(contents.map((content) => [oidOf(content), content.toString()])),
      );
      fc.pre(isIndexed && new Set(contents.map(oidOf)).size === contents.length);
      expect(encodePackIndex(pack, unpacked as UnpackedPack).equals(await indexByLibrary(pack))).toBe(true);
    }),
    { numRuns: 150 },
  );
});

const base = 'the base of all';

test('a delta on what is not in the pack leaves the pack to the Git library', () => {
  const { pack } = packOf([{ text: base }, { on: 0, by: 'name', from: 0, bytes: 4, text: 'x' }]);
  const name = pack.indexOf(Buffer.from(oidOf(Buffer.from(base)), 'hex'));
  pack[name] = (pack[name] ?? 0) ^ 1;
  createHash('sha1')
    .update(pack.subarray(0, -20))
    .digest()
    .copy(pack, pack.byteLength - 20);
  expect(unpack(pack, limits)).toBe(null);
});

test('a pack that was changed on its way is refused', () => {
  const { pack } = packOf([{ text: base }]);
  pack[pack.byteLength - 1] = (pack.at(-1) ?? 0) ^ 1;
  expect(() => unpack(pack, limits)).toThrow(PackRefused);
});

test('limits hold for what deltas stand for', () => {
  const { pack } = packOf([
    { text: base },
    { on: 0, by: 'offset', from: 0, bytes: 15, text: 'y'.repeat(20) },
  ]);
  expect(unpack(pack, limits)?.objects).toHaveLength(2);
  expect(() => unpack(pack, { ...limits, objectBytesMax: 34 })).toThrow(/more than 34 bytes/);
  expect(() => unpack(pack, { ...limits, packBytesMax: 49 })).toThrow(/more than 49 bytes/);
});

test('a delta that reaches beyond its base or its own size is refused', () => {
  const content = Buffer.from(base);
  const wrong = [
    deltaOf(content, 10, 10, Buffer.alloc(0)),
    deltaOf(Buffer.alloc(3), 0, 3, Buffer.alloc(0)),
    Buffer.from([content.byteLength, 5, 3, 1, 2, 3]),
    Buffer.from([content.byteLength, 5, 0]),
  ];
  for (const delta of wrong) {
    const first = Buffer.concat([headOf(3, content.byteLength), deflateSync(content)]);
    const second = Buffer.concat([
      headOf(6, delta.byteLength),
      distanceOf(first.byteLength),
      deflateSync(delta),
    ]);
    const body = Buffer.concat([Buffer.from('PACK\0\0\0\x02\0\0\0\x02', 'latin1'), first, second]);
    const pack = Buffer.concat([body, createHash('sha1').update(body).digest()]);
    expect(() => unpack(pack, limits)).toThrow(PackRefused);
  }
});
