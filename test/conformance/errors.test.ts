/** Refusals: a Status with code, reason, details and causes; limits; Leases and their races. */
import { describe, expect, test } from 'vitest';
import type { Json } from './src/json.ts';
import { openKube } from './src/kube.ts';
import { configMap, deployment, service } from './src/objects.ts';

const kube = openKube('errors');

function without(object: Json, ...path: string[]): Json {
  const copy = structuredClone(object);
  const last = path.pop() as string;
  delete path.reduce((at, key) => at[key], copy)[last];
  return copy;
}

describe('an invalid object', () => {
  test.each<[string, string, () => Json, string, string]>([
    [
      'a name that is none',
      'configmaps',
      () => configMap('Not_A_Name'),
      'metadata.name',
      'FieldValueInvalid',
    ],
    [
      'a key that is none',
      'configmaps',
      () => configMap('keys', { 'a b': '' }),
      'data[a b]',
      'FieldValueInvalid',
    ],
    [
      'a label that is none',
      'configmaps',
      () => configMap('labels', {}, { labels: { ok: 'not ok' } }),
      'metadata.labels',
      'FieldValueInvalid',
    ],
    [
      'no selector',
      'deployments',
      () => without(deployment('no-selector'), 'spec', 'selector'),
      'spec.selector',
      'FieldValueRequired',
    ],
    [
      'a selector that does not fit',
      'deployments',
      () => deployment('no-fit', { spec: { selector: { matchLabels: { app: 'other' } } } }),
      'spec.template.metadata.labels',
      'FieldValueInvalid',
    ],
    [
      'no containers',
      'deployments',
      () => without(deployment('no-containers'), 'spec', 'template', 'spec', 'containers'),
      'spec.template.spec.containers',
      'FieldValueRequired',
    ],
    [
      'negative replicas',
      'deployments',
      () => deployment('negative', { replicas: -1 }),
      'spec.replicas',
      'FieldValueInvalid',
    ],
    [
      'a port out of range',
      'services',
      () => service('port', [{ port: 70000 }]),
      'spec.ports[0].port',
      'FieldValueInvalid',
    ],
  ])('with %s is a 422 that names the field', async (_title, resource, make, field, reason) => {
    const object = make();
    const { status, body } = await kube.post(kube.at(resource), object);
    expect(status).toBe(422);
    expect(body).toMatchObject({
      kind: 'Status',
      apiVersion: 'v1',
      status: 'Failure',
      reason: 'Invalid',
      code: 422,
    });
    expect(body.details).toMatchObject({ name: object.metadata.name, kind: object.kind });
    expect(body.details.causes).toContainEqual(expect.objectContaining({ field, reason }));
    expect(body.message).toContain(field);
  });

  test('of the wrong type in a known field is a 400', async () => {
    const { status, body } = await kube.post(
      kube.at('deployments'),
      deployment('typed', { spec: { replicas: 'two' } }),
    );
    expect([status, body.reason]).toEqual([400, 'BadRequest']);
  });

  test('with unknown fields is accepted without them', async () => {
    const { status, body } = await kube.post(kube.at('configmaps'), { ...configMap('unknown'), surplus: 1 });
    expect(status).toBe(201);
    expect(body).not.toHaveProperty('surplus');
  });

  test('with unknown fields is warned of where it asks for that', async () => {
    const path = `${kube.at('configmaps')}?fieldValidation=Warn`;
    const { status, headers } = await kube.post(path, { ...configMap('warned'), surplus: 1 });
    expect(status).toBe(201);
    expect(headers['warning']).toBe('299 - "unknown field \\"surplus\\""');
  });

  test('with unknown fields is refused where it asks for that', async () => {
    const path = `${kube.at('configmaps')}?fieldValidation=Strict`;
    const { status, body } = await kube.post(path, { ...configMap('strict'), surplus: 1 });
    expect([status, body.reason]).toEqual([400, 'BadRequest']);
    expect(body.message).toContain('strict decoding error: unknown field "surplus"');
  });

  test('that is no JSON is a 400', async () => {
    const { status, body } = await kube.post(kube.at('configmaps'), '{"apiVersion":');
    expect([status, body.kind, body.reason]).toEqual([400, 'Status', 'BadRequest']);
  });
});

describe('limits', () => {
  test('a ConfigMap of more than 1 MiB is refused', async () => {
    const { status, body } = await kube.post(
      kube.at('configmaps'),
      configMap('big', { a: 'x'.repeat(1_048_577) }),
    );
    expect(status).toBe(422);
    expect(body.details.causes[0]).toMatchObject({ reason: 'FieldValueTooLong' });
  });

  test('a body of more than 3 MiB is a 413', async () => {
    const { status, body } = await kube.post(
      kube.at('configmaps'),
      configMap('huge', { a: 'x'.repeat(3_200_000) }),
    );
    expect([status, body.reason]).toEqual([413, 'RequestEntityTooLarge']);
  });

  test('annotations of more than 256 KiB are refused', async () => {
    const annotations = { a: 'x'.repeat(262_145) };
    const { status, body } = await kube.post(kube.at('configmaps'), configMap('noted', {}, { annotations }));
    expect(status).toBe(422);
    expect(body.details.causes[0]).toMatchObject({
      field: 'metadata.annotations',
      reason: 'FieldValueTooLong',
    });
  });

  test('a method that a path does not have is a 405', async () => {
    const { status, body } = await kube.client.send('POST', kube.at('configmaps', 'one'), {
      body: configMap('one'),
    });
    expect([status, body.reason]).toEqual([405, 'MethodNotAllowed']);
  });
});

describe('a Lease', () => {
  const lease = (name: string, holderIdentity: string): Json => ({
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name },
    spec: { holderIdentity, leaseDurationSeconds: 15, renewTime: '2026-01-02T03:04:05.123456Z' },
  });

  test('keeps its times to the microsecond', async () => {
    expect((await kube.create('leases', lease('timed', 'a'))).spec).toEqual(lease('timed', 'a').spec);
  });

  test('of two who take it at the same version one wins', async () => {
    const made = await kube.create('leases', lease('raced', ''));
    const take = (holder: string) =>
      kube.put(kube.at('leases', 'raced'), { ...made, spec: { ...made.spec, holderIdentity: holder } });
    const codes = (await Promise.all([take('a'), take('b'), take('c')])).map(({ status }) => status);
    expect(codes.toSorted()).toEqual([200, 409, 409]);
  });

  test('is made by a PUT where there is none', async () => {
    const { status, body } = await kube.put(kube.at('leases', 'put'), lease('put', 'a'));
    expect([status, body.metadata.name]).toEqual([201, 'put']);
  });
});
