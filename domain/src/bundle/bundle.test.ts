import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { digestOfText, type Sha256 } from '../digest/sha256.ts';
import { identityKey, identityOf } from '../object/identity.ts';
import type { KubeObject } from '../object/types.ts';
import { buildBundle, bundleObjectsMax, frameBytesMax, type Bundle } from './bundle.ts';
import { compareIndexes, decodeIndex, encodeIndex, lackingFrames } from './bundleIndex.ts';
import { canonicalText } from './canonical.ts';
import { beginsFrame } from './encodeObject.ts';
import { findObject, isFrame, linesOfFrame, verifyBundle, type SeenFrames } from './read.ts';

const sha256: Sha256 = (bytes) => createHash('sha256').update(bytes).digest();
const digestOf = (text: string): string => digestOfText(sha256, text);

function running() {
  const hash = createHash('sha256');
  return { update: (bytes: Uint8Array) => void hash.update(bytes), digest: () => hash.digest() };
}

function configMap(name: string, text = ''): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'shop' }, data: { text } };
}

function built(objects: KubeObject[]): Bundle {
  const result = buildBundle(
    objects.map((object, index) => ({ object, source: `${index}.yaml` })),
    sha256,
  );
  if (!result.ok) throw new Error(result.error.problem);
  return result.bundle;
}

function many(count: number, bytes = 0): KubeObject[] {
  return Array.from({ length: count }, (_, index) => configMap(`c${index}`, 'x'.repeat(bytes)));
}

function verified(
  bundle: Bundle,
  frames = bundle.frames,
  expected = bundle.index.digest,
  { seen, hash = sha256 }: { seen?: SeenFrames; hash?: Sha256 } = {},
) {
  const verifier = verifyBundle(bundle.index, expected, hash, running(), seen);
  for (const frame of frames) {
    const verdict = verifier.accept(frame);
    if (!verdict.ok) return verdict;
  }
  return verifier.finish();
}

describe('building', () => {
  test('the digest is over one canonical line an object, sorted by identity', () => {
    const objects = many(100);
    const lines = objects
      .toSorted((a, b) => (identityKey(identityOf(a)) < identityKey(identityOf(b)) ? -1 : 1))
      .map((object) => `${canonicalText(object)}\n`)
      .join('');
    const { index, frames } = built(objects);
    expect(Buffer.concat(frames).toString()).toBe(lines);
    expect(index.digest).toBe(createHash('sha256').update(lines).digest('hex'));
    expect(index.bytes).toBe(Buffer.byteLength(lines));
  });

  test('no objects are a bundle without frames', () => {
    const { index, frames } = built([]);
    expect(frames).toEqual([]);
    expect(index.digest).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
    expect(verified({ index, frames })).toEqual({ ok: true });
  });

  test('the order of the input does not matter', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(many(40), { minLength: 40 }), (objects) => {
        expect(built(objects).index).toEqual(built(many(40)).index);
      }),
      { numRuns: 20 },
    );
  });

  test('a frame ends before an object whose hash begins with four zero bits, and nowhere else while it fits', () => {
    const { index } = built(many(500));
    index.objects.forEach((object, position) => {
      const before = index.objects[position - 1];
      if (!before) return;
      const hash = createHash('sha256').update(identityKey(object.identity)).digest('hex');
      expect(object.frame > before.frame).toBe(hash.startsWith('0'));
    });
    expect(index.frames.length).toBeGreaterThan(15);
  });

  test('a frame ends at 64 KiB, and a larger object is alone in its frame', () => {
    const { index, frames } = built([...many(60, 20_000), configMap('huge', 'y'.repeat(200_000))]);
    for (const frame of frames) {
      const objects = [...linesOfFrame(frame, sha256)].length;
      expect(frame.length <= frameBytesMax || objects === 1).toBe(true);
    }
    expect(index.frames.filter((frame) => frame.bytes > frameBytesMax)).toHaveLength(1);
  });

  test('a duplicate names both sources', () => {
    const objects = [
      { object: configMap('a', '1'), source: 'base/a.yaml' },
      { object: configMap('a', '2'), source: 'extra/a.yaml' },
    ];
    expect(buildBundle(objects, sha256)).toMatchObject({
      ok: false,
      error: {
        problem: 'DuplicateIdentity',
        identity: { name: 'a' },
        sources: ['base/a.yaml', 'extra/a.yaml'],
      },
    });
  });

  test('20,000 objects are taken and one more is refused', () => {
    expect(built(many(bundleObjectsMax)).index.objects).toHaveLength(bundleObjectsMax);
    const sourced = many(bundleObjectsMax + 1).map((object) => ({ object, source: 'a' }));
    expect(buildBundle(sourced, sha256)).toMatchObject({
      ok: false,
      error: { problem: 'TooManyObjects', objects: 20_001 },
    });
  });

  test('more than 64 MiB are refused', () => {
    const sourced = many(66, 1024 * 1024).map((object) => ({ object, source: 'a' }));
    expect(buildBundle(sourced, sha256)).toMatchObject({ ok: false, error: { problem: 'TooLarge' } });
  });

  test('what has no canonical form names its source', () => {
    const sourced = [{ object: configMap('a', '\ud800'), source: 'a.yaml' }];
    expect(buildBundle(sourced, sha256)).toMatchObject({
      ok: false,
      error: { problem: 'NotCanonical', source: 'a.yaml' },
    });
  });
});

