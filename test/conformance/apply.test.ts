/** Server-side apply: who owns which fields, and what an apply does to those of others. */
import { describe, expect, test } from 'vitest';
import type { Answer } from './src/http.ts';
import type { Json } from './src/json.ts';
import { openKube } from './src/kube.ts';
import { configMap, deployment, service } from './src/objects.ts';

const kube = openKube('apply');

function resourceOf({ kind }: Json): string {
  return `${kind.toLowerCase()}s`;
}

function tryApply(manager: string, object: Json, query = ''): Promise<Answer> {
  const path = kube.at(resourceOf(object), object.metadata.name);
  return kube.patch('apply', `${path}?fieldManager=${manager}${query}`, object);
}

function apply(manager: string, object: Json, query = ''): Promise<Json> {
  return kube.done(tryApply(manager, object, query));
}

/** `manager operation` → its fields, without subresources. */
function ownersOf({ metadata }: Json): Record<string, Json> {
  return Object.fromEntries(
    metadata.managedFields.map((entry: Json) => [`${entry.manager} ${entry.operation}`, entry.fieldsV1]),
  );
}

const ports = (...numbers: number[]) => numbers.map((port) => ({ name: `p${port}`, port }));

describe('an apply', () => {
  test('makes what does not exist, and its manager owns what it said', async () => {
    const { status, body } = await tryApply('one', configMap('made', { a: '1' }, { labels: { x: 'y' } }));
    expect(status).toBe(201);
    expect(body.metadata.managedFields).toEqual([
      {
        manager: 'one',
        operation: 'Apply',
        apiVersion: 'v1',
        time: expect.stringMatching(/^\d{4}-.*Z$/),
        fieldsType: 'FieldsV1',
        fieldsV1: { 'f:data': { 'f:a': {} }, 'f:metadata': { 'f:labels': { 'f:x': {} } } },
      },
    ]);
  });

  test('again changes neither resourceVersion nor times', async () => {
    const first = await apply('one', configMap('noop'));
    const { status, body } = await tryApply('one', configMap('noop'));
    expect(status).toBe(200);
    expect(body).toEqual(first);
  });

  test('removes what its manager owned and no longer says', async () => {
    await apply('one', configMap('shrinks', { a: '1', b: '2' }));
    expect((await apply('one', configMap('shrinks', { b: '2' }))).data).toEqual({ b: '2' });
  });

  test('leaves alone what others own', async () => {
    await apply('one', configMap('beside', { a: '1' }));
    const both = await apply('two', configMap('beside', { b: '2' }));
    expect(both.data).toEqual({ a: '1', b: '2' });
    expect(Object.keys(ownersOf(both))).toEqual(['one Apply', 'two Apply']);
    expect((await apply('one', configMap('beside', {}))).data).toEqual({ b: '2' });
  });

  test('gives a default back when a field is no longer said', async () => {
    await apply('one', deployment('default-back', { replicas: 0, spec: { revisionHistoryLimit: 3 } }));
    const { spec } = await apply('one', deployment('default-back', { replicas: 0 }));
    expect(spec.revisionHistoryLimit).toBe(10);
  });

  test('can be YAML', async () => {
    const text = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: yaml\ndata:\n  a: "1"\n';
    const answer = await kube.patch('apply', `${kube.at('configmaps', 'yaml')}?fieldManager=one`, text);
    expect([answer.status, answer.body.data]).toEqual([201, { a: '1' }]);
  });

  test('needs a field manager', async () => {
    const { status, body } = await kube.patch('apply', kube.at('configmaps', 'nobody'), configMap('nobody'));
    expect([status, body.reason]).toEqual([422, 'Invalid']);
    expect(body.details.causes[0]).toMatchObject({ field: 'fieldManager', reason: 'FieldValueRequired' });
  });

  test('may not bring managedFields', async () => {
    const { status, body } = await tryApply('one', configMap('brings', {}, { managedFields: [{}] }));
    expect(status).toBe(400);
    expect(body.message).toBe('metadata.managedFields must be nil');
  });

  test('with the uid of an object that is gone is a 409', async () => {
    const uid = '00000000-0000-4000-8000-000000000000';
    const { status, body } = await tryApply('one', configMap('gone', {}, { uid }));
    expect([status, body.reason]).toEqual([409, 'Conflict']);
  });

  test('as a dry run says what would be and keeps nothing', async () => {
    const { status, body } = await tryApply('one', configMap('dry'), '&dryRun=All');
    expect([status, body.data]).toEqual([201, { a: '1' }]);
    expect((await kube.get(kube.at('configmaps', 'dry'))).status).toBe(404);
  });

  test('with a stale resourceVersion is a 409', async () => {
    await apply('one', configMap('stale'));
    const { status, body } = await tryApply('one', configMap('stale', { a: '2' }, { resourceVersion: '1' }));
    expect([status, body.reason]).toEqual([409, 'Conflict']);
  });
});

