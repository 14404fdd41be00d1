import { expect, test } from 'vitest';
import type { KubeObject } from '@flotilla/domain/object/types';
import { configMap, entryOf, eventually, openLab, settled } from '../../test/lab.ts';
import type { Lab } from '../../test/lab.ts';

function crd(group: string): KubeObject {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `widgets.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { plural: 'widgets', singular: 'widget', kind: 'Widget', listKind: 'WidgetList' },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: {
            openAPIV3Schema: {
              type: 'object',
              properties: { spec: { type: 'object', properties: { size: { type: 'integer' } } } },
            },
          },
        },
      ],
    },
  };
}

async function exists(lab: Lab, path: string): Promise<boolean> {
  try {
    await lab.kube.send({ method: 'GET', path });
    return true;
  } catch {
    return false;
  }
}

test('a CRD and an object of its kind arrive together', async () => {
  await using lab = await openLab('crd');
  const agent = await lab.startAgent();
  const group = `x${lab.suffix}.flotilla.test`;
  const widget: KubeObject = {
    apiVersion: `${group}/v1`,
    kind: 'Widget',
    metadata: { name: 'w' },
    spec: { size: 3 },
  };
  const entry = entryOf(lab, [widget, crd(group)]);
  await agent.assign(entry);
  const state = await settled(agent, entry);
  expect(state.counts.objects).toBe(2);
  expect(await exists(lab, `/apis/${group}/v1/namespaces/${lab.namespace}/widgets/w`)).toBe(true);
  await agent.stop();
});

test('one bad object fails its own task, with the words of the server, and never stops the others', async () => {
  await using lab = await openLab('bad');
  const agent = await lab.startAgent();
  const bad: KubeObject = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'bad' },
    spec: { ports: [{ port: 99_999 }] },
  };
  const unknown: KubeObject = { apiVersion: 'nobody.test/v1', kind: 'Gadget', metadata: { name: 'g' } };
  const entry = entryOf(lab, [configMap('a', {}), bad, unknown, configMap('b', {})]);
  await agent.assign(entry);
  const state = await eventually('the operation fails', () => {
    const seen = agent.states.get(entry.head.target);
    return seen?.operation?.phase === 'Failed' ? seen : null;
  });
  expect(state.sync).toBe('OutOfSync');
  expect(state.operation?.attempt).toBe(2);
  expect(state.conditions.map((condition) => condition.type).sort()).toEqual(['SyncError', 'UnknownKind']);
  expect(state.resources.find((resource) => resource.name === 'bad')?.message).toMatch(/port/i);
  expect(await exists(lab, `/api/v1/namespaces/${lab.namespace}/configmaps/a`)).toBe(true);
  expect(await exists(lab, `/api/v1/namespaces/${lab.namespace}/configmaps/b`)).toBe(true);

  const mended = entryOf(lab, [configMap('a', {}), configMap('b', {})], { previous: entry });
  await agent.assign(mended);
  expect((await settled(agent, mended)).conditions).toEqual([]);
  await agent.stop();
});

test('Argo CD, Flux: a health wait blocks the fix: here a revision that mends a failing one is begun at once, whatever the failing one waits for', async () => {
  await using lab = await openLab('preempt');
  const agent = await lab.startAgent();
  const never: KubeObject = {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'never', annotations: { 'argocd.argoproj.io/sync-wave': '0' } },
    spec: {
      accessModes: ['ReadWriteOnce'],
      storageClassName: 'none',
      resources: { requests: { storage: '1Gi' } },
    },
  };
  const later = configMap('later', {}, { 'argocd.argoproj.io/sync-wave': '1' });
  const stuck = entryOf(lab, [never, later]);
  await agent.assign(stuck);
  await eventually('it waits', () => agent.states.get(stuck.head.target)?.health.status === 'Progressing');
  expect(await exists(lab, `/api/v1/namespaces/${lab.namespace}/configmaps/later`)).toBe(false);
  const mended = entryOf(lab, [later], {
    previous: stuck,
    body: { prune: { enabled: false, allowEmpty: false } },
  });
  const startedMs = performance.now();
  await agent.assign(mended);
  await eventually('the newer one is done', () => {
    const state = agent.states.get(stuck.head.target);
    return state?.assignment === 2 && state.operation?.phase === 'Succeeded';
  });
  expect(performance.now() - startedMs).toBeLessThan(10_000);
  expect(await exists(lab, `/api/v1/namespaces/${lab.namespace}/configmaps/later`)).toBe(true);
  await agent.stop();
});

test('an object of another owner is not taken, and is said to be shared', async () => {
  await using lab = await openLab('shared');
  const agent = await lab.startAgent();
  const owner = entryOf(lab, [configMap('a', { key: 'theirs' })]);
  await agent.assign(owner);
  await settled(agent, owner);
  await lab.kube.send({
    method: 'POST',
    path: `/api/v1/namespaces/${lab.namespace}/configmaps`,
    body: JSON.stringify({
      ...configMap('argo', { key: 'theirs' }),
      metadata: {
        name: 'argo',
        annotations: { 'argocd.argoproj.io/tracking-id': `guestbook:/ConfigMap:${lab.namespace}/argo` },
      },
    }),
  });
  await lab.kube.send({
    method: 'POST',
    path: `/api/v1/namespaces/${lab.namespace}/configmaps`,
    body: JSON.stringify(configMap('free', { key: 'nobody' })),
  });
  const other = entryOf(
    lab,
    ['a', 'argo', 'free'].map((name) => configMap(name, { key: 'ours' })),
  );
  await agent.assign(other);
  const state = await eventually('the operation fails', () => {
    const seen = agent.states.get(other.head.target);
    return seen?.operation?.phase === 'Failed' ? seen : null;
  });
  expect(state.conditions.map((condition) => condition.type)).toContain('SharedResource');
  expect(state.resources.map((resource) => [resource.name, resource.message])).toEqual(
    expect.arrayContaining([['argo', expect.stringContaining('argocd guestbook')]]),
  );
  const data = async (name: string) =>
    (
      (await lab.kube.json({
        method: 'GET',
        path: `/api/v1/namespaces/${lab.namespace}/configmaps/${name}`,
      })) as { data: object }
    ).data;
  expect([await data('a'), await data('argo'), await data('free')]).toEqual([
    { key: 'theirs' },
    { key: 'theirs' },
    { key: 'ours' },
  ]);
  await agent.stop();
});

test('what the project does not allow is refused before anything is written', async () => {
  await using lab = await openLab('permit');
  const agent = await lab.startAgent();
  const allowed = { namespaces: [lab.namespace], clusterKinds: [], namespacedKindsDenied: ['Secret'] };
  const elsewhere = configMap('a', {});
  elsewhere.metadata['namespace'] = lab.agentNamespace;
  const entry = entryOf(lab, [configMap('b', {}), elsewhere], { body: { allowed } });
  await agent.assign(entry);
  const state = await eventually('it is refused', () => {
    const seen = agent.states.get(entry.head.target);
    return seen?.operation?.phase === 'Failed' ? seen : null;
  });
  expect(state.conditions.map((condition) => condition.type)).toEqual(['NotPermitted']);
  expect((await lab.agentCalls()).filter((call) => call.verb === 'patch')).toEqual([]);
  await agent.stop();
});
