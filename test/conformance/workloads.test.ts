/** Workloads go through the states that health is judged by: they progress, fail as asked, and recover. */
import { describe, expect, test } from 'vitest';
import type { Json } from './src/json.ts';
import { openKube } from './src/kube.ts';
import { deployment, job, workload } from './src/objects.ts';

const kube = openKube('workloads');

function condition(object: Json, type: string): Json {
  return object.status?.conditions?.find((each: Json) => each.type === type) ?? {};
}

function podsOf(name: string): string {
  return `${kube.at('pods')}?labelSelector=app%3D${name}`;
}

describe('a Deployment', () => {
  test('becomes available with all its replicas, and has observed its generation', async () => {
    await kube.create('deployments', deployment('available', { replicas: 3 }));
    const path = kube.at('deployments', 'available');
    const { status } = await kube.until(
      '3 available',
      path,
      (object) => object.status.availableReplicas === 3,
    );
    expect(status).toMatchObject({
      observedGeneration: 1,
      replicas: 3,
      updatedReplicas: 3,
      readyReplicas: 3,
    });
    const done = await kube.until(
      'all said',
      path,
      (object) => condition(object, 'Progressing').reason === 'NewReplicaSetAvailable',
    );
    expect(condition(done, 'Available')).toMatchObject({
      status: 'True',
      reason: 'MinimumReplicasAvailable',
    });
  });

  test('owns a ReplicaSet, which owns Pods that run and are ready', async () => {
    await kube.create('deployments', deployment('owns'));
    const { items } = await kube.until('a ready pod', podsOf('owns'), ({ items: pods }) =>
      pods.some((pod: Json) => condition(pod, 'Ready').status === 'True'),
    );
    expect(items[0].status.phase).toBe('Running');
    expect(items[0].spec.nodeName).toBeTruthy();
    const [owner] = items[0].metadata.ownerReferences;
    expect(owner).toMatchObject({ kind: 'ReplicaSet', controller: true, blockOwnerDeletion: true });
    const replicaSet = await kube.read(kube.at('replicasets', owner.name));
    expect(replicaSet.metadata.ownerReferences[0]).toMatchObject({ kind: 'Deployment', name: 'owns' });
    expect(owner.name).toBe(`owns-${replicaSet.metadata.labels['pod-template-hash']}`);
  });

  test('with a new template rolls out a new ReplicaSet and empties the old one', async () => {
    await kube.create('deployments', deployment('rolls', { replicas: 2 }));
    const path = kube.at('deployments', 'rolls');
    await kube.until('2 available', path, ({ status }) => status.availableReplicas === 2);
    await kube.done(
      kube.patch('strategic', path, {
        spec: { template: { spec: { containers: [{ name: 'main', image: 'i:2' }] } } },
      }),
    );
    const rolled = await kube.until(
      'rolled out',
      path,
      ({ status }) =>
        status.observedGeneration === 2 &&
        status.updatedReplicas === 2 &&
        status.replicas === 2 &&
        status.availableReplicas === 2,
    );
    expect(rolled.metadata.annotations['deployment.kubernetes.io/revision']).toBe('2');
    const sets = await kube.read(`${kube.at('replicasets')}?labelSelector=app%3Drolls`);
    expect(sets.items.map(({ spec }: Json) => spec.replicas).toSorted()).toEqual([0, 2]);
  });

  test.each([
    ['crash-loop', 'Running', 'CrashLoopBackOff'],
    ['image-pull', 'Pending', 'ImagePullBackOff'],
    ['never-ready', 'Running', undefined],
  ])('whose pods fail by %s shows it and does not become available', async (fail, phase, reason) => {
    await kube.create('deployments', deployment(fail, { fail }));
    const { items } = await kube.until(
      'the failure',
      podsOf(fail),
      ({ items: pods }) => pods[0]?.status.containerStatuses?.length,
    );
    expect(items[0].status.phase).toBe(phase);
    expect(items[0].status.containerStatuses[0].ready).toBe(false);
    expect(items[0].status.containerStatuses[0].state.waiting?.reason).toBe(reason);
    const shown = await kube.until(
      'unavailable',
      kube.at('deployments', fail),
      (object) => condition(object, 'Available').status === 'False',
    );
    expect(shown.status.unavailableReplicas).toBe(1);
  });

  test('that makes no progress in time says so, and recovers with a good template', async () => {
    const object = deployment('late', { fail: 'never-ready', spec: { progressDeadlineSeconds: 1 } });
    await kube.create('deployments', object);
    const path = kube.at('deployments', 'late');
    const late = await kube.until(
      'the deadline',
      path,
      (each) => condition(each, 'Progressing').status === 'False',
    );
    expect(condition(late, 'Progressing').reason).toBe('ProgressDeadlineExceeded');
    const good = { spec: { template: { metadata: { annotations: { 'flotilla.dev/test-fail': null } } } } };
    await kube.done(kube.patch('merge', path, good));
    await kube.until(
      'recovered',
      path,
      (each) => condition(each, 'Progressing').reason === 'NewReplicaSetAvailable',
    );
  });

  test('replaces a pod that was deleted', async () => {
    await kube.create('deployments', deployment('replaces'));
    const { items } = await kube.until(
      'a pod',
      podsOf('replaces'),
      (list) => list.items[0]?.status.phase === 'Running',
    );
    await kube.done(kube.delete(kube.at('pods', items[0].metadata.name)));
    await kube.until('another pod', podsOf('replaces'), (list) =>
      list.items.some(
        ({ metadata, status }: Json) => metadata.uid !== items[0].metadata.uid && status.phase === 'Running',
      ),
    );
  });

  test('scaled to nothing has no pods and stays available', async () => {
    await kube.create('deployments', deployment('empties', { replicas: 2 }));
    const path = kube.at('deployments', 'empties');
    await kube.until('2 available', path, ({ status }) => status.availableReplicas === 2);
    await kube.done(kube.patch('merge', `${path}/scale`, { spec: { replicas: 0 } }));
    await kube.until('no pod', podsOf('empties'), ({ items }) => items.length === 0);
    const { status } = await kube.until(
      'observed',
      path,
      (each) => each.status.observedGeneration === 2 && !each.status.replicas,
    );
    expect(condition({ status }, 'Available').status).toBe('True');
  });
});

