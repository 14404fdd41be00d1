import { expect, test } from 'vitest';
import { fakeKube } from '../../test/fakeKube.ts';
import { systemClock } from '../clock.ts';
import type { KubeClient, KubeRequest, KubeResponse } from './client.ts';
import { createDiscovery } from './discovery.ts';
import { KubeError } from './error.ts';

const verbs = ['get', 'list', 'watch'];

function group(name: string, kind: string, freshness = 'Current') {
  const resources =
    freshness === 'Stale'
      ? []
      : [{ resource: `${kind.toLowerCase()}s`, responseKind: { kind }, scope: 'Namespaced', verbs }];
  return { metadata: { name }, versions: [{ version: 'v1', freshness, resources }] };
}

type Answers = Record<string, object | KubeError>;

/** Answers by path; a server of the newest kind, or an old one that knows no aggregated discovery. */
function serverOf(answers: Answers): { kube: KubeClient; asked: KubeRequest[] } {
  const asked: KubeRequest[] = [];
  const send = (request: KubeRequest): Promise<KubeResponse> => {
    asked.push(request);
    const answer = answers[request.path] ?? new KubeError('NotFound', 'not found');
    if (answer instanceof KubeError) return Promise.reject(answer);
    const etag = `"${JSON.stringify(answer).length}"`;
    const unchanged = request.headers?.['if-none-match'] === etag;
    return Promise.resolve({
      status: unchanged ? 304 : 200,
      headers: { etag },
      text: unchanged ? '' : JSON.stringify(answer),
    });
  };
  return { kube: { ...fakeKube(), send }, asked };
}

test('a group whose server is down is known by name, and the others are not affected', async () => {
  const { kube } = serverOf({
    '/api': { items: [group('', 'Pod')] },
    '/apis': { items: [group('apps', 'Deployment'), group('metrics.test', 'Metric', 'Stale')] },
  });
  const discovery = createDiscovery(kube, systemClock());
  expect(await discovery.find('apps/v1', 'Deployment')).toMatchObject({
    plural: 'deployments',
    namespaced: true,
  });
  expect([discovery.failed('apps'), discovery.failed('metrics.test')]).toEqual([false, true]);
  expect(discovery.preferred('', 'Pod')).toMatchObject({ plural: 'pods' });
});

test('nothing was read yet, or nothing could be: every group counts as failed, and what was known stays usable', async () => {
  const answers: Answers = {
    '/api': { items: [group('', 'Pod')] },
    '/apis': { items: [group('apps', 'Deployment')] },
  };
  const { kube } = serverOf(answers);
  const discovery = createDiscovery(kube, systemClock());
  expect(discovery.failed('apps')).toBe(true);
  await discovery.refresh();
  expect(discovery.failed('apps')).toBe(false);
  answers['/apis'] = new KubeError('Unavailable', 'away');
  await discovery.refresh();
  expect(discovery.failed('apps')).toBe(true);
  expect(discovery.preferred('apps', 'Deployment')).not.toBeNull();
});

test('a kind that is there costs nothing, a missing one is looked for again, an unchanged answer has no body', async () => {
  const answers: Answers = { '/api': { items: [] }, '/apis': { items: [group('apps', 'Deployment')] } };
  const { kube, asked } = serverOf(answers);
  let nowMs = 0;
  const discovery = createDiscovery(kube, { ...systemClock(), monotonicMs: () => nowMs });
  await discovery.find('apps/v1', 'Deployment');
  await discovery.find('apps/v1', 'Deployment');
  expect(asked.length).toBe(2);
  expect(await discovery.find('x.test/v1', 'Widget')).toBeNull();
  expect(asked.length).toBe(2);
  nowMs = 2_000;
  answers['/apis'] = { items: [group('apps', 'Deployment'), group('x.test', 'Widget')] };
  expect(await discovery.find('x.test/v1', 'Widget')).toMatchObject({ plural: 'widgets' });
  expect(asked[2]?.headers).toHaveProperty('if-none-match');
});

test('a server without aggregated discovery is read a group at a time, each failing by itself', async () => {
  const { kube } = serverOf({
    '/api': { versions: ['v1'] },
    '/api/v1': {
      resources: [
        { name: 'pods', kind: 'Pod', namespaced: true, verbs },
        { name: 'pods/log', kind: 'Pod', namespaced: true },
      ],
    },
    '/apis': {
      groups: [
        {
          name: 'apps',
          preferredVersion: { groupVersion: 'apps/v1' },
          versions: [{ groupVersion: 'apps/v1' }],
        },
        { name: 'down.test', versions: [{ groupVersion: 'down.test/v1' }] },
      ],
    },
    '/apis/apps/v1': { resources: [{ name: 'deployments', kind: 'Deployment', namespaced: true, verbs }] },
    '/apis/down.test/v1': new KubeError('Unavailable', 'away'),
  });
  const discovery = createDiscovery(kube, systemClock());
  expect(await discovery.find('v1', 'Pod')).toMatchObject({ plural: 'pods' });
  expect(await discovery.find('apps/v1', 'Deployment')).toMatchObject({ plural: 'deployments' });
  expect([discovery.failed('apps'), discovery.failed('down.test')]).toEqual([false, true]);
});
