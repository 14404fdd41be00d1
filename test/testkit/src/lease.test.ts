import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { acquireLeases, releaseLease } from './lease.ts';

describe('leases', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'flotilla-lease-'));
  });
  afterEach(() => rm(dir, { recursive: true }));

  test('a name is leased to one at a time', async () => {
    const [first] = await acquireLeases(dir, ['one'], 1);
    await expect(acquireLeases(dir, ['one'], 1, { timeoutMs: 60 })).rejects.toThrow(/1 of one to be free/);
    await releaseLease(dir, first ?? '');
    expect(await acquireLeases(dir, ['one'], 1)).toEqual(['one']);
  });

  test('who cannot have all keeps none, so that two never wait for each other', async () => {
    await acquireLeases(dir, ['one'], 1);
    await expect(acquireLeases(dir, ['one', 'two', 'three'], 3, { timeoutMs: 60 })).rejects.toThrow();
    expect(await readdir(dir)).toEqual(['one']);
  });

  test('a process that is gone holds nothing', async () => {
    const { pid } = spawnSync('true');
    await writeFile(join(dir, 'one'), String(pid));
    expect(await acquireLeases(dir, ['one'], 1, { timeoutMs: 1000 })).toEqual(['one']);
  });
});