describe('a conflict', () => {
  test('names the manager and the field, and changes nothing', async () => {
    const before = await apply('one', configMap('one-field'));
    const { status, body } = await tryApply('two', configMap('one-field', { a: '2' }));
    expect(status).toBe(409);
    expect(body).toMatchObject({
      reason: 'Conflict',
      message: 'Apply failed with 1 conflict: conflict with "one": .data.a',
      details: {
        causes: [{ reason: 'FieldManagerConflict', message: 'conflict with "one"', field: '.data.a' }],
      },
    });
    expect(await kube.read(kube.at('configmaps', 'one-field'))).toEqual(before);
  });

  test('of many fields lists them by manager', async () => {
    await apply('one', configMap('many', { a: '1', b: '1' }));
    const { body } = await tryApply('two', configMap('many', { a: '2', b: '2' }));
    expect(body.message).toBe('Apply failed with 2 conflicts: conflicts with "one":\n- .data.a\n- .data.b');
    expect(body.details.causes).toHaveLength(2);
  });

  test('in a list names the element by its key', async () => {
    await apply('one', deployment('keyed', { replicas: 0 }));
    const { body } = await tryApply('two', deployment('keyed', { replicas: 0, image: 'other:2' }));
    expect(body.details.causes.map(({ field }: Json) => field)).toEqual([
      '.spec.template.spec.containers[name="main"].image',
    ]);
  });

  test('with one who wrote by update names the operation’s version', async () => {
    await kube.done(kube.post(`${kube.at('configmaps')}?fieldManager=editor`, configMap('updated')));
    const { status, body } = await tryApply('one', configMap('updated', { a: '2' }));
    expect(status).toBe(409);
    expect(body.message).toBe('Apply failed with 1 conflict: conflict with "editor" using v1: .data.a');
  });

  test('is none when both say the same: they own it together', async () => {
    await apply('one', configMap('together'));
    const both = await apply('two', configMap('together'));
    const owned = { 'f:data': { 'f:a': {} } };
    expect(ownersOf(both)).toEqual({ 'one Apply': owned, 'two Apply': owned });
    expect((await apply('one', configMap('together', {}))).data).toEqual({ a: '1' });
    expect(await apply('two', configMap('together', {}))).not.toHaveProperty('data.a');
  });

  test('is overcome by force, and the field changes hands', async () => {
    await apply('one', configMap('forced', { a: '1', b: '1' }));
    const taken = await apply('two', configMap('forced', { a: '2' }), '&force=true');
    expect(taken.data).toEqual({ a: '2', b: '1' });
    expect(ownersOf(taken)).toEqual({
      'one Apply': { 'f:data': { 'f:b': {} } },
      'two Apply': { 'f:data': { 'f:a': {} } },
    });
  });
});

