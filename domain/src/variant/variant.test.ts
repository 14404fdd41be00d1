import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { KubeObject } from '../object/types.ts';
import {
  isMeant,
  mergePatch,
  overridesOf,
  patchObject,
  type ObjectPatch,
  type Override,
} from './override.ts';
import { readsOf, readsText, VariantIndex, variantsInUse } from './reads.ts';

function clusterOf(labels: Record<string, string>, facts: Record<string, string> = {}) {
  return { name: `c-${labels['region'] ?? ''}`, labels, facts };
}

const overrides: Override[] = [
  { clusters: { selector: { matchLabels: { tier: 'gold' } } }, patches: [] },
  { clusters: { names: ['c-eu*'] }, patches: [] },
];

describe('which variant is whose', () => {
  const eu = { id: 1, reads: { 'cluster.labels.region': 'eu' } };
  const us = { id: 2, reads: { 'cluster.labels.region': 'us', 'cluster.facts.nodes': '3' } };
  const none = { id: 3, reads: { 'cluster.labels.region': null } };
  const index = new VariantIndex([eu, us, none], []);

  test.each([
    [clusterOf({ region: 'eu', other: 'x' }), eu],
    [clusterOf({ region: 'us' }, { nodes: '3' }), us],
    [clusterOf({ region: 'us' }, { nodes: '4' }), null],
    [clusterOf({}), none],
    [clusterOf({ region: '' }), null],
  ])('%j', (cluster, expected) => {
    expect(index.find(cluster)).toBe(expected);
  });

  test('overrides that matched are among what was read', () => {
    const cluster = clusterOf({ tier: 'gold', region: 'eu' });
    expect(overridesOf(overrides, cluster)).toEqual([0, 1]);
    const variant = { reads: readsOf({}, overrides, cluster) };
    expect(variant.reads).toEqual({ overrides: '0,1' });
    const found = new VariantIndex([variant], overrides);
    expect(found.find(clusterOf({ tier: 'gold', region: 'eu', x: 'y' }))).toBe(variant);
    expect(found.find(clusterOf({ region: 'eu' }))).toBe(null);
  });

  test('nothing read is one variant for all, under the key of before', () => {
    expect([readsText({}), readsText({ b: null, a: '1' })]).toEqual(['', '{"a":"1","b":null}']);
    const only = { reads: {} };
    expect(new VariantIndex([only], []).find(clusterOf({ any: 'thing' }))).toBe(only);
  });

  test('what no cluster agrees with and no target is assigned is not in use', () => {
    const variants = ['eu', 'us', 'ap', 'sa'].map((region) => ({
      id: region,
      reads: { 'cluster.labels.region': region },
    }));
    const used = variantsInUse(
      new VariantIndex(variants, []),
      [clusterOf({ region: 'eu' }), clusterOf({})],
      ['us'],
    );
    expect([...used].sort()).toEqual(['eu', 'us']);
  });

  test('a found variant agrees in everything it read', () => {
    const values = fc.dictionary(fc.constantFrom('a', 'b'), fc.constantFrom('1', '2'));
    const reads = fc.dictionary(
      fc.constantFrom('cluster.labels.a', 'cluster.labels.b', 'cluster.facts.a'),
      fc.constantFrom('1', '2', null),
    );
    fc.assert(
      fc.property(fc.array(reads), values, values, (all, labels, facts) => {
        const cluster = { name: 'c', labels, facts };
        const agrees = (read: Record<string, string | null>) =>
          Object.entries(read).every(([name, value]) => {
            const [, of, key = ''] = name.split('.');
            return ((of === 'labels' ? labels : facts)[key] ?? null) === value;
          });
        const found = new VariantIndex(
          all.map((read) => ({ reads: read })),
          [],
        ).find(cluster);
        if (found === null) expect(all.some(agrees)).toBe(false);
        else expect(agrees(found.reads)).toBe(true);
      }),
    );
  });
});

describe('a patch', () => {
  const deployment = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'shop', labels: { a: '1' } },
    spec: { replicas: 1, template: { spec: { containers: [{ name: 'web', image: 'web:1' }] } } },
  } satisfies KubeObject;

  test('merges mappings, takes away what is null, and leaves the object as it was', () => {
    const patched = patchObject(deployment, {
      spec: { replicas: 3 },
      metadata: { labels: { a: null, b: '2' } },
    });
    expect(patched).toMatchObject({
      ok: true,
      object: { spec: { replicas: 3, template: deployment.spec.template } },
    });
    expect(patched.ok && patched.object.metadata['labels']).toEqual({ b: '2' });
    expect(deployment.metadata.labels).toEqual({ a: '1' });
  });

  test('reaches into lists as a JSON patch', () => {
    const path = '/spec/template/spec/containers/0/image';
    const patched = patchObject(deployment, [{ op: 'replace', path, value: 'web:2' }]);
    expect(patched.ok && patched.object['spec']).toMatchObject({
      template: { spec: { containers: [{ name: 'web', image: 'web:2' }] } },
    });
  });

  test.each<[ObjectPatch['patch'], RegExp]>([
    [{ metadata: { name: 'other' } }, /as they are/],
    [{ metadata: null }, /as they are/],
    [{ apiVersion: null }, /as they are/],
    [[{ op: 'remove', path: '/spec/none' }], /does not fit at "\/spec\/none"/],
    [[{ op: 'add', path: '/kind/x', value: 1 }], /does not fit/],
    [[{ op: 'replace', path: '', value: 1 }], /as they are/],
  ])('%j is refused', (patch, message) => {
    const patched = patchObject(deployment, patch);
    expect(patched.ok ? '' : patched.message).toMatch(message);
  });

  test('what is left out of its target is not asked for', () => {
    const identity = { group: 'apps', kind: 'Deployment', namespace: 'shop', name: 'web' };
    const target = { kind: 'Deployment', name: 'web' };
    expect(isMeant(target, identity)).toBe(true);
    for (const wrong of [{ group: '' }, { namespace: '' }, { name: 'x' }, { kind: 'x' }])
      expect(isMeant({ ...target, ...wrong }, identity)).toBe(false);
  });

  test('a merge is total, and what it gives has no null but inside of lists', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (target, patch) => {
        const merged = mergePatch(target as never, patch as never);
        const again = mergePatch(merged, patch as never);
        expect(again).toEqual(merged);
      }),
    );
  });
});
