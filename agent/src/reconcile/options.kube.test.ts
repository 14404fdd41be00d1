import { expect, test } from 'vitest';
import type { Body } from '@flotilla/domain/desired/entry';
import type { KubeObject } from '@flotilla/domain/object/types';
import { configMap, ensureNamespace, entryOf, eventually, openLab, settled } from '../../test/lab.ts';
import type { Lab, LabAgent, LabEntry } from '../../test/lab.ts';

function pathOf(lab: Lab, name: string): string {
  return `/api/v1/namespaces/${lab.namespace}/configmaps/${name}`;
}

async function read(lab: Lab, path: string): Promise<KubeObject & { data?: unknown; spec?: unknown }> {
  return (await lab.kube.json({ method: 'GET', path })) as KubeObject;
}

async function mergePatch(lab: Lab, path: string, body: object, manager = 'kubectl-edit'): Promise<void> {
  await lab.kube.send({
    method: 'PATCH',
    path: `${path}?fieldManager=${manager}`,
    contentType: 'application/merge-patch+json',
    body: JSON.stringify(body),
  });
}

async function failed(agent: LabAgent, entry: LabEntry) {
  return eventually('the operation fails', () => {
    const seen = agent.states.get(entry.head.target);
    return seen?.operation?.phase === 'Failed' ? seen : null;
  });
}

function withSync(entry: LabEntry, sync: Partial<Body['sync']>): LabEntry {
  return { ...entry, body: { ...entry.body, sync: { ...entry.body.sync, ...sync } } };
}

function deployment(name: string, replicas: number): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { containers: [{ name: 'app', image: 'example.test/app:1' }] },
      },
    },
  };
}

test('what kubectl apply once set is taken over: a field that is not in Git goes', async () => {
  await using lab = await openLab('takeover');
  await ensureNamespace(lab.kube, lab.namespace);
  await lab.kube.send({
    method: 'POST',
    path: `/api/v1/namespaces/${lab.namespace}/configmaps?fieldManager=kubectl-client-side-apply`,
    body: JSON.stringify(configMap('a', { old: 'gone', kept: 'old' })),
  });
  const agent = await lab.startAgent();
  const entry = entryOf(lab, [configMap('a', { kept: 'new' })]);
  await agent.assign(entry);
  await settled(agent, entry);
  expect((await read(lab, pathOf(lab, 'a'))).data).toEqual({ kept: 'new' });
  await agent.stop();
});

test('an ignored field is left to its writer, and is no drift', async () => {
  await using lab = await openLab('ignore');
  const agent = await lab.startAgent();
  const body = { ignore: [{ group: 'apps', kind: 'Deployment', jsonPointers: ['/spec/replicas'] }] };
  const first = entryOf(lab, [deployment('web', 1)], { body });
  await agent.assign(first);
  await settled(agent, first);
  const path = `/apis/apps/v1/namespaces/${lab.namespace}/deployments/web`;
  await mergePatch(lab, path, { spec: { replicas: 3 } }, 'autoscaler');
  const changed = deployment('web', 1);
  changed.metadata['labels'] = { changed: 'yes' };
  const second = entryOf(lab, [changed], { previous: first });
  await agent.assign(second);
  await settled(agent, second);
  const live = await read(lab, path);
  expect([
    (live.spec as { replicas: number }).replicas,
    (live.metadata['labels'] as { changed: string }).changed,
  ]).toEqual([3, 'yes']);
  expect(agent.facts.filter((fact) => fact.type === 'Drift')).toEqual([]);
  await agent.stop();
});

test('writes are impersonated where the project says so, and what it may not do is told in the words of the server', async () => {
  await using lab = await openLab('impersonate');
  await ensureNamespace(lab.kube, lab.namespace);
  const agent = await lab.startAgent();
  const plain = entryOf(lab, [configMap('a', {})], { body: { serviceAccount: `${lab.namespace}/deployer` } });
  const entry = withSync(plain, { createNamespace: false });
  await agent.assign(entry);
  const state = await failed(agent, entry);
  expect(state.operation?.message).toContain(`system:serviceaccount:${lab.namespace}:deployer`);
  // The agent itself may do anything here: an answer other than 403 would be one it got as itself.
  const calls = (await lab.agentCalls()).filter((call) => call.namespace === lab.namespace);
  expect(new Set(calls.map((call) => call.code))).toEqual(new Set([403]));
  await agent.stop();
});

