/** JSON, merge and strategic merge patches. */
import { beforeAll, describe, expect, test } from 'vitest';
import type { Json } from './src/json.ts';
import { openKube } from './src/kube.ts';
import { configMap, deployment, service } from './src/objects.ts';

const kube = openKube('patch');

beforeAll(async () => {
  await kube.create('configmaps', configMap('untouched'));
});

async function patchedData(type: 'json' | 'merge' | 'strategic', name: string, patch: Json): Promise<Json> {
  await kube.create('configmaps', configMap(name, { a: '1', b: '2' }));
  return (await kube.done(kube.patch(type, kube.at('configmaps', name), patch))).data;
}

describe('JSON patch', () => {
  test.each<[string, Json[], Json]>([
    ['add', [{ op: 'add', path: '/data/c', value: '3' }], { a: '1', b: '2', c: '3' }],
    ['remove', [{ op: 'remove', path: '/data/a' }], { b: '2' }],
    ['replace', [{ op: 'replace', path: '/data/a', value: '9' }], { a: '9', b: '2' }],
    ['move', [{ op: 'move', from: '/data/a', path: '/data/z' }], { b: '2', z: '1' }],
    ['copy', [{ op: 'copy', from: '/data/a', path: '/data/z' }], { a: '1', b: '2', z: '1' }],
    [
      'test',
      [
        { op: 'test', path: '/data/a', value: '1' },
        { op: 'remove', path: '/data/a' },
      ],
      { b: '2' },
    ],
  ])('%s', async (operation, patch, expected) => {
    expect(await patchedData('json', `json-${operation}`, patch)).toEqual(expected);
  });

  test('escapes in a path name keys with slashes', async () => {
    const path = kube.at('configmaps', 'escaped');
    await kube.create('configmaps', configMap('escaped', {}, { annotations: { 'a/b': '1' } }));
    const patch = [{ op: 'replace', path: '/metadata/annotations/a~1b', value: '2' }];
    expect((await kube.done(kube.patch('json', path, patch))).metadata.annotations).toEqual({ 'a/b': '2' });
  });

  test.each<[string, Json[]]>([
    ['a test that does not hold', [{ op: 'test', path: '/data/a', value: '7' }]],
    ['a path that is not there', [{ op: 'remove', path: '/data/nothing' }]],
  ])('%s is a 422 and changes nothing', async (_title, patch) => {
    const path = kube.at('configmaps', 'untouched');
    const before = await kube.read(path);
    const { status, body } = await kube.patch('json', path, patch);
    expect([status, body.reason]).toEqual([422, 'Invalid']);
    expect(await kube.read(path)).toEqual(before);
  });

  test('what is no JSON patch is a 400', async () => {
    const { status } = await kube.patch('json', kube.at('configmaps', 'untouched'), { a: 1 });
    expect(status).toBe(400);
  });
});

