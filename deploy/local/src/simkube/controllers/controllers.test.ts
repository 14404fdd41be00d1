/** The controllers together, on the store of a simulated cluster. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ClusterStore } from '../server/clusterStore.ts';
import type { ClusterControllers, DeleteOptions, StartControllers } from '../server/store.ts';
import type { KubeObject } from '../types.ts';
import { controllersOfProcess } from './controllers.ts';
import { deployment, withImage } from './objects.fixture.ts';
import type { Deployment } from './shapes.ts';

const manager = 'test';

describe('a simulated cluster', () => {
  let store: ClusterStore;
  let controllers: ClusterControllers;
  let start: StartControllers;
  const failures: unknown[] = [];

  beforeEach(() => {
    failures.length = 0;
    store = new ClusterStore('one', { now: () => Date.now() });
    start = controllersOfProcess({
      caCertificate: () => 'certificate',
      onFailure: (error) => failures.push(error),
    });
    controllers = start(store);
    make({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'ns' } });
  });
  afterEach(() => {
    controllers.stop();
    expect(failures).toEqual([]);
  });

  function make(object: KubeObject): KubeObject {
    const resource = store.resourceOfKind(object.apiVersion, object.kind);
    if (resource === undefined) throw new Error(`${object.kind} is not served`);
    return store.create(resource, object, { manager });
  }

  function bare<T extends KubeObject>({ metadata: { name = '', namespace = '' }, ...rest }: T): KubeObject {
    return { ...(rest as unknown as KubeObject), metadata: { name, namespace } };
  }

  function key(kind: string, name: string, namespace = 'ns') {
    const apiVersion = ['Deployment', 'ReplicaSet'].includes(kind) ? 'apps/v1' : 'v1';
    const resource = store.resourceOfKind(apiVersion, kind);
    if (resource === undefined) throw new Error(`${kind} is not served`);
    return { resource, namespace: resource.namespaced ? namespace : '', name };
  }

  const all = (kind: string): KubeObject[] => store.list(key(kind, '').resource, { namespace: 'ns' });
  const remove = (kind: string, name: string, options?: DeleteOptions): unknown =>
    store.delete(key(kind, name), options);
  const eventually = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 8000, interval: 20 });
  /** Enough for all keys that wait in the loop now, and those that they bring. */
  const turns = async (): Promise<void> => {
    for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
  };
  const counts = (): unknown => (store.get(key('Deployment', 'web')) as Deployment | undefined)?.status;
  const rolledOut = { replicas: 2, updatedReplicas: 2, availableReplicas: 2 };

  async function runWeb(): Promise<void> {
    make(bare(deployment('web', { replicas: 2 })));
    await eventually(() => expect(counts()).toMatchObject(rolledOut));
  }

  test('runs a Deployment and rolls it out; looking at it anew, as after a restart, writes nothing', async () => {
    await runWeb();
    const live = store.get(key('Deployment', 'web')) as Deployment;
    store.update(key('Deployment', '').resource, withImage(live, 'app:2'), { manager });
    await eventually(() => {
      expect(counts()).toMatchObject({ ...rolledOut, observedGeneration: 2 });
      expect(
        all('Pod').map((pod) => (pod as unknown as Deployment['spec']['template']).spec.containers[0]?.image),
      ).toEqual(['app:2', 'app:2']);
    });
    await turns();
    const version = store.resourceVersion;
    controllers.stop();
    controllers = start(store);
    await turns();
    expect(store.resourceVersion).toBe(version);
  });

  test('replaces a pod that someone deletes', async () => {
    await runWeb();
    const name = all('Pod')[0]?.metadata.name ?? '';
    remove('Pod', name);
    await eventually(() => {
      expect(all('Pod').map((pod) => pod.metadata.name)).not.toContain(name);
      expect(counts()).toMatchObject(rolledOut);
    });
  });

  test.each(['Background', 'Foreground'] as const)(
    'deletes what a Deployment owns: %s',
    async (propagation) => {
      await runWeb();
      remove('Deployment', 'web', { propagation });
      if (propagation === 'Foreground') expect(store.get(key('Deployment', 'web'))).toBeDefined();
      await eventually(() =>
        expect([...all('Deployment'), ...all('ReplicaSet'), ...all('Pod')].map(({ kind }) => kind)).toEqual(
          [],
        ),
      );
    },
  );

  test('leaves behind what an orphaning delete is to leave, and takes it over again', async () => {
    await runWeb();
    const before = all('Pod').map((pod) => pod.metadata.uid);
    remove('Deployment', 'web', { propagation: 'Orphan' });
    await eventually(() => expect(store.get(key('Deployment', 'web'))).toBeUndefined());
    expect(all('ReplicaSet').map((set) => set.metadata.ownerReferences ?? [])).toEqual([[]]);
    await runWeb();
    expect(all('Pod').map((pod) => pod.metadata.uid)).toEqual(before);
  });

  test('gives each namespace its account and certificate, and empties one that terminates', async () => {
    await eventually(() => {
      expect(all('ServiceAccount').map((account) => account.metadata.name)).toEqual(['default']);
      expect(all('ConfigMap').map((map) => map['data'])).toEqual([{ 'ca.crt': 'certificate' }]);
    });
    await runWeb();
    const held = { name: 'held', namespace: 'ns', finalizers: ['example.test/hold'] };
    make({ apiVersion: 'v1', kind: 'ConfigMap', metadata: held });
    remove('Namespace', 'ns');
    await eventually(() => {
      const { conditions = [] } = store.get(key('Namespace', 'ns'))?.['status'] as { conditions?: object[] };
      const message =
        'Some content in the namespace has finalizers remaining: example.test/hold in 1 resource instances';
      expect(conditions).toContainEqual(
        expect.objectContaining({ type: 'NamespaceFinalizersRemaining', message }),
      );
    });
    const left = store.get(key('ConfigMap', 'held')) as KubeObject;
    const { finalizers: _finalizers, ...metadata } = left.metadata;
    store.update(key('ConfigMap', '').resource, { ...left, metadata }, { manager });
    await eventually(() => expect(store.get(key('Namespace', 'ns'))).toBeUndefined());
    expect(store.state.everything().filter((object) => object.metadata.namespace === 'ns')).toEqual([]);
  });

  test('tells what it did in events', async () => {
    await runWeb();
    const reasons = all('Event').map((event) => event['reason']);
    expect(reasons).toEqual(expect.arrayContaining(['ScalingReplicaSet', 'SuccessfulCreate', 'Scheduled']));
  });
});
