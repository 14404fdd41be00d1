/** Objects are made, read, replaced and deleted as Kubernetes does it. */
import { describe, expect, test } from 'vitest';
import { openKube } from './src/kube.ts';
import { configMap, deployment, job, service } from './src/objects.ts';

const kube = openKube('crud');

describe('create and read', () => {
  test('a created object has its identity and no generation where its kind has none', async () => {
    const { status, body } = await kube.post(kube.at('configmaps'), configMap('made'));
    expect(status).toBe(201);
    expect(body).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap', data: { a: '1' } });
    expect(body.metadata).toMatchObject({ name: 'made', namespace: kube.namespace });
    expect(body.metadata.uid).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(body.metadata.creationTimestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    expect(body.metadata.resourceVersion).toMatch(/^\d+$/);
    expect(body.metadata).not.toHaveProperty('generation');
    expect(await kube.read(kube.at('configmaps', 'made'))).toEqual(body);
  });

  test('a name that is taken is refused with 409', async () => {
    await kube.create('configmaps', configMap('taken'));
    const { status, body } = await kube.post(kube.at('configmaps'), configMap('taken'));
    expect(status).toBe(409);
    expect(body).toMatchObject({
      kind: 'Status',
      reason: 'AlreadyExists',
      message: 'configmaps "taken" already exists',
      details: { name: 'taken', kind: 'configmaps' },
    });
  });

  test('a namespace that does not exist is a 404 that names it', async () => {
    const { status, body } = await kube.post('/api/v1/namespaces/nowhere/configmaps', configMap('a'));
    expect(status).toBe(404);
    expect(body).toMatchObject({ reason: 'NotFound', message: 'namespaces "nowhere" not found' });
  });

  test('an object of another namespace than the path is refused', async () => {
    const object = configMap('a', {}, { namespace: 'default' });
    const { status, body } = await kube.post(kube.at('configmaps'), object);
    expect(status).toBe(400);
    expect(body.message).toBe(
      'the namespace of the provided object does not match the namespace sent on the request',
    );
  });

  test('an object of another kind than the path is refused', async () => {
    const { status, body } = await kube.post(kube.at('configmaps'), { ...service('a'), spec: {} });
    expect(status).toBe(400);
    expect(body.reason).toBe('BadRequest');
  });

  test('a new object may not name a resourceVersion', async () => {
    const object = configMap('with-version', {}, { resourceVersion: '1' });
    const { status, body } = await kube.post(kube.at('configmaps'), object);
    expect(status).toBe(500);
    expect(body.message).toBe('resourceVersion should not be set on objects to be created');
  });

  test('uid, creationTimestamp and deletionTimestamp of the client are ignored', async () => {
    const claimed = {
      uid: 'mine',
      creationTimestamp: '2001-01-01T00:00:00Z',
      deletionTimestamp: '2001-01-01T00:00:00Z',
    };
    const { metadata } = await kube.create('configmaps', configMap('claims', {}, claimed));
    expect(metadata.uid).not.toBe('mine');
    expect(metadata.creationTimestamp).not.toBe(claimed.creationTimestamp);
    expect(metadata).not.toHaveProperty('deletionTimestamp');
  });

  test('generateName gives a name of five more characters, another one each time', async () => {
    const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { generateName: 'gen-' } };
    const names = [await kube.create('configmaps', body), await kube.create('configmaps', body)].map(
      ({ metadata }) => metadata.name,
    );
    for (const name of names) expect(name).toMatch(/^gen-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
    expect(names[0]).not.toBe(names[1]);
  });

  test('an object without name and generateName is refused', async () => {
    const { status, body } = await kube.post(kube.at('configmaps'), {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: {},
    });
    expect(status).toBe(422);
    expect(body.details.causes[0]).toMatchObject({ field: 'metadata.name', reason: 'FieldValueRequired' });
  });

  test('stringData of a Secret becomes data and is not kept', async () => {
    const secret = await kube.create('secrets', {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'words' },
      stringData: { word: 'open' },
    });
    expect(secret.data).toEqual({ word: Buffer.from('open').toString('base64') });
    expect(secret.type).toBe('Opaque');
    expect(secret).not.toHaveProperty('stringData');
  });

  test('defaults of a kind are filled in', async () => {
    const { spec } = await kube.create('deployments', deployment('defaulted', { replicas: 0 }));
    expect(spec).toMatchObject({
      progressDeadlineSeconds: 600,
      revisionHistoryLimit: 10,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
    });
    expect(spec.template.spec).toMatchObject({
      restartPolicy: 'Always',
      dnsPolicy: 'ClusterFirst',
      terminationGracePeriodSeconds: 30,
    });
    expect(spec.template.spec.containers[0]).toMatchObject({
      imagePullPolicy: 'IfNotPresent',
      terminationMessagePath: '/dev/termination-log',
    });
  });

  test('a Service gets a cluster IP and its ports their defaults', async () => {
    const { spec } = await kube.create('services', service('addressed'));
    expect(spec.clusterIP).toMatch(/^10\.96\./);
    expect(spec).toMatchObject({
      clusterIPs: [spec.clusterIP],
      type: 'ClusterIP',
      sessionAffinity: 'None',
    });
    expect(spec.ports).toEqual([{ port: 80, protocol: 'TCP', targetPort: 80 }]);
  });
});