describe('merge patch', () => {
  test('sets what it names, and removes what it names null', async () => {
    expect(await patchedData('merge', 'merged', { data: { a: null, c: '3' } })).toEqual({ b: '2', c: '3' });
  });

  test('replaces lists', async () => {
    await kube.create('services', service('listed', [{ name: 'a', port: 80 }]));
    const patch = { spec: { ports: [{ name: 'b', port: 81 }] } };
    const { spec } = await kube.done(kube.patch('merge', kube.at('services', 'listed'), patch));
    expect(spec.ports).toEqual([{ name: 'b', port: 81, protocol: 'TCP', targetPort: 81 }]);
  });

  test('with a stale resourceVersion is a 409', async () => {
    const patch = { metadata: { resourceVersion: '1' }, data: { a: '2' } };
    const { status, body } = await kube.patch('merge', kube.at('configmaps', 'untouched'), patch);
    expect([status, body.reason]).toEqual([409, 'Conflict']);
  });

  test('that changes nothing keeps the resourceVersion', async () => {
    const path = kube.at('configmaps', 'untouched');
    const before = await kube.read(path);
    const { metadata } = await kube.done(kube.patch('merge', path, { data: { a: '1' } }));
    expect(metadata.resourceVersion).toBe(before.metadata.resourceVersion);
  });

  test('of what does not exist is a 404', async () => {
    const { status, body } = await kube.patch('merge', kube.at('configmaps', 'absent'), {});
    expect([status, body.reason]).toEqual([404, 'NotFound']);
  });

  test('cannot rename', async () => {
    const path = kube.at('configmaps', 'untouched');
    const { status } = await kube.patch('merge', path, { metadata: { name: 'renamed' } });
    expect(status).toBe(400);
  });

  test('cannot take the name away', async () => {
    const path = kube.at('configmaps', 'untouched');
    const { status, body } = await kube.patch('merge', path, { metadata: { name: null } });
    expect([status, body.message]).toEqual([400, expect.stringContaining('name must be provided')]);
  });

  test('takes no force and no unknown fieldValidation', async () => {
    const path = kube.at('configmaps', 'untouched');
    const { status, body } = await kube.patch('merge', `${path}?force=true&fieldValidation=Some`, {});
    expect([status, body.details.causes.map(({ field }: Json) => field)]).toEqual([
      422,
      ['force', 'fieldValidation'],
    ]);
  });

  test('of a type that nobody knows is a 415', async () => {
    const { status, body } = await kube.client.send('PATCH', kube.at('configmaps', 'untouched'), {
      body: {},
      contentType: 'application/json',
    });
    expect([status, body.reason]).toEqual([415, 'UnsupportedMediaType']);
  });
});

describe('strategic merge patch', () => {
  const containersOf = (object: Json) =>
    object.spec.template.spec.containers.map(({ name, image }: Json) => `${name} ${image}`);

  async function patchContainers(name: string, containers: Json[], more: Json = {}): Promise<Json> {
    const object = deployment(name, { replicas: 0 });
    object.spec.template.spec.containers = [
      { name: 'one', image: 'i:1' },
      { name: 'two', image: 'i:1' },
    ];
    await kube.create('deployments', object);
    const patch = { spec: { template: { spec: { containers, ...more } } } };
    return kube.done(kube.patch('strategic', kube.at('deployments', name), patch));
  }

  test('merges containers by name', async () => {
    const patched = await patchContainers('by-name', [{ name: 'two', image: 'i:2' }]);
    expect(containersOf(patched)).toEqual(['one i:1', 'two i:2']);
  });

  test('adds what has a new key', async () => {
    const patched = await patchContainers('new-key', [{ name: 'three', image: 'i:3' }]);
    expect(containersOf(patched).toSorted()).toEqual(['one i:1', 'three i:3', 'two i:1']);
  });

  test('$patch: delete removes one element', async () => {
    const patched = await patchContainers('deletes', [{ name: 'one', $patch: 'delete' }]);
    expect(containersOf(patched)).toEqual(['two i:1']);
  });

  test('$patch: replace replaces the list', async () => {
    const patched = await patchContainers('replaces', [
      { name: 'only', image: 'i:9' },
      { $patch: 'replace' },
    ]);
    expect(containersOf(patched)).toEqual(['only i:9']);
  });

  test('$setElementOrder orders the list', async () => {
    const patched = await patchContainers('orders', [{ name: 'one', image: 'i:2' }], {
      '$setElementOrder/containers': [{ name: 'two' }, { name: 'one' }],
    });
    expect(containersOf(patched)).toEqual(['two i:1', 'one i:2']);
  });

  test('$deleteFromPrimitiveList removes values of a set', async () => {
    const path = kube.at('configmaps', 'finalized');
    await kube.create(
      'configmaps',
      configMap('finalized', {}, { finalizers: ['t.example/a', 't.example/b'] }),
    );
    const patch = { metadata: { '$deleteFromPrimitiveList/finalizers': ['t.example/a'] } };
    const { metadata } = await kube.done(kube.patch('strategic', path, patch));
    expect(metadata.finalizers).toEqual(['t.example/b']);
    await kube.done(kube.patch('merge', path, { metadata: { finalizers: null } }));
  });

  test('null removes a field', async () => {
    expect(await patchedData('strategic', 'nulled', { data: { a: null } })).toEqual({ b: '2' });
  });
});