/** Where frames begin, as the identity of their first object. */
function borders(bundle: Bundle): Set<string> {
  const firsts = bundle.index.objects.filter(
    (object, position) => object.frame !== bundle.index.objects[position - 1]?.frame,
  );
  return new Set(firsts.map((object) => identityKey(object.identity)));
}

describe('a change of one object', () => {
  const names = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,8}$/), { minLength: 2, maxLength: 300 });

  test('of ordinary size moves no border and costs one frame', () => {
    fc.assert(
      fc.property(names, fc.nat(), fc.integer({ min: 0, max: 900 }), (all, pick, bytes) => {
        const objects = all.map((name) => configMap(name, 'x'.repeat(100)));
        const changed = objects.map((object, index) =>
          index === pick % objects.length ? configMap(object.metadata.name, 'y'.repeat(bytes)) : object,
        );
        const [before, after] = [built(objects), built(changed)];
        fc.pre(before.frames.every((frame) => frame.length < frameBytesMax - 1000));
        expect(borders(after)).toEqual(borders(before));
        const held = new Set(before.index.frames.map((frame) => frame.digest));
        expect(lackingFrames(after.index, held).length).toBeLessThanOrEqual(1);
      }),
    );
  });

  test('that comes or goes costs at most two frames', () => {
    fc.assert(
      fc.property(names, fc.nat(), (all, pick) => {
        const objects = all.map((name) => configMap(name));
        const fewer = objects.filter((_, index) => index !== pick % objects.length);
        const [whole, less] = [built(objects), built(fewer)];
        const lacking = (to: Bundle, from: Bundle) =>
          lackingFrames(to.index, new Set(from.index.frames.map((frame) => frame.digest))).length;
        expect(lacking(whole, less)).toBeLessThanOrEqual(2);
        expect(lacking(less, whole)).toBeLessThanOrEqual(2);
      }),
    );
  });

  test('of any size moves borders only between the two objects around it that begin frames by their hash', () => {
    fc.assert(
      fc.property(names, fc.nat(), fc.nat({ max: 100_000 }), (all, pick, bytes) => {
        const objects = all.map((name) => configMap(name, 'x'.repeat(9000)));
        const target = objects[pick % objects.length] as KubeObject;
        const changed = objects.map((object) =>
          object === target ? configMap(target.metadata.name, 'y'.repeat(bytes)) : object,
        );
        const keys = objects.map((object) => identityKey(identityOf(object))).sort();
        const at = keys.indexOf(identityKey(identityOf(target)));
        const outside = keys.filter((key, position) => {
          const between = position < at ? keys.slice(position + 1, at + 1) : keys.slice(at + 1, position + 1);
          return between.some((other) => beginsFrame(other, digestOf));
        });
        const [before, after] = [borders(built(objects)), borders(built(changed))];
        for (const key of outside) expect(after.has(key)).toBe(before.has(key));
      }),
      { numRuns: 40 },
    );
  });
});