test('a Job is given a selector and labels of its own, which nobody owns', async () => {
  const { metadata, spec } = await kube.create('jobs', job('selecting'));
  const uid = { 'batch.kubernetes.io/controller-uid': metadata.uid };
  expect(spec.selector).toEqual({ matchLabels: uid });
  expect(spec.template.metadata.labels).toMatchObject({ ...uid, app: 'selecting', 'job-name': 'selecting' });
  const [entry] = metadata.managedFields;
  expect(entry.fieldsV1['f:spec']).not.toHaveProperty('f:selector');
});

describe('a Service', () => {
  test('keeps its cluster IP when it is replaced without, and loses node ports with its type', async () => {
    const made = await kube.create('services', service('kept'));
    const path = kube.at('services', 'kept');
    const put = await kube.done(kube.put(path, service('kept', [{ port: 81 }])));
    expect(put.spec.clusterIP).toBe(made.spec.clusterIP);
    const open = await kube.done(kube.patch('merge', path, { spec: { type: 'NodePort' } }));
    expect(open.spec.ports[0].nodePort).toBeGreaterThanOrEqual(30_000);
    const closed = await kube.done(kube.patch('merge', path, { spec: { type: 'ClusterIP' } }));
    expect(closed.spec.ports).toEqual([{ port: 81, protocol: 'TCP', targetPort: 81 }]);
  });

  test('may not ask for an address of another or of elsewhere', async () => {
    const { spec } = await kube.create('services', service('first'));
    const asking = (clusterIP: string) => {
      const second = service('second');
      return kube.post(kube.at('services'), { ...second, spec: { ...second.spec, clusterIP } });
    };
    const taken = await asking(spec.clusterIP);
    expect(taken.body.message).toContain('provided IP is already allocated');
    const elsewhere = await asking('192.0.2.1');
    expect(elsewhere.body.message).toContain('does not match the current range');
    expect([taken.status, elsewhere.status]).toEqual([422, 422]);
  });

  test('without a cluster IP is headless, of both families where it selects nothing', async () => {
    const headless = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'headless' } };
    const { spec } = await kube.create('services', {
      ...headless,
      spec: { clusterIP: 'None', ports: [{ port: 80 }] },
    });
    expect(spec).toMatchObject({ clusterIPs: ['None'], ipFamilies: ['IPv4', 'IPv6'] });
  });

  test('gives its manager no address to own', async () => {
    const { metadata } = await kube.create('services', service('owned'));
    const [entry] = metadata.managedFields;
    expect(Object.keys(entry.fieldsV1['f:spec']).toSorted()).toEqual([
      'f:internalTrafficPolicy',
      'f:ports',
      'f:selector',
      'f:sessionAffinity',
      'f:type',
    ]);
  });
});

