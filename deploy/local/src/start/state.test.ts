import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AlreadyRunningError, openState, requireSameShape, type KeptState } from './state.ts';

const kept: KeptState = {
  shape: 'kubelab:3',
  ports: { postgres: 1, git: 2, http: 3, grpc: 4 },
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
    expect((await openState({ fresh: false }, dir)).kept).toEqual(kept);
    expect((await openState({ fresh: true }, dir)).kept).toBeUndefined();
  });

  test('belongs to one start at a time; a start that died holds nothing', async () => {
    const dir = join(base, 'local');
    await writeFile(`${dir}.pid`, '1');
    await expect(openState({ fresh: true }, dir)).rejects.toThrow(AlreadyRunningError);
    await writeFile(`${dir}.pid`, '999999999');
    await expect(openState({ fresh: false }, dir)).resolves.toBeDefined();
  });

  test('is continued only with the same clusters', () => {
    expect(() => requireSameShape(kept, 'kubelab:3')).not.toThrow();
    expect(() => requireSameShape(kept, 'kubelab:2')).toThrow(/start over with --fresh/);
  });
});