describe('reading', () => {
  test('an index is read back as it was', () => {
    const { index } = built(many(200));
    expect(decodeIndex(encodeIndex(index))).toEqual({ ok: true, index });
    const text = new TextDecoder().decode(encodeIndex(index));
    expect(text).toBe(canonicalText(JSON.parse(text) as object));
  });

  test.each([
    ['no JSON', '{'],
    ['no object', '[]'],
    ['frames that do not add up', '{"bytes":5,"digest":"' + 'a'.repeat(64) + '","frames":[],"objects":[]}'],
    ['a digest in capitals', '{"bytes":0,"digest":"' + 'A'.repeat(64) + '","frames":[],"objects":[]}'],
  ])('an index with %s is refused', (_name, text) => {
    expect(decodeIndex(new TextEncoder().encode(text)).ok).toBe(false);
  });

  test('an index whose objects are out of order is refused', () => {
    const { index } = built(many(20));
    expect(decodeIndex(encodeIndex({ ...index, objects: index.objects.toReversed() })).ok).toBe(false);
  });

  test('lines give objects back, and objects are found in their frame', () => {
    const bundle = built(many(300));
    const identity = identityOf(configMap('c123'));
    const place = findObject(bundle.index, identity);
    const line = [...linesOfFrame(bundle.frames[place?.frame ?? -1] as Uint8Array, sha256)].find(
      (candidate) => candidate.digest() === place?.digest,
    );
    expect(line?.object()).toEqual(configMap('c123'));
    expect(findObject(bundle.index, identityOf(configMap('missing')))).toBeNull();
  });

  test('a whole bundle verifies', () => {
    expect(verified(built(many(300, 500)))).toEqual({ ok: true });
  });

  test('a flipped bit, a missing, foreign or reordered frame and another digest do not', () => {
    const bundle = built(many(300, 500));
    const flipped = bundle.frames.map((frame) => Uint8Array.from(frame));
    (flipped[3] as Uint8Array)[10]! ^= 1;
    expect(verified(bundle, flipped)).toMatchObject({ ok: false, reason: 'frame 3 differs from its digest' });
    expect(verified(bundle, bundle.frames.slice(1)).ok).toBe(false);
    expect(verified(bundle, bundle.frames.slice(0, -1))).toMatchObject({
      reason: expect.stringMatching(/^\d+ of \d+ frames$/) as string,
    });
    expect(verified(bundle, [...bundle.frames, bundle.frames[0] as Uint8Array]).ok).toBe(false);
    expect(verified(bundle, bundle.frames, built(many(2)).index.digest).ok).toBe(false);
  });

  test('an index that names one object more than its frames hold does not verify', () => {
    const bundle = built(many(30));
    const last = bundle.index.objects.at(-1)!;
    const more = { ...last, identity: { ...last.identity, name: 'zzz' } };
    const index = { ...bundle.index, objects: [...bundle.index.objects, more] };
    expect(verified({ ...bundle, index })).toMatchObject({
      ok: false,
      reason: expect.stringContaining('holds other objects') as string,
    });
  });

  test('an index that names other objects than its frames hold does not verify', () => {
    const bundle = built(many(30));
    const renamed = bundle.index.objects.map((object) => ({
      ...object,
      identity: { ...object.identity, namespace: 'other' },
    }));
    expect(verified({ ...bundle, index: { ...bundle.index, objects: renamed } }).ok).toBe(false);
  });

  test('a frame that was seen is not hashed line by line again, and an index that lists it otherwise is refused', () => {
    const bundle = built(many(300));
    const { index, frames } = bundle;
    const seen = new Map<string, string>();
    expect(verified(bundle, frames, index.digest, { seen })).toEqual({ ok: true });
    let hashed = 0;
    const hash: Sha256 = (bytes) => (hashed++, sha256(bytes));
    expect(verified(bundle, frames, index.digest, { seen, hash })).toEqual({ ok: true });
    expect(hashed).toBe(2 * frames.length);
    const [first, ...others] = index.objects;
    for (const changed of [
      { identity: { ...first!.identity, name: 'other' } },
      { digest: index.digest },
      { digest: others[0]!.digest },
    ]) {
      const objects = [{ ...first!, ...changed }, ...others];
      const verdict = verified({ index: { ...index, objects }, frames }, frames, index.digest, { seen });
      expect(verdict).toMatchObject({ reason: 'frame 0 holds other objects than the index says' });
    }
  });

  test('a frame is checked by size and digest', () => {
    const { index, frames } = built(many(10));
    expect(isFrame(index.frames[0]!, frames[0]!, sha256)).toBe(true);
    expect(isFrame(index.frames[0]!, frames[0]!.subarray(1), sha256)).toBe(false);
  });
});

test('two indexes tell what a change adds, changes and drops', () => {
  const before = built([configMap('a'), configMap('b'), configMap('c')]).index;
  const after = built([configMap('b', 'new'), configMap('c'), configMap('d')]).index;
  const names = (changes: { name: string }[]) => changes.map((identity) => identity.name);
  const changes = compareIndexes(before, after);
  expect([names(changes.added), names(changes.changed), names(changes.removed), changes.unchanged]).toEqual([
    ['d'],
    ['b'],
    ['a'],
    1,
  ]);
  expect(compareIndexes(null, after).added).toHaveLength(3);
});
