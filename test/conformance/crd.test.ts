/** Custom resources: established at once, held to their schema, and gone with their definition. */
import { beforeAll, describe, expect, test } from 'vitest';
import type { Json } from './src/json.ts';
import { openKube } from './src/kube.ts';

const kube = openKube('crd');
const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

const specSchema = {
  type: 'object',
  required: ['size'],
  properties: {
    size: { type: 'integer', minimum: 1, maximum: 9 },
    color: { type: 'string', enum: ['red', 'blue'], default: 'red' },
    code: { type: 'string', pattern: '^[a-z]+$', maxLength: 5 },
    either: { 'x-kubernetes-int-or-string': true },
    free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
    parts: {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
      items: {
        type: 'object',
        required: ['name'],
        properties: { name: { type: 'string' }, count: { type: 'integer', default: 1 } },
      },
    },
    tags: { type: 'array', items: { type: 'string' } },
  },
};

function group(name: string): string {
  return `${name}-${kube.cluster.suffix}.conformance.test`;
}

function definition(name: string): Json {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `gadgets.${group(name)}` },
    spec: {
      group: group(name),
      scope: 'Namespaced',
      names: {
        plural: 'gadgets',
        singular: 'gadget',
        kind: 'Gadget',
        shortNames: ['gdg'],
        categories: ['toys'],
      },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: [{ name: 'Size', type: 'integer', jsonPath: '.spec.size' }],
          schema: {
            openAPIV3Schema: {
              type: 'object',
              properties: {
                spec: specSchema,
                status: { type: 'object', properties: { phase: { type: 'string' } } },
              },
            },
          },
        },
      ],
    },
  };
}

function hasCondition(object: Json, type: string): boolean {
  return (
    object.status?.conditions?.some((each: Json) => each.type === type && each.status === 'True') ?? false
  );
}

async function define(name: string): Promise<string> {
  await kube.done(kube.post(definitions, definition(name)));
  await kube.until('Established', `${definitions}/gadgets.${group(name)}`, (crd) =>
    hasCondition(crd, 'Established'),
  );
  const path = `/apis/${group(name)}/v1/namespaces/${kube.namespace}/gadgets`;
  await kube.until('served', path, ({ kind }) => kind === 'GadgetList');
  return path;
}

function gadget(name: string, spec: Json = { size: 1 }, more: Json = {}, of = 'main'): Json {
  return { apiVersion: `${group(of)}/v1`, kind: 'Gadget', metadata: { name }, spec, ...more };
}

let gadgets = '';
beforeAll(async () => {
  gadgets = await define('main');
});

async function make(name: string, spec?: Json, more?: Json): Promise<Json> {
  return kube.done(kube.post(gadgets, gadget(name, spec, more)));
}

describe('a definition', () => {
  test('says that its names are accepted and it is established', async () => {
    const { status } = await kube.read(`${definitions}/gadgets.${group('main')}`);
    const conditions = Object.fromEntries(status.conditions.map((each: Json) => [each.type, each.reason]));
    expect(conditions).toMatchObject({ NamesAccepted: 'NoConflicts', Established: 'InitialNamesAccepted' });
    expect(status.storedVersions).toEqual(['v1']);
    expect(status.acceptedNames).toMatchObject({ plural: 'gadgets', kind: 'Gadget', listKind: 'GadgetList' });
  });

  test('whose name does not join its plural and group is refused', async () => {
    const wrong = definition('wrong');
    wrong.metadata.name = 'other.example.test';
    const { status, body } = await kube.post(definitions, wrong);
    expect([status, body.reason]).toEqual([422, 'Invalid']);
    expect(body.details.causes[0].field).toBe('metadata.name');
  });

  test('shows its resource in discovery, with short names and categories', async () => {
    const { resources } = await kube.read(`/apis/${group('main')}/v1`);
    expect(resources.map(({ name }: Json) => name)).toEqual(['gadgets', 'gadgets/status']);
    expect(resources[0]).toMatchObject({
      kind: 'Gadget',
      singularName: 'gadget',
      namespaced: true,
      shortNames: ['gdg'],
      categories: ['toys'],
    });
  });

  test('that is deleted takes its objects and its path along', async () => {
    const path = await define('short');
    await kube.done(kube.post(path, gadget('inside', { size: 1 }, {}, 'short')));
    const stream = await kube.watch(`${path}?watch=1`);
    await kube.done(kube.delete(`${definitions}/gadgets.${group('short')}`));
    await kube.untilGone(`${definitions}/gadgets.${group('short')}`);
    await kube.untilGone(path);
    await stream.untilClosed();
    const again = await define('short');
    expect((await kube.read(again)).items).toEqual([]);
  });

  test('that is new keeps no version from before it: a watch from there is told 410 Expired', async () => {
    const stream = await kube.watch(`${gadgets}?watch=1&resourceVersion=1`);
    const [event] = await stream.untilCount(1);
    expect(event?.type).toBe('ERROR');
    expect(event?.object).toMatchObject({ kind: 'Status', code: 410, reason: 'Expired' });
    expect(event?.object.message).toMatch(/^too old resource version: 1 \(\d+\)$/);
    await stream.untilClosed();
  });
});

