/** Dry runs, preconditions, finalizers, propagation, and the collection of what lost its owners. */
import { describe, expect, test } from 'vitest';
import { openKube } from './src/kube.ts';
import { configMap, deployment, ownedBy } from './src/objects.ts';

const kube = openKube('deletion');
const finalizer = 'conformance.example/hold';

function withFinalizer(name: string, finalizers = [finalizer]) {
  return configMap(name, {}, { finalizers });
}

function release(name: string) {
  return kube.done(kube.patch('merge', kube.at('configmaps', name), { metadata: { finalizers: null } }));
}

describe('a dry run', () => {
  const dry = (name: string) => `${kube.at('configmaps', name)}?dryRun=All`;

  test('of a create answers as if, and keeps nothing', async () => {
    const { status, body } = await kube.post(`${kube.at('configmaps')}?dryRun=All`, configMap('dry'));
    expect([status, body.metadata.name]).toEqual([201, 'dry']);
    expect(body.metadata.uid).toBeTruthy();
    expect((await kube.get(kube.at('configmaps', 'dry'))).status).toBe(404);
  });

  test('of update, patch and delete leaves the object as it was', async () => {
    const made = await kube.create('configmaps', configMap('kept'));
    const put = await kube.done(kube.put(dry('kept'), configMap('kept', { a: '2' })));
    expect(put.data).toEqual({ a: '2' });
    await kube.done(kube.patch('merge', dry('kept'), { data: { a: '3' } }));
    await kube.done(kube.delete(dry('kept')));
    expect(await kube.read(kube.at('configmaps', 'kept'))).toEqual(made);
  });

  test('is refused where the real thing would be', async () => {
    const { status } = await kube.post(`${kube.at('configmaps')}?dryRun=All`, configMap('Bad Name'));
    expect(status).toBe(422);
  });

  test('knows no other value than All', async () => {
    const { status, body } = await kube.post(`${kube.at('configmaps')}?dryRun=Some`, configMap('some'));
    expect(status).toBe(422);
    expect(body.message).toContain('supported values: "All"');
  });
});

describe('preconditions', () => {
  test('of another uid keep the object', async () => {
    await kube.create('configmaps', configMap('by-uid'));
    const uid = '00000000-0000-4000-8000-000000000000';
    const { status, body } = await kube.delete(kube.at('configmaps', 'by-uid'), { preconditions: { uid } });
    expect([status, body.reason]).toEqual([409, 'Conflict']);
    expect(body.message).toContain('the UID in the precondition');
  });

  test('of another resourceVersion keep the object', async () => {
    await kube.create('configmaps', configMap('by-version'));
    const preconditions = { resourceVersion: '1' };
    const { status, body } = await kube.delete(kube.at('configmaps', 'by-version'), { preconditions });
    expect([status, body.reason]).toEqual([409, 'Conflict']);
  });

  test('that hold delete it', async () => {
    const { metadata } = await kube.create('configmaps', configMap('by-both'));
    const { uid, resourceVersion } = metadata;
    const answer = await kube.delete(kube.at('configmaps', 'by-both'), {
      preconditions: { uid, resourceVersion },
    });
    expect(answer.status).toBe(200);
  });
});

describe('finalizers', () => {
  test('keep a deleted object, with the time of its deletion, until the last one is gone', async () => {
    await kube.create('configmaps', withFinalizer('held', [finalizer, 'conformance.example/second']));
    const { status, body } = await kube.delete(kube.at('configmaps', 'held'));
    expect([status, body.kind]).toEqual([200, 'ConfigMap']);
    expect(body.metadata).toMatchObject({
      deletionTimestamp: expect.stringMatching(/Z$/),
      deletionGracePeriodSeconds: 0,
    });
    const path = kube.at('configmaps', 'held');
    await kube.done(kube.patch('merge', path, { metadata: { finalizers: [finalizer] } }));
    expect((await kube.get(path)).status).toBe(200);
    await release('held');
    expect((await kube.get(path)).status).toBe(404);
  });

  test('let a deleted object change, and a second delete does nothing', async () => {
    await kube.create('configmaps', withFinalizer('changes'));
    const path = kube.at('configmaps', 'changes');
    await kube.delete(path);
    const { metadata } = await kube.done(kube.patch('merge', path, { data: { a: '2' } }));
    const again = await kube.delete(path);
    expect(again.status).toBe(200);
    expect((await kube.read(path)).metadata).toEqual(metadata);
    await release('changes');
  });

  test('cannot be added to a deleted object', async () => {
    await kube.create('configmaps', withFinalizer('closed'));
    const path = kube.at('configmaps', 'closed');
    await kube.delete(path);
    const patch = { metadata: { finalizers: [finalizer, 'conformance.example/late'] } };
    const { status, body } = await kube.patch('merge', path, patch);
    expect(status).toBe(422);
    expect(body.message).toContain('no new finalizers can be added if the object is being deleted');
    await release('closed');
  });
});

