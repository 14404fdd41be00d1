/** The committed vectors come out of this version's functions, digit by digit. */
import { canonicalText, parseJson } from '@flotilla/domain/bundle/canonical';
import type { KubeObject } from '@flotilla/domain/object/types';
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import type { BundleVector, EntryVector, ObservedVector, SetVector } from './vectors.ts';
import { bundleVector, entryVector, observedVector, setVector } from './vectors.ts';

async function read<Vector>(name: string): Promise<Vector[]> {
  const text = await readFile(new URL(`../vectors/${name}.json`, import.meta.url), 'utf8');
  const vectors = JSON.parse(text) as Vector[];
  expect(vectors.length).toBeGreaterThan(1);
  return vectors;
}

test('a head and a body have the bytes and digests they always had', async () => {
  for (const vector of await read<EntryVector>('entries')) {
    expect(entryVector(vector.name, vector.head, vector.body)).toEqual(vector);
  }
});

test('a set has the digest it always had, in whatever order its entries come', async () => {
  for (const vector of await read<SetVector>('sets')) {
    expect(setVector(vector.name, vector.entries)).toEqual(vector);
    expect(setVector(vector.name, [...vector.entries].reverse()).digest).toBe(vector.digest);
  }
});

test('observed states have the digest they always had', async () => {
  for (const vector of await read<ObservedVector>('observed')) {
    expect(observedVector(vector.name, vector.states)).toEqual(vector);
  }
});

test('a bundle has the frames, index and digest it always had, in whatever order its objects come', async () => {
  for (const vector of await read<BundleVector>('bundles')) {
    const objects = vector.objects.map((text) => parseJson(text) as KubeObject);
    expect(objects.map((object) => canonicalText(object))).toEqual(vector.objects);
    expect(bundleVector(vector.name, objects)).toEqual(vector);
    expect(bundleVector(vector.name, [...objects].reverse()).digest).toBe(vector.digest);
  }
});