describe('an object', () => {
  test('gets the defaults of its schema, also in lists', async () => {
    const { spec, metadata } = await make('defaults', { size: 1, parts: [{ name: 'a' }] });
    expect(spec).toEqual({ size: 1, color: 'red', parts: [{ name: 'a', count: 1 }] });
    expect(metadata.generation).toBe(1);
  });

  test('loses fields that its schema does not know, but for those it preserves', async () => {
    const { spec } = await make('pruned', { size: 1, unknown: 1, free: { any: { thing: 1 } } });
    expect(spec).toEqual({ size: 1, color: 'red', free: { any: { thing: 1 } } });
  });

  test.each<[string, Json, string, string]>([
    ['a missing field', {}, 'spec.size', 'FieldValueRequired'],
    ['another type', { size: 'big' }, 'spec.size', 'FieldValueTypeInvalid'],
    ['a value below the minimum', { size: 0 }, 'spec.size', 'FieldValueInvalid'],
    ['a value that is not in the enum', { size: 1, color: 'green' }, 'spec.color', 'FieldValueNotSupported'],
    ['a pattern that does not match', { size: 1, code: 'A' }, 'spec.code', 'FieldValueInvalid'],
    ['a text that is too long', { size: 1, code: 'abcdef' }, 'spec.code', 'FieldValueTooLong'],
  ])('with %s is refused, with field and reason', async (_title, spec, field, reason) => {
    const { status, body } = await kube.post(gadgets, gadget('invalid', spec));
    expect([status, body.reason]).toEqual([422, 'Invalid']);
    expect(body.details).toMatchObject({ name: 'invalid', group: group('main'), kind: 'Gadget' });
    expect(body.details.causes).toContainEqual(expect.objectContaining({ field, reason }));
  });

  test('takes numbers and text where both are allowed', async () => {
    expect((await make('number', { size: 1, either: 8 })).spec.either).toBe(8);
    expect((await make('text', { size: 1, either: '8%' })).spec.either).toBe('8%');
  });

  test('with a status subresource takes its status only there', async () => {
    const made = await make('statused', { size: 1 }, { status: { phase: 'Early' } });
    expect(made).not.toHaveProperty('status');
    const path = `${gadgets}/statused/status`;
    const written = await kube.done(
      kube.put(path, { ...made, spec: { size: 5 }, status: { phase: 'Ready' } }),
    );
    expect(written.status).toEqual({ phase: 'Ready' });
    expect(written.spec.size).toBe(1);
    expect(written.metadata.generation).toBe(1);
  });

  test('counts changes of its spec as generation', async () => {
    await make('counted');
    const path = `${gadgets}/counted`;
    const changed = await kube.done(kube.patch('merge', path, { spec: { size: 2 } }));
    expect(changed.metadata.generation).toBe(2);
    const labelled = await kube.done(kube.patch('merge', path, { metadata: { labels: { a: 'b' } } }));
    expect(labelled.metadata.generation).toBe(2);
  });

  test('is applied by the list types of its schema', async () => {
    const apply = (manager: string, spec: Json) =>
      kube.done(kube.patch('apply', `${gadgets}/applied?fieldManager=${manager}`, gadget('applied', spec)));
    await apply('one', { size: 1, parts: [{ name: 'a' }] });
    const { spec } = await apply('two', { size: 1, parts: [{ name: 'b', count: 2 }] });
    expect(spec.parts).toEqual([
      { name: 'a', count: 1 },
      { name: 'b', count: 2 },
    ]);
  });

  test('has no strategic merge patch', async () => {
    await make('strategic');
    const { status } = await kube.patch('strategic', `${gadgets}/strategic`, { spec: { size: 2 } });
    expect(status).toBe(415);
  });

  test('shows the columns of its definition in a Table', async () => {
    await make('shown', { size: 7 });
    const accept = 'application/json;as=Table;g=meta.k8s.io;v=v1';
    const table = await kube.read(`${gadgets}/shown`, { accept });
    expect(table.columnDefinitions.map(({ name }: Json) => name)).toEqual(['Name', 'Size']);
    expect(table.rows[0].cells).toEqual(['shown', 7]);
  });
});
