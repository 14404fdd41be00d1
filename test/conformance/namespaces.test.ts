/** Namespaces come with what every one has, and end when all that is in them has ended. */
import { expect, test } from 'vitest';
import type { Json } from './src/json.ts';
import { openKube } from './src/kube.ts';
import { configMap } from './src/objects.ts';

const kube = openKube('namespaces');

function pathOf(name: string): string {
  return `/api/v1/namespaces/${name}`;
}

test('a new namespace is Active, finalized by Kubernetes and labelled with its name', async () => {
  const { status, spec, metadata } = await kube.read(pathOf(kube.namespace));
  expect(status.phase).toBe('Active');
  expect(spec.finalizers).toEqual(['kubernetes']);
  expect(metadata.labels).toEqual({ 'kubernetes.io/metadata.name': kube.namespace });
});

test('a new namespace gets its default ServiceAccount and the cluster’s CA', async () => {
  await kube.until(
    'a ServiceAccount',
    kube.at('serviceaccounts', 'default'),
    ({ metadata }) => metadata?.uid,
  );
  await kube.until('its CA', kube.at('configmaps', 'kube-root-ca.crt'), ({ data }) => data?.['ca.crt']);
});

test('a deleted namespace takes along what is in it', async () => {
  const name = kube.named('emptied');
  await kube.makeNamespace(name);
  await kube.done(kube.post(`${pathOf(name)}/configmaps`, configMap('inside')));
  const { body } = await kube.delete(pathOf(name));
  expect(body.status.phase).toBe('Terminating');
  expect(body.metadata.deletionTimestamp).toMatch(/Z$/);
  await kube.untilGone(pathOf(name), 30_000);
  expect((await kube.get(`${pathOf(name)}/configmaps/inside`)).status).toBe(404);
});

test('a namespace that ends waits for finalizers, says so, and takes nothing new', async () => {
  const name = kube.named('waiting');
  await kube.makeNamespace(name);
  const held = configMap('held', {}, { finalizers: ['conformance.example/hold'] });
  await kube.done(kube.post(`${pathOf(name)}/configmaps`, held));
  await kube.delete(pathOf(name));
  const { status } = await kube.until('what remains', pathOf(name), (object) =>
    object.status.conditions?.some(
      ({ type, status: value }: Json) => type === 'NamespaceFinalizersRemaining' && value === 'True',
    ),
  );
  const remaining = status.conditions.find(({ type }: Json) => type === 'NamespaceFinalizersRemaining');
  expect(remaining.message).toContain('conformance.example/hold in 1 resource instances');

  const refused = await kube.post(`${pathOf(name)}/configmaps`, configMap('late'));
  expect([refused.status, refused.body.reason]).toEqual([403, 'Forbidden']);
  expect(refused.body.message).toBe(
    `configmaps "late" is forbidden: unable to create new content in namespace ${name} because it is being terminated`,
  );
  expect(refused.body.details.causes[0].reason).toBe('NamespaceTerminating');

  const patch = { metadata: { finalizers: null } };
  await kube.done(kube.patch('merge', `${pathOf(name)}/configmaps/held`, patch));
  await kube.untilGone(pathOf(name), 30_000);
});
