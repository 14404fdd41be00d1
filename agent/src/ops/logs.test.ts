/** Whose pods an application sees: those of its own objects, in the namespaces of its project, and nobody else's. */
import type { KubeObject } from '@flotilla/domain/object/types';
import { withTracking } from '@flotilla/domain/object/tracking';
import type { LogsRequest } from '@flotilla/proto/messages';
import { beforeEach, expect, test } from 'vitest';
import type { FakeKube } from '../../test/fakeKube.ts';
import { fakeKube } from '../../test/fakeKube.ts';
import { testBody } from '../hub/desired.fixture.ts';
import type { Discovery } from '../kube/discovery.ts';
import { AnswerError } from './answer.ts';
import { readLogs } from './logs.ts';

const body = testBody({ allowed: { namespaces: ['shop*'], clusterKinds: [], namespacedKindsDenied: [] } });
const tracker = { hub: 'hub', application: body.application.id };
let kube: FakeKube;

beforeEach(() => {
  kube = fakeKube();
});

/** Knows the kinds of these tests. */
const discovery: Discovery = {
  find: (apiVersion, kind) =>
    Promise.resolve({
      group: 'apps',
      version: apiVersion.replace('apps/', ''),
      kind,
      plural: `${kind.toLowerCase()}s`,
      namespaced: true,
      verbs: ['get'],
    }),
  preferred: () => null,
  failed: () => false,
  refresh: () => Promise.resolve(),
};

function put(
  kind: 'Pod' | 'ReplicaSet' | 'Deployment',
  name: string,
  owner: string | null,
  ours = false,
): void {
  const apiVersion = kind === 'Pod' ? 'v1' : 'apps/v1';
  const [ownerKind = '', ownerName = ''] = owner?.split('/') ?? [];
  const references = [
    { apiVersion: 'apps/v1', kind: ownerKind, name: ownerName, uid: `uid-${ownerName}`, controller: true },
  ];
  const object: KubeObject = {
    apiVersion,
    kind,
    metadata: {
      name,
      namespace: 'shop',
      uid: `uid-${name}`,
      ...(owner !== null && { ownerReferences: references }),
    },
  };
  const root = kind === 'Pod' ? '/api/v1' : '/apis/apps/v1';
  const path = `${root}/namespaces/shop/${kind.toLowerCase()}s/${name}`;
  kube.objects.set(path, ours ? withTracking(object, tracker, 'shop') : object);
}

function request(change: Partial<LogsRequest> = {}): LogsRequest {
  return {
    target: '',
    namespace: 'shop',
    pod: 'web-1-a',
    container: '',
    tailLines: 10,
    follow: false,
    previous: false,
    since: null,
    ...change,
  };
}

async function codeOf(asked: LogsRequest): Promise<string> {
  try {
    await readLogs({ kube, discovery, body }, asked, new AbortController().signal).next();
    return 'read';
  } catch (error) {
    if (error instanceof AnswerError) return error.code;
    throw error;
  }
}

test('a pod whose controllers lead to an object of the application is read', async () => {
  put('Deployment', 'web', null, true);
  put('ReplicaSet', 'web-1', 'Deployment/web');
  put('Pod', 'web-1-a', 'ReplicaSet/web-1');
  const reading = readLogs({ kube, discovery, body }, request(), new AbortController().signal).next();
  await expect.poll(() => kube.streams.length).toBe(1);
  expect(kube.streams[0]?.path).toBe('/api/v1/namespaces/shop/pods/web-1-a/log?tailLines=10');
  kube.streams[0]?.push('hello\n');
  expect(String((await reading).value)).toBe('hello\n');
});

test('a pod of somebody else, one that is not there and one in a foreign namespace look the same', async () => {
  put('Deployment', 'other', null);
  put('ReplicaSet', 'other-1', 'Deployment/other');
  put('Pod', 'other-1-a', 'ReplicaSet/other-1');
  expect(await codeOf(request({ pod: 'other-1-a' }))).toBe('notFound');
  expect(await codeOf(request({ pod: 'nobody' }))).toBe('notFound');
  expect(await codeOf(request({ namespace: 'kube-system' }))).toBe('notFound');
  expect(kube.requests.some((line) => line.includes('kube-system'))).toBe(false);
});

test('an owner that was made again under the same name is not the owner', async () => {
  put('Deployment', 'web', null, true);
  put('ReplicaSet', 'web-1', 'Deployment/web');
  put('Pod', 'web-1-a', 'ReplicaSet/web-1');
  const path = '/apis/apps/v1/namespaces/shop/replicasets/web-1';
  const replicaSet = kube.objects.get(path);
  if (replicaSet)
    kube.objects.set(path, { ...replicaSet, metadata: { ...replicaSet.metadata, uid: 'another' } });
  expect(await codeOf(request())).toBe('notFound');
});