describe('writes without apply', () => {
  test('take over what they change, without a conflict', async () => {
    await apply('one', configMap('written', { a: '1', b: '1' }));
    const path = `${kube.at('configmaps', 'written')}?fieldManager=editor`;
    const written = await kube.done(kube.patch('merge', path, { data: { a: '2' } }));
    expect(ownersOf(written)).toEqual({
      'one Apply': { 'f:data': { 'f:b': {} } },
      'editor Update': { 'f:data': { 'f:a': {} } },
    });
  });

  test('of a client without a name are its user agent’s', async () => {
    const made = await kube.create('configmaps', configMap('nameless'));
    expect(ownersOf(made)).toEqual({ 'conformance Update': { 'f:data': { '.': {}, 'f:a': {} } } });
  });

  test('of the status are kept apart, and an apply of the spec does not touch it', async () => {
    await apply('one', deployment('statused', { replicas: 0, spec: { paused: true } }));
    const path = `${kube.at('deployments', 'statused')}/status?fieldManager=controller`;
    const before = await kube.done(
      kube.patch('merge', path, { status: { collisionCount: 3 }, spec: { replicas: 9 } }),
    );
    expect([before.status.collisionCount, before.spec.replicas]).toEqual([3, 0]);
    const entry = before.metadata.managedFields.find(({ manager }: Json) => manager === 'controller');
    expect(entry).toMatchObject({
      operation: 'Update',
      subresource: 'status',
      fieldsV1: { 'f:status': { 'f:collisionCount': {} } },
    });
    const after = await apply('one', deployment('statused', { replicas: 0, spec: { paused: false } }));
    expect(after.status.collisionCount).toBe(3);
  });

  test('can clear all ownership', async () => {
    await apply('one', configMap('cleared'));
    const patch = [{ op: 'replace', path: '/metadata/managedFields', value: [{}] }];
    const cleared = await kube.done(kube.patch('json', kube.at('configmaps', 'cleared'), patch));
    expect(cleared.metadata).not.toHaveProperty('managedFields');
  });
});

describe('lists', () => {
  test('with keys are merged element by element', async () => {
    await apply('one', service('keyed', ports(80)));
    const both = await apply('two', service('keyed', ports(81)));
    expect(both.spec.ports.map(({ port }: Json) => port).toSorted()).toEqual([80, 81]);
    const owned = ownersOf(both)['two Apply'];
    expect(owned['f:spec']['f:ports']).toEqual({
      'k:{"port":81,"protocol":"TCP"}': { '.': {}, 'f:name': {}, 'f:port': {} },
    });
    const less = await apply('one', service('keyed', []));
    expect(less.spec.ports.map(({ port }: Json) => port)).toEqual([81]);
  });

  test('that are sets are joined', async () => {
    const withFinalizer = (finalizer: string) => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'set', finalizers: [finalizer] },
    });
    await apply('one', withFinalizer('t.example/a'));
    const both = await apply('two', withFinalizer('t.example/b'));
    expect(both.metadata.finalizers).toEqual(['t.example/a', 't.example/b']);
    expect(ownersOf(both)['two Apply']['f:metadata']['f:finalizers']).toEqual({ 'v:"t.example/b"': {} });
    await kube.done(kube.patch('merge', kube.at('configmaps', 'set'), { metadata: { finalizers: null } }));
  });

  test('that are atomic are replaced, and conflict as a whole', async () => {
    const withArgs = (args: string[]) => {
      const object = deployment('atomic', { replicas: 0 });
      object.spec.template.spec.containers[0].args = args;
      return object;
    };
    await apply('one', withArgs(['a', 'b']));
    const { body } = await tryApply('two', withArgs(['c']));
    expect(body.details.causes.map(({ field }: Json) => field)).toEqual([
      '.spec.template.spec.containers[name="main"].args',
    ]);
    const replaced = await apply('one', withArgs(['c']));
    expect(replaced.spec.template.spec.containers[0].args).toEqual(['c']);
  });

  test('with the same key twice are refused', async () => {
    const { status, body } = await tryApply('one', service('twice', [...ports(80), ...ports(80)]));
    expect(status).toBeGreaterThanOrEqual(400);
    expect(body.message).toContain('duplicate');
  });
});
