import { mkdtemp, readFile, truncate, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { newSealKey } from './seal.ts';
import type { Snapshot } from './snapshot.ts';
import { openSnapshotFile } from './snapshot.ts';

const snapshot: Snapshot = {
  epoch: 1,
  generation: 7,
  digest: 'd',
  entries: [{ target: 't', head: '{"a":1}', body: 'b' }],
  bodies: { b: '{"namé":"ü"}' },
};

async function folderOf(): Promise<string> {
  return mkdtemp(path.join(os.tmpdir(), 'flotilla-snapshot-'));
}

test('what was written is read back byte for byte, and lies encrypted', async () => {
  const folder = await folderOf();
  const key = newSealKey();
  const file = await openSnapshotFile(folder, key);
  expect(await file.read()).toEqual({ found: 'no' });
  await file.write(snapshot);
  expect(await (await openSnapshotFile(folder, key)).read()).toEqual({ found: 'yes', snapshot });
  expect((await readFile(path.join(folder, 'snapshot'))).includes('target')).toBe(false);
});

test('a torn, foreign or edited file counts as lost', async () => {
  const folder = await folderOf();
  const key = newSealKey();
  const file = await openSnapshotFile(folder, key);
  await file.write(snapshot);
  const name = path.join(folder, 'snapshot');
  const whole = await readFile(name);
  await truncate(name, whole.length - 5);
  expect(await file.read()).toEqual({ found: 'torn' });
  await writeFile(name, Buffer.concat([whole.subarray(0, -1), Buffer.from([(whole.at(-1) ?? 0) ^ 1])]));
  expect(await file.read()).toEqual({ found: 'torn' });
  await writeFile(name, whole);
  expect(await (await openSnapshotFile(folder, newSealKey())).read()).toEqual({ found: 'torn' });
  await writeFile(name, '');
  expect(await file.read()).toEqual({ found: 'torn' });
});
