import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { goProblem } from './build.ts';
import { withBuildLock } from './buildLock.ts';

test.each([
  ['go1.26.0', undefined],
  ['go1.27rc1', undefined],
  ['go2.0', undefined],
  ['go1.25.4', 'this is go1.25.4'],
  ['', 'no go on the PATH'],
])('a Go of version "%s" is judged in one sentence', (version, problem) => {
  if (problem === undefined) expect(goProblem(version)).toBeUndefined();
  else expect(goProblem(version)).toContain(problem);
});

test('one process at a time builds, and one that died does not block', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'flotilla-lock-'));
  const lock = join(dir, 'lock');
  const { pid } = spawnSync('true');
  await mkdir(lock);
  await writeFile(join(lock, 'pid'), String(pid));
  let holders = 0;
  const build = () =>
    withBuildLock(
      lock,
      () => {},
      async () => {
        expect(++holders).toBe(1);
        await new Promise((resolve) => setImmediate(resolve));
        holders--;
      },
    );
  await Promise.all([build(), build()]);
  expect(existsSync(lock)).toBe(false);
  await rm(dir, { recursive: true });
});