describe('update', () => {
  test('PUT replaces the whole object', async () => {
    const made = await kube.create('configmaps', configMap('replaced', { a: '1' }, { labels: { x: 'y' } }));
    const put = await kube.done(
      kube.put(kube.at('configmaps', 'replaced'), configMap('replaced', { b: '2' })),
    );
    expect(put.data).toEqual({ b: '2' });
    expect(put.metadata).not.toHaveProperty('labels');
    expect(put.metadata).toMatchObject({
      uid: made.metadata.uid,
      creationTimestamp: made.metadata.creationTimestamp,
    });
  });

  test('PUT with a stale resourceVersion is a 409 that says so', async () => {
    const made = await kube.create('configmaps', configMap('stale'));
    await kube.done(kube.put(kube.at('configmaps', 'stale'), { ...made, data: { a: '2' } }));
    const { status, body } = await kube.put(kube.at('configmaps', 'stale'), { ...made, data: { a: '3' } });
    expect(status).toBe(409);
    expect(body).toMatchObject({
      reason: 'Conflict',
      message:
        'Operation cannot be fulfilled on configmaps "stale": the object has been modified; please apply your changes to the latest version and try again',
      details: { name: 'stale', kind: 'configmaps' },
    });
  });

  test('PUT with the uid of another object is a 409', async () => {
    await kube.create('configmaps', configMap('other-uid'));
    const object = configMap('other-uid', {}, { uid: '00000000-0000-4000-8000-000000000000' });
    const { status, body } = await kube.put(kube.at('configmaps', 'other-uid'), object);
    expect(status).toBe(409);
    expect(body.message).toMatch(
      /Precondition failed: UID in precondition: 00000000-.*, UID in object meta: /,
    );
  });

  test('PUT of what does not exist is a 404', async () => {
    const { status, body } = await kube.put(kube.at('configmaps', 'absent'), configMap('absent'));
    expect(status).toBe(404);
    expect(body).toMatchObject({
      reason: 'NotFound',
      message: 'configmaps "absent" not found',
      details: { name: 'absent', kind: 'configmaps' },
    });
  });

  test('PUT of another name than the path is refused', async () => {
    await kube.create('configmaps', configMap('named'));
    const { status, body } = await kube.put(kube.at('configmaps', 'named'), configMap('other'));
    expect(status).toBe(400);
    expect(body.message).toBe('the name of the object (other) does not match the name on the URL (named)');
  });

  test('PUT that changes nothing keeps the resourceVersion, any other one raises it', async () => {
    const made = await kube.create('configmaps', configMap('kept'));
    const same = await kube.done(kube.put(kube.at('configmaps', 'kept'), made));
    expect(same.metadata.resourceVersion).toBe(made.metadata.resourceVersion);
    const changed = await kube.done(kube.put(kube.at('configmaps', 'kept'), { ...made, data: { a: '2' } }));
    expect(Number(changed.metadata.resourceVersion)).toBeGreaterThan(Number(made.metadata.resourceVersion));
  });

  test('generation counts changes of the spec, and of nothing else', async () => {
    const path = kube.at('deployments', 'counted');
    const made = await kube.create('deployments', deployment('counted', { replicas: 0 }));
    expect(made.metadata.generation).toBe(1);
    const labelled = await kube.done(kube.patch('merge', path, { metadata: { labels: { a: 'b' } } }));
    expect(labelled.metadata.generation).toBe(1);
    const paused = await kube.done(kube.patch('merge', path, { spec: { paused: true } }));
    expect(paused.metadata.generation).toBe(2);
    const status = await kube.done(
      kube.patch('merge', `${path}/status`, { status: { observedGeneration: 7 } }),
    );
    expect(status.metadata.generation).toBe(2);
  });

  test('what a kind declares unchangeable stays', async () => {
    await kube.create('deployments', deployment('fixed', { replicas: 0 }));
    const { status, body } = await kube.patch('merge', kube.at('deployments', 'fixed'), {
      spec: {
        selector: { matchLabels: { app: 'other' } },
        template: { metadata: { labels: { app: 'other' } } },
      },
    });
    expect(status).toBe(422);
    expect(body.details.causes).toEqual([
      expect.objectContaining({ field: 'spec.selector', reason: 'FieldValueInvalid' }),
    ]);
    expect(body.message).toContain('field is immutable');
  });

  test('an immutable ConfigMap keeps its data', async () => {
    await kube.create('configmaps', { ...configMap('frozen'), immutable: true });
    const { status, body } = await kube.patch('merge', kube.at('configmaps', 'frozen'), { data: { a: '2' } });
    expect(status).toBe(422);
    expect(body.details.causes[0]).toMatchObject({ field: 'data', reason: 'FieldValueForbidden' });
  });

  test('the scale subresource reads and writes the replicas', async () => {
    await kube.create('deployments', deployment('scaled', { replicas: 0 }));
    const path = kube.at('deployments', 'scaled', 'scale');
    const scale = await kube.read(path);
    expect(scale).toMatchObject({
      apiVersion: 'autoscaling/v1',
      kind: 'Scale',
      spec: {},
      status: { selector: 'app=scaled' },
    });
    await kube.done(kube.patch('merge', path, { spec: { replicas: 2 } }));
    const { spec, metadata } = await kube.read(kube.at('deployments', 'scaled'));
    expect([spec.replicas, metadata.generation]).toEqual([2, 2]);
  });
});

describe('delete', () => {
  test('the answer is a Status that names what is gone', async () => {
    const { metadata } = await kube.create('configmaps', configMap('deleted'));
    const { status, body } = await kube.delete(kube.at('configmaps', 'deleted'));
    expect(status).toBe(200);
    expect(body).toMatchObject({
      kind: 'Status',
      status: 'Success',
      details: { name: 'deleted', kind: 'configmaps', uid: metadata.uid },
    });
    expect((await kube.get(kube.at('configmaps', 'deleted'))).status).toBe(404);
  });

  test('what does not exist is a 404', async () => {
    const { status, body } = await kube.delete(kube.at('configmaps', 'absent'));
    expect([status, body.reason]).toEqual([404, 'NotFound']);
  });

  test('a name that is made again is another object', async () => {
    const first = await kube.create('configmaps', configMap('again'));
    await kube.done(kube.delete(kube.at('configmaps', 'again')));
    const second = await kube.create('configmaps', configMap('again'));
    expect(second.metadata.uid).not.toBe(first.metadata.uid);
  });

  test('a collection is deleted as far as a selector matches', async () => {
    await kube.create('configmaps', configMap('batch-1', {}, { labels: { batch: 'a' } }));
    await kube.create('configmaps', configMap('batch-2', {}, { labels: { batch: 'a' } }));
    await kube.create('configmaps', configMap('batch-3', {}, { labels: { batch: 'b' } }));
    await kube.done(kube.delete(`${kube.at('configmaps')}?labelSelector=batch%3Da`));
    const left = await kube.read(`${kube.at('configmaps')}?labelSelector=batch`);
    expect(left.items.map((item: { metadata: { name: string } }) => item.metadata.name)).toEqual(['batch-3']);
  });
});
