import { expect, test } from 'vitest';
import { configMap, entryOf, eventually, openLab, settled } from '../../test/lab.ts';
import type { Lab, LabAgent } from '../../test/lab.ts';

function pathOf(lab: Lab, name: string): string {
  return `/api/v1/namespaces/${lab.namespace}/configmaps/${name}`;
}

async function names(lab: Lab): Promise<string[]> {
  const list = (await lab.kube.json({ method: 'GET', path: pathOf(lab, '').slice(0, -1) })) as {
    items: { metadata: { name: string } }[];
  };
  return list.items
    .map((item) => item.metadata.name)
    .filter((name) => name !== 'kube-root-ca.crt')
    .sort();
}

async function deletes(lab: Lab): Promise<string[]> {
  const calls = await lab.agentCalls();
  const found = calls.filter((call) => call.verb === 'delete');
  expect(found.filter((call) => call.preconditionUid === null)).toEqual([]);
  return found.map((call) => call.name);
}

function inventoryNames(agent: LabAgent, application: string): string[] {
  return (agent.state.inventory.read(application)?.entries ?? []).map((entry) => entry.name).sort();
}

test('what left the bundle is pruned, and only that', async () => {
  await using lab = await openLab('prune');
  const agent = await lab.startAgent();
  const first = entryOf(
    lab,
    ['a', 'b', 'c'].map((name) => configMap(name, { key: name })),
  );
  await agent.assign(first);
  await settled(agent, first);
  await lab.kube.send({
    method: 'POST',
    path: `/api/v1/namespaces/${lab.namespace}/configmaps`,
    body: JSON.stringify(configMap('stranger', {})),
  });
  const second = entryOf(
    lab,
    ['a', 'c'].map((name) => configMap(name, { key: name })),
    { previous: first },
  );
  await agent.assign(second);
  await settled(agent, second);
  expect(await names(lab)).toEqual(['a', 'c', 'stranger']);
  await eventually('the delete is logged', async () => (await deletes(lab)).length > 0);
  expect(await deletes(lab)).toEqual(['b']);
  expect(inventoryNames(agent, first.body.application.id)).toEqual(['a', 'c']);
  expect(agent.facts.filter((fact) => fact.type === 'Pruned')).toMatchObject([{ object: { name: 'b' } }]);
  await agent.stop();
});

test('without prune the object stays and is shown as held', async () => {
  await using lab = await openLab('held');
  const agent = await lab.startAgent();
  const body = { prune: { enabled: false, allowEmpty: false } };
  const first = entryOf(lab, [configMap('a', {}), configMap('b', {})], { body });
  await agent.assign(first);
  await settled(agent, first);
  const second = entryOf(lab, [configMap('a', {})], { previous: first });
  await agent.assign(second);
  const state = await eventually('it shows', () => {
    const seen = agent.states.get(first.head.target);
    return seen?.operation?.finishedAt && seen.assignment === 2 ? seen : null;
  });
  expect(state).toMatchObject({ sync: 'OutOfSync', counts: { pruneHeld: 1 } });
  expect(await names(lab)).toEqual(['a', 'b']);
  await agent.stop();
});

test('more deletes than the assignment allows: none at all, until a person confirms', async () => {
  await using lab = await openLab('guard');
  const agent = await lab.startAgent();
  const first = entryOf(
    lab,
    ['a', 'b', 'c'].map((name) => configMap(name, {})),
  );
  await agent.assign(first);
  await settled(agent, first);
  const second = entryOf(lab, [configMap('a', {})], { previous: first, head: { deletesMax: 1 } });
  await agent.assign(second);
  await eventually('the guard shows', () =>
    agent.states.get(first.head.target)?.conditions.some((condition) => condition.type === 'GuardHeld'),
  );
  expect(await names(lab)).toEqual(['a', 'b', 'c']);
  expect(await deletes(lab)).toEqual([]);
  const third = entryOf(lab, [configMap('a', {})], { previous: second, head: { deletesMax: 2 } });
  await agent.assign(third);
  await settled(agent, third);
  expect(await names(lab)).toEqual(['a']);
  await agent.stop();
});

test('an object that was made again by somebody else under the same name survives', async () => {
  await using lab = await openLab('uid');
  const agent = await lab.startAgent();
  const first = entryOf(lab, [configMap('a', {}), configMap('b', {})]);
  await agent.assign(first);
  await settled(agent, first);
  await agent.stop();
  await lab.kube.send({ method: 'DELETE', path: pathOf(lab, 'b') });
  await lab.kube.send({
    method: 'POST',
    path: `/api/v1/namespaces/${lab.namespace}/configmaps`,
    body: JSON.stringify(configMap('b', { owner: 'somebody else' })),
  });
  const again = await lab.startAgent();
  const second = entryOf(lab, [configMap('a', {})], { previous: first });
  await again.assign(second);
  await settled(again, second);
  expect(await names(lab)).toEqual(['a', 'b']);
  expect(await deletes(lab)).toEqual([]);
  expect(inventoryNames(again, first.body.application.id)).toEqual(['a']);
  await again.stop();
});

test('an empty bundle deletes nothing unless allowEmpty', async () => {
  await using lab = await openLab('empty');
  const agent = await lab.startAgent();
  const first = entryOf(lab, [configMap('a', {})]);
  await agent.assign(first);
  await settled(agent, first);
  const second = entryOf(lab, [], { previous: first });
  await agent.assign(second);
  await eventually('it is blocked', () =>
    agent.states.get(first.head.target)?.conditions.some((condition) => condition.type === 'PruneBlocked'),
  );
  expect(await names(lab)).toEqual(['a']);
  await agent.stop();
});

test('removal by the mode that was accepted: delete, orphan, detach', async () => {
  await using lab = await openLab('remove');
  const agent = await lab.startAgent();
  const removed = async (mode: 'delete' | 'orphan' | 'detach', name: string) => {
    const first = entryOf(lab, [configMap(name, {})]);
    await agent.assign(first);
    await settled(agent, first);
    const head = { state: 'Removing' as const, removal: mode };
    await agent.assign(entryOf(lab, first.objects, { previous: first, head }));
    await eventually(`${mode} ends`, () => agent.states.get(first.head.target)?.removal === 'Removed');
    return first.body.application.id;
  };
  const deleted = await removed('delete', 'deleted');
  const orphaned = await removed('orphan', 'orphaned');
  const detached = await removed('detach', 'detached');
  expect(await names(lab)).toEqual(['detached', 'orphaned']);
  expect(agent.state.inventory.read(deleted)).toBeNull();
  expect(agent.state.inventory.read(orphaned)).toBeNull();
  expect(inventoryNames(agent, detached)).toEqual(['detached']);
  const live = (await lab.kube.json({ method: 'GET', path: pathOf(lab, 'orphaned') })) as {
    metadata: { labels?: object; annotations?: object };
  };
  expect([live.metadata.labels, live.metadata.annotations]).toEqual([undefined, undefined]);
  expect(agent.facts.filter((fact) => fact.type === 'Removed').map((fact) => fact.mode)).toEqual([
    'delete',
    'orphan',
    'detach',
  ]);
  await agent.stop();
});
