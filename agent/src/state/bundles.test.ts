import { mkdtemp, readdir, truncate } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { buildBundle } from '@flotilla/domain/bundle/bundle';
import type { Bundle } from '@flotilla/domain/bundle/bundle';
import { encodeIndex } from '@flotilla/domain/bundle/bundleIndex';
import type { BundleStore } from './bundles.ts';
import { openBundleStore } from './bundles.ts';
import { newSealKey } from './seal.ts';
import { sha256 } from './sha256.ts';

function bundleOf(count: number, value: string): Bundle {
  const objects = Array.from({ length: count }, (_unused, at) => ({
    object: {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: `c${at}` },
      data: { value: at === 0 ? value : 'same' },
    },
    source: `${at}`,
  }));
  const built = buildBundle(objects, sha256);
  if (!built.ok) throw new Error('not built');
  return built.bundle;
}

async function put(store: BundleStore, bundle: Bundle): Promise<number> {
  const outcome = await store.putIndex(bundle.index.digest, encodeIndex(bundle.index));
  if (!outcome.ok) throw new Error(outcome.reason);
  const lacking = new Set(outcome.lacking.map((frame) => frame.digest));
  for (const [at, frame] of bundle.index.frames.entries()) {
    if (lacking.has(frame.digest)) await store.putFrame(frame, bundle.frames[at] as Uint8Array);
  }
  return lacking.size;
}

async function namesOf(store: BundleStore, digest: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { line } of store.objects(digest)) names.push(line?.object().metadata.name ?? '');
  return names;
}

async function setUp() {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'flotilla-bundles-'));
  const key = newSealKey();
  return { folder, key, store: await openBundleStore(folder, key) };
}

test('a bundle is complete only once all of it was verified, and still is after a restart', async () => {
  const { folder, key, store } = await setUp();
  const bundle = bundleOf(200, 'one');
  const { digest } = bundle.index;
  await store.putIndex(digest, encodeIndex(bundle.index));
  expect((await store.finish(digest)).ok).toBe(false);
  expect(store.isComplete(digest)).toBe(false);
  await put(store, bundle);
  expect(await store.finish(digest)).toEqual({ ok: true });
  const again = await openBundleStore(folder, key);
  expect(again.isComplete(digest)).toBe(true);
  expect((await namesOf(again, digest)).length).toBe(200);
});

test('a change of one object fetches the frame it is in', async () => {
  const { store } = await setUp();
  const first = bundleOf(500, 'one');
  await put(store, first);
  expect(first.index.frames.length).toBeGreaterThan(5);
  expect(await put(store, bundleOf(500, 'two'))).toBe(1);
});

test('bytes that are not the frame are refused, and a damaged frame makes its bundle incomplete', async () => {
  const { folder, store } = await setUp();
  const bundle = bundleOf(100, 'one');
  const [frame] = bundle.index.frames;
  if (frame === undefined) throw new Error('no frame');
  expect(await store.putFrame(frame, Buffer.from('something else'))).toBe(false);
  await put(store, bundle);
  await store.finish(bundle.index.digest);
  await truncate(path.join(folder, 'frames', frame.digest), 20);
  await expect(namesOf(store, bundle.index.digest)).rejects.toThrow(/damaged/);
  expect(store.isComplete(bundle.index.digest)).toBe(false);
  expect(await put(store, bundle)).toBe(1);
  expect(await store.finish(bundle.index.digest)).toEqual({ ok: true });
});

test('frames of known objects alone are not read, and of the others only what is not known', async () => {
  const { folder, store } = await setUp();
  const bundle = bundleOf(300, 'one');
  const { index } = bundle;
  await put(store, bundle);
  await store.finish(index.digest);
  const [first, ...others] = index.objects;
  for (const { digest } of index.frames.slice(1)) await truncate(path.join(folder, 'frames', digest), 20);
  const read: [digest: string, name: string | null][] = [];
  const isKnown = ({ digest }: { digest: string }) => digest !== first?.digest;
  for await (const { indexed, line } of store.objects(index.digest, isKnown))
    read.push([indexed.digest, line?.object().metadata.name ?? null]);
  expect(read).toEqual([
    [first?.digest, first?.identity.name],
    ...others.map(({ digest }) => [digest, null]),
  ]);
});

test('what nobody needs is dropped, what is shared stays', async () => {
  const { folder, store } = await setUp();
  const [old, current] = [bundleOf(300, 'one'), bundleOf(300, 'two')];
  for (const bundle of [old, current]) {
    await put(store, bundle);
    await store.finish(bundle.index.digest);
  }
  await store.collect(new Set([current.index.digest]));
  expect([store.isComplete(old.index.digest), store.isComplete(current.index.digest)]).toEqual([false, true]);
  expect((await readdir(path.join(folder, 'frames'))).length).toBe(current.index.frames.length);
  expect((await namesOf(store, current.index.digest)).length).toBe(300);
});
