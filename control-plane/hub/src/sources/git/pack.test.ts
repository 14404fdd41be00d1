import { createHash } from 'node:crypto';
import { deflateSync } from 'node:zlib';

import { expect, test } from 'vitest';

import { checkPack, splitAnswer } from './pack.ts';

const limits = { objectBytesMax: 1000, packBytesMax: 2500, objectsMax: 5 };

interface Entry {
  type?: number;
  data: Buffer;
  /** What the header says, when it lies. */
  sizeBytes?: number;
}

function packOf(entries: Entry[], count = entries.length): Buffer {
  const header = Buffer.alloc(12);
  header.write('PACK', 'latin1');
  header.writeUInt32BE(2, 4);
  header.writeUInt32BE(count, 8);
  const parts = entries.flatMap(({ type = 3, data, sizeBytes = data.byteLength }) => [
    headOf(type, sizeBytes),
    ...(type === 7 ? [Buffer.alloc(20)] : []),
    deflateSync(data),
  ]);
  const body = Buffer.concat([header, ...parts]);
  return Buffer.concat([body, createHash('sha1').update(body).digest()]);
}

function headOf(type: number, size: number): Buffer {
  const bytes = [(type << 4) | (size & 15)];
  let rest = Math.floor(size / 16);
  while (rest > 0) {
    bytes[bytes.length - 1]! |= 128;
    bytes.push(rest & 127);
    rest = Math.floor(rest / 128);
  }
  return Buffer.from(bytes);
}

test('a pack within its limits passes', () => {
  expect(() =>
    checkPack(packOf([{ data: Buffer.alloc(900) }, { data: Buffer.alloc(0) }]), limits),
  ).not.toThrow();
});

test('an object that says it is too large is refused before it is inflated', () => {
  expect(() => checkPack(packOf([{ data: Buffer.alloc(10), sizeBytes: 2 ** 40 }]), limits)).toThrow(
    /more than 1000 bytes/,
  );
});

test('an object that inflates to more than it says is refused', () => {
  expect(() => checkPack(packOf([{ data: Buffer.alloc(5_000_000), sizeBytes: 10 }]), limits)).toThrow(
    /cannot be unpacked/,
  );
  expect(() => checkPack(packOf([{ data: Buffer.alloc(20), sizeBytes: 10 }]), limits)).toThrow(
    /another size/,
  );
});

test('a delta that promises too large an object is refused', () => {
  const delta = Buffer.from([10, 0xff, 0xff, 0xff, 0x7f, 1, 97]);
  expect(() => checkPack(packOf([{ type: 7, data: delta }]), limits)).toThrow(/more than 1000 bytes/);
});

test('objects together, and their number, have a limit', () => {
  expect(() => checkPack(packOf(Array(3).fill({ data: Buffer.alloc(900) })), limits)).toThrow(
    /a pack of more than 2500 bytes/,
  );
  expect(() => checkPack(packOf([], 6), limits)).toThrow(/more than 5 objects/);
});

test('a pack that ends early, or is none, is refused', () => {
  expect(() => checkPack(packOf([{ data: Buffer.alloc(9) }], 2).subarray(0, -20), limits)).toThrow(
    /ends early|cannot be unpacked/,
  );
  expect(() => checkPack(Buffer.from('nothing of the kind'), limits)).toThrow(/no pack/);
});

test('an answer is taken apart into its pack and everything else', () => {
  const packet = (band: number, text: string): string =>
    `${(text.length + 5).toString(16).padStart(4, '0')}${String.fromCharCode(band)}${text}`;
  const body = Buffer.from(
    `0008NAK\n${packet(1, 'PA')}${packet(2, 'counting')}${packet(1, 'CK')}0000`,
    'latin1',
  );
  const { pack, others } = splitAnswer(body);
  expect(pack.toString()).toBe('PACK');
  expect(others.toString('latin1')).toBe(`0008NAK\n${packet(2, 'counting')}0000`);
});

test('an answer without a pack passes, and one that is no Git answer does not', () => {
  expect(splitAnswer(Buffer.from('0008NAK\n0000')).pack.byteLength).toBe(0);
  expect(() => splitAnswer(Buffer.from('<html></html>'))).toThrow(/no Git answer/);
});
