import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  AlreadyRunningError,
  BrokenStateError,
  openState,
  requireSameShape,
  type KeptState,
} from './state.ts';

const kept: KeptState = {
  shape: 'sim:3',
  ports: { postgres: 1, git: 2, http: 3, grpc: 4, clusters: { dev: 5 } },
  gitPassword: 'a',
  webhookSecret: 'b',
};

describe('what a start leaves for the next', () => {
  let base: string;
  beforeEach(async () => {
    base = await mkdtemp(join(tmpdir(), 'flotilla-state-'));
  });
  afterEach(() => rm(base, { recursive: true }));

  test('is found again, and gone with --fresh', async () => {
    const dir = join(base, 'local');
    const first = await openState({ fresh: false }, dir);
    expect(first.kept).toBeUndefined();
    await first.keep(kept);
    await first.release();
    const second = await openState({ fresh: false }, dir);
    expect(second.kept).toEqual(kept);
    await second.release();
    expect((await openState({ fresh: true }, dir)).kept).toBeUndefined();
  });

  test('belongs to one start at a time, also with --fresh; a start that died holds nothing', async () => {
    const dir = join(base, 'local');
    await writeFile(`${dir}.pid`, '1');
    const first = await openState({ fresh: false }, dir);
    await first.keep(kept);
    const second = openState({ fresh: true }, dir);
    await expect(second).rejects.toThrow(AlreadyRunningError);
    await expect(second).rejects.toThrow(`by process ${process.pid}: end that one first`);
    await first.release();
    expect((await openState({ fresh: false }, dir)).kept).toEqual(kept);
  });

  test.each(['', '{"shape": "sim:3", "ports": {', '[]', 'null', '{"shape": "sim:3"}'])(
    'is left alone where it is damaged: %j',
    async (text) => {
      const dir = join(base, 'local');
      const file = join(dir, 'state.json');
      await mkdir(dir);
      await writeFile(file, text);
      const opened = openState({ fresh: false }, dir);
      await expect(opened).rejects.toThrow(BrokenStateError);
      await expect(opened).rejects.toThrow(`${file}, which an earlier start left, is damaged`);
      expect(await readFile(file, 'utf8')).toBe(text);
      expect((await openState({ fresh: true }, dir)).kept).toBeUndefined();
    },
  );

  test('is continued only with the same clusters', () => {
    expect(() => requireSameShape(kept, 'sim:3')).not.toThrow();
    expect(() => requireSameShape(kept, 'sim:2')).toThrow(
      /continue it with --engine sim --clusters 3, or start over with --fresh/,
    );
  });
});