test('validate: server applies nothing when one object is refused', async () => {
  await using lab = await openLab('validate');
  await ensureNamespace(lab.kube, lab.namespace);
  const agent = await lab.startAgent();
  const bad: KubeObject = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'bad' },
    spec: { ports: [{ port: 99_999 }] },
  };
  const entry = withSync(entryOf(lab, [configMap('a', {}), bad]), { validate: 'server' });
  await agent.assign(entry);
  const state = await failed(agent, entry);
  expect(state.operation?.message).toMatch(/1 of \d objects were refused by dry-run, nothing was applied/);
  await expect(read(lab, pathOf(lab, 'a'))).rejects.toThrow(/not found/);
  await agent.stop();
});

test('an immutable field is reported, and the object made anew only with Force', async () => {
  await using lab = await openLab('force');
  const agent = await lab.startAgent();
  const fixed = (value: string): KubeObject => ({ ...configMap('a', { value }), immutable: true });
  const first = entryOf(lab, [fixed('one')]);
  await agent.assign(first);
  await settled(agent, first);
  const before = await read(lab, pathOf(lab, 'a'));
  const second = entryOf(lab, [fixed('two')], { previous: first });
  await agent.assign(second);
  expect((await failed(agent, second)).resources[0]?.message).toMatch(/immutable/);
  const third = withSync(entryOf(lab, [fixed('two')], { previous: second }), { force: true });
  await agent.assign(third);
  await settled(agent, third);
  const after = await read(lab, pathOf(lab, 'a'));
  expect(after.data).toEqual({ value: 'two' });
  expect(after.metadata['uid']).not.toBe(before.metadata['uid']);
  await agent.stop();
});

test('an application waits for those it depends on', async () => {
  await using lab = await openLab('depends');
  const agent = await lab.startAgent();
  const base = entryOf(lab, [configMap('base', {})]);
  const named = { ...base, body: { ...base.body, application: { ...base.body.application, name: 'base' } } };
  const waiting = entryOf(lab, [configMap('top', {})], { body: { dependsOn: ['base'] } });
  await agent.assign(waiting);
  await eventually('it waits', () =>
    agent.states
      .get(waiting.head.target)
      ?.conditions.some((condition) => condition.type === 'DependencyWaiting'),
  );
  await agent.assign(named);
  await settled(agent, named);
  await settled(agent, waiting);
  await agent.stop();
});

test('a suspended target is observed and never written', async () => {
  await using lab = await openLab('suspend');
  const agent = await lab.startAgent();
  const first = entryOf(lab, [configMap('a', { key: 'wanted' })]);
  await agent.assign(first);
  await settled(agent, first);
  const suspended = entryOf(lab, [configMap('a', { key: 'newer' })], {
    previous: first,
    head: { state: 'Suspended' },
  });
  await agent.assign(suspended);
  await mergePatch(lab, pathOf(lab, 'a'), { data: { key: 'tampered' } });
  await eventually('the edit shows', () => agent.states.get(first.head.target)?.sync === 'OutOfSync');
  expect((await read(lab, pathOf(lab, 'a'))).data).toEqual({ key: 'tampered' });
  await agent.stop();
});

test('reverts of one object back off', async () => {
  await using lab = await openLab('fight');
  const agent = await lab.startAgent();
  const entry = entryOf(lab, [configMap('a', { key: 'wanted' })]);
  await agent.assign(entry);
  await settled(agent, entry);
  const record = () => agent.facts.filter((fact) => fact.type === 'Drift').length;
  await mergePatch(lab, pathOf(lab, 'a'), { data: { key: 'mine' } }, 'rival');
  await eventually('the first revert is at once', () => record() === 1);
  await mergePatch(lab, pathOf(lab, 'a'), { data: { key: 'mine' } }, 'rival');
  const startedMs = performance.now();
  await eventually('the second one backs off', () => record() === 2);
  expect(performance.now() - startedMs).toBeGreaterThan(1_000);
  await agent.stop();
});

