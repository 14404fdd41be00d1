import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { identityKey, identityOf, parseIdentityKey } from './identity.ts';
import {
  encodeTracking,
  ownerOf,
  parseTracking,
  trackingAnnotation,
  trackingOf,
  withoutTracking,
  withTracking,
} from './tracking.ts';
import type { Identity, KubeObject } from './types.ts';

const self = { hub: 'hub1', application: 'app1' };

function configMap(metadata: Partial<KubeObject['metadata']> = {}): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: 'shop', ...metadata } };
}

const part = fc.stringMatching(/^[a-z0-9]([a-z0-9.-]{0,20}[a-z0-9])?$/);
const identity: fc.Arbitrary<Identity> = fc.record({
  group: fc.oneof(fc.constant(''), part),
  kind: fc.stringMatching(/^[A-Z][A-Za-z0-9]{0,20}$/),
  namespace: fc.oneof(fc.constant(''), part),
  name: fc.oneof(part, fc.constant('system:node:x')),
});

test('an identity key is read back as the same identity', () => {
  fc.assert(
    fc.property(identity, (id) => {
      expect(parseIdentityKey(identityKey(id))).toEqual(id);
    }),
  );
});

test.each(['', 'a', 'a/b/c', 'a/b/c/d/e', '//ns/name', 'g/K/ns/'])('%j is no identity key', (text) => {
  expect(parseIdentityKey(text)).toBeNull();
});

test('a tracking id is read back, names with colons included', () => {
  fc.assert(
    fc.property(identity, (id) => {
      expect(parseTracking(encodeTracking({ ...self, identity: id }))).toEqual({ ...self, identity: id });
    }),
  );
});

describe('ownership', () => {
  test('a marked object is ours, and unmarking leaves it as it was', () => {
    const object = configMap({ annotations: { note: 'x' } });
    const marked = withTracking(object, self, 'Shop');
    expect(ownerOf(marked, self)).toEqual({ type: 'ours' });
    expect(marked.metadata['labels']).toEqual({ 'flotilla.dev/app': 'app1' });
    expect(withoutTracking(marked)).toEqual(object);
    expect(object.metadata['labels']).toBeUndefined();
  });

  test('a copy that carries the annotation of its original is nobody’s', () => {
    const marked = withTracking(configMap(), self, 'Shop');
    const copy = { ...marked, metadata: { ...marked.metadata, name: 'b' } };
    expect(trackingOf(copy)).toBeNull();
    expect(ownerOf(copy, self)).toEqual({ type: 'none' });
  });

  test('the same application of another hub is another owner', () => {
    const marked = withTracking(configMap(), { hub: 'hub2', application: 'app1' }, 'Shop');
    expect(ownerOf(marked, self)).toEqual({ type: 'flotilla', hub: 'hub2', application: 'app1' });
  });

  test('what was adopted is ours, whatever marks the former tool left', () => {
    const old = configMap({ annotations: { 'argocd.argoproj.io/tracking-id': 'shop:/ConfigMap:shop/a' } });
    expect(ownerOf(withTracking(old, self, 'Shop'), self)).toEqual({ type: 'ours' });
  });

  test.each<[string, Partial<KubeObject['metadata']>, object]>([
    ['nothing', {}, { type: 'none' }],
    ['garbage', { annotations: { [trackingAnnotation]: 'garbage' } }, { type: 'none' }],
    [
      'Argo CD by annotation',
      { annotations: { 'argocd.argoproj.io/tracking-id': 'argocd_shop:/ConfigMap:shop/a' } },
      { type: 'argocd', name: 'argocd_shop' },
    ],
    [
      'Argo CD’s annotation on a copy',
      { annotations: { 'argocd.argoproj.io/tracking-id': 'shop:/ConfigMap:shop/other' } },
      { type: 'none' },
    ],
    [
      'the common instance label of a chart',
      { labels: { 'app.kubernetes.io/instance': 'shop' } },
      { type: 'none' },
    ],
    [
      'the same label where Argo CD has written',
      {
        labels: { 'app.kubernetes.io/instance': 'shop' },
        managedFields: [{ manager: 'argocd-controller', operation: 'Apply' }],
      },
      { type: 'argocd', name: 'shop' },
    ],
    [
      'a Flux Kustomization',
      {
        labels: {
          'kustomize.toolkit.fluxcd.io/name': 'shop',
          'kustomize.toolkit.fluxcd.io/namespace': 'flux-system',
        },
      },
      { type: 'flux', name: 'flux-system/shop' },
    ],
    ['a chart’s label', { labels: { 'app.kubernetes.io/managed-by': 'Helm' } }, { type: 'none' }],
    [
      'a Helm release',
      { annotations: { 'meta.helm.sh/release-name': 'shop', 'meta.helm.sh/release-namespace': 'web' } },
      { type: 'helm', name: 'web/shop' },
    ],
  ])('the owner by %s', (_name, metadata, owner) => {
    expect(ownerOf(configMap(metadata), self)).toEqual(owner);
  });
});

test('an identity reads group and namespace from where they are', () => {
  const deployment: KubeObject = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' } };
  expect(identityOf(deployment)).toEqual({ group: 'apps', kind: 'Deployment', namespace: '', name: 'web' });
});
