import { mkdtemp, readdir } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { DiskFullError, asDiskError, readFileIfAny, writeFileDurably } from './disk.ts';

test('a file is replaced whole, and no temporary file stays', async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'flotilla-disk-'));
  const file = path.join(folder, 'x');
  expect(await readFileIfAny(file)).toBeNull();
  await writeFileDurably(file, Buffer.from('one'));
  await writeFileDurably(file, Buffer.from('two'));
  expect((await readFileIfAny(file))?.toString()).toBe('two');
  expect(await readdir(folder)).toEqual(['x']);
});

test('a full disk is told as such, and nothing else is', async () => {
  const full = Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
  const other = Object.assign(new Error('EACCES'), { code: 'EACCES' });
  expect(asDiskError('/data/snapshot', full)).toBeInstanceOf(DiskFullError);
  expect(asDiskError('/data/snapshot', other)).toBe(other);
});

test('writes of one file at one moment all succeed, and the last one counts', async () => {
  const file = path.join(await mkdtemp(path.join(os.tmpdir(), 'flotilla-disk-')), 'x');
  await Promise.all(
    Array.from({ length: 20 }, (_, index) => writeFileDurably(file, Buffer.from(String(index)))),
  );
  expect((await readFileIfAny(file))?.toString()).toBe('19');
});