describe('other workloads', () => {
  test('a StatefulSet makes pods one after the other, by number', async () => {
    await kube.create('statefulsets', workload('StatefulSet', 'numbered', { replicas: 2 }));
    const { status } = await kube.until(
      '2 ready',
      kube.at('statefulsets', 'numbered'),
      (each) => each.status.readyReplicas === 2,
    );
    expect(status.currentRevision).toBe(status.updateRevision);
    const { items } = await kube.read(podsOf('numbered'));
    expect(items.map(({ metadata }: Json) => metadata.name)).toEqual(['numbered-0', 'numbered-1']);
  });

  test('a DaemonSet runs once on each node', async () => {
    await kube.create('daemonsets', workload('DaemonSet', 'everywhere'));
    const nodes = (await kube.read('/api/v1/nodes')).items.length;
    const { status } = await kube.until(
      'ready',
      kube.at('daemonsets', 'everywhere'),
      (each) => each.status.numberReady === nodes,
    );
    expect(status).toMatchObject({
      desiredNumberScheduled: nodes,
      numberAvailable: nodes,
      observedGeneration: 1,
    });
  });

  test('a Job completes', async () => {
    await kube.create('jobs', job('completes'));
    const done = await kube.until(
      'complete',
      kube.at('jobs', 'completes'),
      (each) => condition(each, 'Complete').status === 'True',
    );
    expect(done.status).toMatchObject({ succeeded: 1 });
    expect(done.status.completionTime).toBeTruthy();
  });

  test('a Job whose pods end with an error fails, after as many tries as it may', async () => {
    await kube.create('jobs', job('fails', { fail: 'exit', job: { backoffLimit: 0 } }));
    const failed = await kube.until(
      'failed',
      kube.at('jobs', 'fails'),
      (each) => condition(each, 'Failed').status === 'True',
    );
    expect(condition(failed, 'Failed').reason).toBe('BackoffLimitExceeded');
    expect(failed.status.failed).toBe(1);
  });
});
