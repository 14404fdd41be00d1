import { expect, test } from 'vitest';
import { fakeKube } from '../../test/fakeKube.ts';
import { openInventoryStore } from './inventory.ts';

function entries(count: number) {
  return Array.from({ length: count }, (_unused, at) => ({
    group: '',
    kind: 'ConfigMap',
    namespace: 'shop',
    name: `c${String(at).padStart(5, '0')}`,
    uid: `00000000-0000-4000-8000-${String(at).padStart(12, '0')}`,
  }));
}

test('what was written is read by the next agent; an unchanged inventory is not written', async () => {
  const kube = fakeKube();
  const store = await openInventoryStore(kube, 'n');
  expect(store.read('app')).toBeNull();
  await store.write('app', { entries: entries(50), note: null, rebuilt: false });
  const before = kube.requests.length;
  await store.write('app', { entries: entries(50), note: null, rebuilt: false });
  expect(kube.requests.length).toBe(before);
  const next = await openInventoryStore(kube, 'n');
  expect(next.read('app')).toEqual({ entries: entries(50), note: null, rebuilt: false });
  expect(next.digest()).toBe(store.digest());
});

test('an inventory that outgrows its Secrets is split, and loses nothing when it shrinks again', async () => {
  const kube = fakeKube();
  const store = await openInventoryStore(kube, 'n');
  await store.write('app', { entries: entries(10), note: null, rebuilt: false });
  await store.write('app', { entries: entries(20_000), note: null, rebuilt: false });
  expect(kube.objects.size).toBeGreaterThan(1);
  expect((await openInventoryStore(kube, 'n')).read('app')?.entries.length).toBe(20_000);
});

test('another agent that wrote meanwhile makes the write a Conflict, and the next try sees what it wrote', async () => {
  const kube = fakeKube();
  const one = await openInventoryStore(kube, 'n');
  await one.write('app', { entries: entries(1), note: null, rebuilt: false });
  const other = await openInventoryStore(kube, 'n');
  await other.write('app', { entries: entries(2), note: null, rebuilt: false });
  const write = one.write('app', { entries: entries(3), note: null, rebuilt: false });
  await expect(write).rejects.toMatchObject({ code: 'Conflict' });
  expect(one.read('app')?.entries.length).toBe(2);
  await one.write('app', { entries: entries(3), note: null, rebuilt: false });
  expect((await openInventoryStore(kube, 'n')).read('app')?.entries.length).toBe(3);
});