describe('propagation', () => {
  async function ownerWith(name: string, dependent: 'free' | 'held') {
    const owner = await kube.create('configmaps', configMap(name));
    const finalizers = dependent === 'held' ? { finalizers: [finalizer] } : {};
    const metadata = { ownerReferences: [ownedBy(owner, true)], ...finalizers };
    await kube.create('configmaps', configMap(`${name}-dependent`, {}, metadata));
    return kube.at('configmaps', name);
  }

  test('Background: the owner goes at once and its dependents after it', async () => {
    const path = await ownerWith('background', 'held');
    await kube.done(kube.delete(path, { propagationPolicy: 'Background' }));
    expect((await kube.get(path)).status).toBe(404);
    await kube.until(
      'dependent is being deleted',
      `${path}-dependent`,
      ({ metadata }) => metadata.deletionTimestamp,
    );
    await release('background-dependent');
    await kube.untilGone(`${path}-dependent`);
  });

  test('Foreground: the owner waits for those that block its deletion', async () => {
    const path = await ownerWith('foreground', 'held');
    const { body } = await kube.delete(path, { propagationPolicy: 'Foreground' });
    expect(body.metadata.finalizers).toEqual(['foregroundDeletion']);
    await kube.until(
      'dependent is being deleted',
      `${path}-dependent`,
      ({ metadata }) => metadata.deletionTimestamp,
    );
    expect((await kube.get(path)).status).toBe(200);
    await release('foreground-dependent');
    await kube.untilGone(path);
  });

  test('Orphan: dependents stay, without their owner', async () => {
    const path = await ownerWith('orphan', 'free');
    await kube.done(kube.delete(path, { propagationPolicy: 'Orphan' }));
    await kube.untilGone(path);
    const { metadata } = await kube.read(`${path}-dependent`);
    expect(metadata).not.toHaveProperty('ownerReferences');
  });

  test('of an unknown name is refused', async () => {
    await kube.create('configmaps', configMap('unknown'));
    const { status } = await kube.delete(kube.at('configmaps', 'unknown'), {
      propagationPolicy: 'Sideways',
    });
    expect(status).toBe(422);
  });

  test('a Deployment takes its ReplicaSets and Pods along', async () => {
    await kube.create('deployments', deployment('takes-along'));
    const pods = `${kube.at('pods')}?labelSelector=app%3Dtakes-along`;
    await kube.until('a pod', pods, ({ items }) => items.length === 1);
    await kube.done(kube.delete(kube.at('deployments', 'takes-along'), { propagationPolicy: 'Foreground' }));
    await kube.untilGone(kube.at('deployments', 'takes-along'));
    await kube.until('no pod', pods, ({ items }) => items.length === 0);
  });
});

describe('collection', () => {
  test('takes what names an owner that does not exist', async () => {
    const owner = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'never', uid: 'a-b-c' } };
    await kube.create('configmaps', configMap('stray', {}, { ownerReferences: [ownedBy(owner)] }));
    await kube.untilGone(kube.at('configmaps', 'stray'));
  });

  test('waits for the last of several owners', async () => {
    const owners = [
      await kube.create('configmaps', configMap('owner-1')),
      await kube.create('configmaps', configMap('owner-2')),
    ];
    const metadata = { ownerReferences: owners.map((owner) => ownedBy(owner)) };
    await kube.create('configmaps', configMap('shared', {}, metadata));
    await kube.done(kube.delete(kube.at('configmaps', 'owner-1')));
    const path = kube.at('configmaps', 'shared');
    await kube.until('one owner left', path, (object) => object.metadata.ownerReferences?.length === 1);
    await kube.done(kube.delete(kube.at('configmaps', 'owner-2')));
    await kube.untilGone(path);
  });
});
