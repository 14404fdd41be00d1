import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { tryLock } from './fileLock.ts';

describe('a lock on a file', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'flotilla-lock-'));
  });
  afterEach(() => rm(dir, { recursive: true }));

  test('is held by one at a time', () => {
    const file = join(dir, 'lock');
    const lock = tryLock(file);
    expect(lock).toBeDefined();
    expect(tryLock(file)).toBeUndefined();
    lock?.release();
    lock?.release();
    expect(tryLock(file)).toBeDefined();
  });

  test('is free once its process was killed', async () => {
    const file = join(dir, 'lock');
    const script = join(dir, 'holder.mts');
    await writeFile(
      script,
      `import { tryLock } from ${JSON.stringify(join(import.meta.dirname, 'fileLock.ts'))};
       console.log(tryLock(${JSON.stringify(file)}) === undefined ? 'refused' : 'held');
       setInterval(() => {}, 1000);`,
    );
    const holder = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [said] = (await once(holder.stdout, 'data')) as [Buffer];
    expect(String(said)).toBe('held\n');
    expect(tryLock(file)).toBeUndefined();
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    expect(tryLock(file)).toBeDefined();
  });
});
