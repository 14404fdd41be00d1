/** What an API server says about itself: resources, schemas, version, health; and the forms of its answers. */
import { describe, expect, test } from 'vitest';
import type { Json } from './src/json.ts';
import { openKube } from './src/kube.ts';
import { configMap, deployment } from './src/objects.ts';

const kube = openKube('discovery');
const aggregated = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
const asTable = 'application/json;as=Table;g=meta.k8s.io;v=v1';
const asMetadata = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';
const asMetadataList = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';

describe('discovery', () => {
  test('at once: /apis lists every group, version and resource', async () => {
    const found = await kube.read('/apis', { accept: aggregated });
    expect(found).toMatchObject({ kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2' });
    const apps = found.items.find(({ metadata }: Json) => metadata.name === 'apps');
    const resource = apps.versions[0].resources.find((each: Json) => each.resource === 'deployments');
    expect(resource).toMatchObject({
      responseKind: { group: '', version: '', kind: 'Deployment' },
      scope: 'Namespaced',
      singularResource: 'deployment',
      shortNames: ['deploy'],
      categories: ['all'],
    });
    expect(resource.verbs.toSorted()).toEqual([
      'create',
      'delete',
      'deletecollection',
      'get',
      'list',
      'patch',
      'update',
      'watch',
    ]);
    expect(resource.subresources.map(({ subresource }: Json) => subresource).toSorted()).toEqual([
      'scale',
      'status',
    ]);
  });

  test('at once: /api lists the core group', async () => {
    const { items } = await kube.read('/api', { accept: aggregated });
    expect(items).toHaveLength(1);
    const names = items[0].versions[0].resources.map(({ resource }: Json) => resource);
    expect(names).toEqual(
      expect.arrayContaining(['configmaps', 'namespaces', 'pods', 'secrets', 'services']),
    );
  });

  test('step by step: groups, then the resources of one version', async () => {
    const { kind, groups } = await kube.read('/apis');
    expect(kind).toBe('APIGroupList');
    const apps = groups.find(({ name }: Json) => name === 'apps');
    expect(apps.preferredVersion).toEqual({ groupVersion: 'apps/v1', version: 'v1' });
    const { resources, groupVersion } = await kube.read('/apis/apps/v1');
    expect(groupVersion).toBe('apps/v1');
    expect(resources.find(({ name }: Json) => name === 'deployments/scale')).toMatchObject({
      group: 'autoscaling',
      version: 'v1',
      kind: 'Scale',
    });
    expect((await kube.read('/api')).versions).toEqual(['v1']);
    expect((await kube.read('/api/v1')).kind).toBe('APIResourceList');
  });

  test('of a group that nobody serves is a 404', async () => {
    expect((await kube.get('/apis/nobody.example/v1')).status).toBe(404);
    const { status } = await kube.get(`/apis/nobody.example/v1/namespaces/${kube.namespace}/things`);
    expect(status).toBe(404);
  });

  test('OpenAPI v3 has an index, and the schema that `kubectl explain` reads', async () => {
    const { paths } = await kube.read('/openapi/v3');
    expect(paths).toHaveProperty(['api/v1']);
    const { components } = await kube.read(paths['apis/apps/v1'].serverRelativeURL);
    const schema = components.schemas['io.k8s.api.apps.v1.Deployment'];
    expect(schema.description).toContain('Deployment');
    expect(schema['x-kubernetes-group-version-kind']).toEqual([
      { group: 'apps', version: 'v1', kind: 'Deployment' },
    ]);
    expect(schema.properties.spec).toBeTruthy();
  });

  test('the version is that of Kubernetes, and health is told in one word', async () => {
    expect((await kube.read('/version')).gitVersion).toMatch(/^v1\.\d+\.\d+/);
    for (const path of ['/healthz', '/livez', '/readyz']) expect(await kube.read(path)).toBe('ok');
  });
});

describe('forms of an answer', () => {
  test('a Table has columns and a row for each object', async () => {
    await kube.create('configmaps', configMap('tabled', { a: '1', b: '2' }));
    const table = await kube.read(`${kube.at('configmaps')}?fieldSelector=metadata.name%3Dtabled`, {
      accept: asTable,
    });
    expect(table).toMatchObject({ kind: 'Table', apiVersion: 'meta.k8s.io/v1' });
    expect(table.columnDefinitions.map(({ name }: Json) => name)).toEqual(['Name', 'Data', 'Age']);
    expect(table.rows[0].cells.slice(0, 2)).toEqual(['tabled', 2]);
    expect(table.rows[0].object).toMatchObject({
      kind: 'PartialObjectMetadata',
      metadata: { name: 'tabled' },
    });
  });

  test('a Table of Deployments says how many are ready', async () => {
    await kube.create('deployments', deployment('tabled', { replicas: 0 }));
    const table = await kube.read(kube.at('deployments', 'tabled'), { accept: asTable });
    const wide = ({ priority }: Json) => priority === 0;
    expect(table.columnDefinitions.filter(wide).map(({ name }: Json) => name)).toEqual([
      'Name',
      'Ready',
      'Up-to-date',
      'Available',
      'Age',
    ]);
    expect(table.rows[0].cells.slice(0, 2)).toEqual(['tabled', '0/0']);
  });

  test('metadata only: one object and a list', async () => {
    await kube.create('configmaps', configMap('partial'));
    const one = await kube.read(kube.at('configmaps', 'partial'), { accept: asMetadata });
    expect(one).toMatchObject({ kind: 'PartialObjectMetadata', metadata: { name: 'partial' } });
    expect(one).not.toHaveProperty('data');
    const list = await kube.read(kube.at('configmaps'), { accept: asMetadataList });
    expect(list.kind).toBe('PartialObjectMetadataList');
    for (const item of list.items) expect(item).not.toHaveProperty('data');
  });

  test('one that nobody knows is a 406', async () => {
    const { status, body } = await kube.get(kube.at('configmaps'), { accept: 'text/csv' });
    expect([status, body.reason]).toEqual([406, 'NotAcceptable']);
  });
});
