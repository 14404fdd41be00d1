import { mkdtemp, readdir } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { AppliedObject, AppliedOperation } from './applied.ts';
import { openAppliedCache } from './applied.ts';
import { newSealKey } from './seal.ts';

const operation: AppliedOperation = {
  application: 'app',
  assignment: 1,
  revision: 1,
  bundle: 'b1',
  hooks: false,
  appliedBundle: 'b1',
  appliedRevision: 1,
  appliedBody: 'body',
  finished: true,
  phase: 'Succeeded',
  message: '',
  startedAt: '2026-01-01T00:00:00.000Z',
  finishedAt: '2026-01-01T00:00:01.000Z',
  attempt: 1,
};

const object: AppliedObject = {
  key: '/ConfigMap/shop/web',
  desired: 'line',
  uid: 'u1',
  version: 'v1',
  object: 'line',
  shape: 'body',
  meta: 'm',
  values: 'v',
  hook: false,
};

async function setUp() {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'flotilla-applied-'));
  const key = newSealKey();
  return { folder, cache: await openAppliedCache(folder, key) };
}

test('an operation that wrote no object is kept, and the objects stand as they were', async () => {
  const { cache } = await setUp();
  await cache.write('t1', operation, [object]);
  await cache.write('t1', { ...operation, assignment: 2 }, null);
  expect(await cache.read('t1')).toEqual({ ...operation, assignment: 2, objects: [object] });
});

test('what is not retained is forgotten whole', async () => {
  const { folder, cache } = await setUp();
  for (const target of ['t1', 't2']) await cache.write(target, operation, [object]);
  await cache.retain(new Set(['t2']));
  expect(await cache.read('t1')).toBeNull();
  expect((await readdir(path.join(folder, 'applied'))).sort()).toEqual(['t2', 't2.objects']);
});