test('a lost inventory is rebuilt from our marks and deletes nothing before a person confirms', async () => {
  await using lab = await openLab('lost');
  const agent = await lab.startAgent();
  const first = entryOf(lab, [configMap('a', {}), configMap('b', {})]);
  await agent.assign(first);
  await settled(agent, first);
  await agent.stop();
  await loseInventory(lab);
  const again = await lab.startAgent();
  const second = entryOf(lab, [configMap('a', {})], { previous: first });
  await again.assign(second);
  const held = await eventually('the pass is done', () => {
    const seen = again.states.get(first.head.target);
    return seen?.assignment === 2 && seen.operation?.finishedAt ? seen : null;
  });
  expect(held.counts.pruneHeld).toBe(1);
  expect(held.conditions).toContainEqual(rebuilt);
  expect((await read(lab, pathOf(lab, 'b'))).metadata.name).toBe('b');
  await again.stop();
  const later = await lab.startAgent();
  await later.assign(second);
  await eventually('another process says it too', () =>
    later.states.get(first.head.target)?.conditions.some(({ type }) => type === rebuilt.type),
  );
  const third = entryOf(lab, [configMap('a', {})], {
    previous: second,
    head: { operation: { force: true } },
  });
  await later.assign(third);
  expect((await settled(later, third)).conditions).toEqual([]);
  await expect(read(lab, pathOf(lab, 'b'))).rejects.toThrow(/not found/);
  await later.stop();
});

test('a rebuilt inventory is confirmed also where nothing is deleted by it', async () => {
  await using lab = await openLab('lost-and-same');
  const agent = await lab.startAgent();
  const first = entryOf(lab, [configMap('a', {})]);
  await agent.assign(first);
  await settled(agent, first);
  await agent.stop();
  await loseInventory(lab);
  const again = await lab.startAgent();
  const second = entryOf(lab, [configMap('a', { key: 'new' })], { previous: first });
  await again.assign(second);
  expect((await settled(again, second)).conditions).toContainEqual(rebuilt);
  const third = entryOf(lab, [configMap('a', { key: 'new' })], {
    previous: second,
    head: { operation: { force: true } },
  });
  await again.assign(third);
  expect((await settled(again, third)).conditions).toEqual([]);
  await again.stop();
});

const rebuilt = {
  type: 'InventoryRebuilt',
  message: expect.stringMatching(/until a person confirms/) as string,
};

function loseInventory({ kube, agentNamespace }: Lab): Promise<unknown> {
  const path = `/api/v1/namespaces/${agentNamespace}/secrets?labelSelector=flotilla.dev/inventory`;
  return kube.send({ method: 'DELETE', path });
}

test('an object that moves to another application is handed over, never deleted and made again', async () => {
  await using lab = await openLab('move');
  const agent = await lab.startAgent();
  const from = entryOf(lab, [configMap('stays', {}), configMap('moves', {})]);
  await agent.assign(from);
  await settled(agent, from);
  const before = await read(lab, pathOf(lab, 'moves'));
  const to = entryOf(lab, [configMap('moves', { key: 'new' })], {
    body: { retry: { limit: 20, backoffMs: 200, backoffFactor: 1, backoffMaxMs: 200 } },
  });
  await agent.assign(to);
  const left = entryOf(lab, [configMap('stays', {})], { previous: from });
  await agent.assign(left);
  await settled(agent, left);
  await settled(agent, to);
  const after = await read(lab, pathOf(lab, 'moves'));
  expect(after.metadata['uid']).toBe(before.metadata['uid']);
  expect(after.data).toEqual({ key: 'new' });
  expect((await lab.agentCalls()).filter((call) => call.verb === 'delete' && call.name === 'moves')).toEqual(
    [],
  );
  await agent.stop();
});

test('create-only objects are left as they are once they exist', async () => {
  await using lab = await openLab('once');
  await ensureNamespace(lab.kube, lab.namespace);
  await lab.kube.send({
    method: 'POST',
    path: `/api/v1/namespaces/${lab.namespace}/configmaps`,
    body: JSON.stringify(configMap('theirs', { key: 'theirs' })),
  });
  const agent = await lab.startAgent();
  const once = (name: string) => configMap(name, { key: 'ours' }, { 'flotilla.dev/apply': 'IfNotPresent' });
  const entry = entryOf(lab, [once('theirs'), once('new')]);
  await agent.assign(entry);
  await settled(agent, entry);
  expect((await read(lab, pathOf(lab, 'theirs'))).data).toEqual({ key: 'theirs' });
  expect((await read(lab, pathOf(lab, 'new'))).data).toEqual({ key: 'ours' });
  await agent.stop();
});
