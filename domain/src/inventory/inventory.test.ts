import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import fc from 'fast-check';
import type { Sha256 } from '../digest/sha256.ts';
import { identityKey } from '../object/identity.ts';
import { withTracking } from '../object/tracking.ts';
import type { KubeObject } from '../object/types.ts';
import {
  inventoryDigest,
  rebuildInventory,
  shrinkInventory,
  unionInventory,
  type InventoryEntry,
} from './inventory.ts';
import {
  decodeShard,
  encodeShard,
  mergeShards,
  shardBytesMax,
  shardInventory,
  type OperationNote,
} from './shard.ts';

const sha256: Sha256 = (bytes) => createHash('sha256').update(bytes).digest();

function entry(name: string, uid = ''): InventoryEntry {
  return { group: '', kind: 'ConfigMap', namespace: 'shop', name, uid };
}

const entries = fc.uniqueArray(
  fc
    .record({ name: fc.stringMatching(/^[a-z]{1,3}$/), uid: fc.constantFrom('', 'u1', 'u2') })
    .map(({ name, uid }) => entry(name, uid)),
  { selector: identityKey, maxLength: 60 },
);

test('a union holds everything old and new, and keeps a uid that was known', () => {
  expect(unionInventory([entry('a', 'u1'), entry('b')], [entry('c'), entry('a'), entry('b', 'u2')])).toEqual([
    entry('a', 'u1'),
    entry('b', 'u2'),
    entry('c'),
  ]);
});

test('a union loses nothing and is sorted, whatever it is made of', () => {
  fc.assert(
    fc.property(entries, entries, (held, planned) => {
      const keys = unionInventory(held, planned).map(identityKey);
      expect(keys).toEqual([...new Set([...held, ...planned].map(identityKey))].sort());
    }),
  );
});

test('only a confirmed delete of that very object shrinks an inventory', () => {
  const held = [entry('a', 'u1'), entry('b', 'u2'), entry('c')];
  expect(shrinkInventory(held, [entry('a', 'other'), entry('b', 'u2'), entry('c', 'u3')])).toEqual([
    entry('a', 'u1'),
  ]);
});

test('a lost inventory is rebuilt from objects that carry our tracking and are what it says', () => {
  const tracker = { hub: 'h', application: 'app' };
  const object = (name: string): KubeObject => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace: 'shop', uid: `uid-${name}` },
  });
  const copy = withTracking(object('a'), tracker, 'Shop');
  const live = [
    withTracking(object('b'), tracker, 'Shop'),
    withTracking(object('a'), tracker, 'Shop'),
    withTracking(object('c'), { hub: 'h', application: 'other' }, 'Other'),
    { ...copy, metadata: { ...copy.metadata, name: 'copy' } },
    object('d'),
  ];
  expect(rebuildInventory(live, tracker)).toEqual([entry('a', 'uid-a'), entry('b', 'uid-b')]);
});

test('the digest depends on what is owned, not on the order', () => {
  const one = inventoryDigest(
    new Map([
      ['x', [entry('a', 'u1'), entry('b', 'u2')]],
      ['y', [entry('c')]],
    ]),
    sha256,
  );
  const two = inventoryDigest(
    new Map([
      ['y', [entry('c')]],
      ['x', [entry('b', 'u2'), entry('a', 'u1')]],
    ]),
    sha256,
  );
  const other = inventoryDigest(
    new Map([
      ['x', [entry('a', 'u1'), entry('b', 'u3')]],
      ['y', [entry('c')]],
    ]),
    sha256,
  );
  expect(one).toBe(two);
  expect(one).not.toBe(other);
});

const note: OperationNote = {
  assignment: 7,
  attempt: 2,
  finished: false,
  phases: ['PreSync'],
  hooks: ['batch/Job/shop/migrate'],
};

test('shards give back the inventory and the note', () => {
  fc.assert(
    fc.property(entries, fc.integer({ min: 1, max: 9 }), (held, shardsMin) => {
      const shards = shardInventory({ application: 'app', note, entries: held }, sha256, shardsMin);
      const read = shards.map((shard) => decodeShard(encodeShard(shard)));
      expect(read.every((result) => result.ok)).toBe(true);
      const merged = mergeShards(read.flatMap((result) => (result.ok ? [result.shard] : [])));
      expect(merged).toEqual({ note, entries: unionInventory([], held) });
    }),
  );
});

test('a mixture of old and new shards, as a crash leaves it, loses no entry', () => {
  const held = Array.from({ length: 50 }, (_, index) => entry(`n${index}`, 'u'));
  const old = shardInventory({ application: 'app', note: null, entries: held }, sha256, 1);
  const next = shardInventory({ application: 'app', note, entries: [...held, entry('new')] }, sha256, 2);
  for (const kept of [
    [...old, next[1]!],
    [next[0]!, ...old],
  ]) {
    const keys = new Set(mergeShards(kept).entries.map(identityKey));
    expect(held.every((item) => keys.has(identityKey(item)))).toBe(true);
  }
});

test('20,000 objects with long names stay within the size of a shard', () => {
  const many = Array.from({ length: 20_000 }, (_, index) =>
    entry(`${'x'.repeat(200)}${index}`, crypto.randomUUID()),
  );
  const shards = shardInventory({ application: 'app', note, entries: many }, sha256);
  expect(Math.max(...shards.map((shard) => encodeShard(shard).length))).toBeLessThanOrEqual(shardBytesMax);
  expect(shards.length).toBe(16);
});

test('one more object rewrites one shard', () => {
  const many = Array.from({ length: 5000 }, (_, index) => entry(`n${index}`, 'u'));
  const bytes = (list: InventoryEntry[]) =>
    shardInventory({ application: 'app', note, entries: list }, sha256, 8).map((shard) =>
      new TextDecoder().decode(encodeShard(shard)),
    );
  const [before, after] = [bytes(many), bytes([...many, entry('one-more')])];
  expect(after.filter((text, index) => text !== before[index])).toHaveLength(1);
});

test.each([
  '',
  '{}',
  '[]',
  '{"version":2}',
  '{"application":"a","entries":[["x","u"]],"note":null,"shard":0,"shards":1,"version":1}',
])('a shard of %j is refused, not half read', (text) => {
  expect(decodeShard(new TextEncoder().encode(text)).ok).toBe(false);
});
