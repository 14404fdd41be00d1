import { expect, test } from 'vitest';
import { configMap, entryOf, eventually, openLab, settled } from '../../test/lab.ts';
import type { Lab, LabAgent } from '../../test/lab.ts';

function pathOf(lab: Lab, name: string): string {
  return `/api/v1/namespaces/${lab.namespace}/configmaps/${name}`;
}

async function edit(
  lab: Lab,
  name: string,
  data: Record<string, string>,
  manager = 'kubectl-edit',
): Promise<void> {
  await lab.kube.send({
    method: 'PATCH',
    path: `${pathOf(lab, name)}?fieldManager=${manager}`,
    contentType: 'application/merge-patch+json',
    body: JSON.stringify({ data }),
  });
}

async function dataOf(lab: Lab, name: string): Promise<Record<string, string>> {
  const live = (await lab.kube.json({ method: 'GET', path: pathOf(lab, name) })) as {
    data: Record<string, string>;
  };
  return live.data;
}

function driftFacts(agent: LabAgent) {
  return agent.facts.filter((fact) => fact.type === 'Drift');
}

test('an edit is reverted by one PATCH and told with field, manager and time', async () => {
  await using lab = await openLab('drift');
  const agent = await lab.startAgent();
  const entry = entryOf(lab, [configMap('a', { key: 'wanted' }), configMap('b', { key: 'wanted' })]);
  await agent.assign(entry);
  await settled(agent, entry);
  const before = (await lab.agentCalls()).length;

  await edit(lab, 'a', { key: 'tampered' });
  await eventually('the edit is reverted', async () => (await dataOf(lab, 'a'))['key'] === 'wanted');
  const [fact] = await eventually('the drift is told', () =>
    driftFacts(agent).length > 0 ? driftFacts(agent) : null,
  );
  expect(fact).toMatchObject({
    target: entry.head.target,
    assignment: 1,
    object: { group: '', kind: 'ConfigMap', namespace: lab.namespace, name: 'a' },
    reverted: true,
    fields: [{ path: 'data.key', manager: 'kubectl-edit' }],
  });
  expect(Date.parse(fact?.fields[0]?.time ?? '')).toBeGreaterThan(Date.now() - 60_000);
  const calls = await eventually('the audit log has it', async () => {
    const seen = (await lab.agentCalls()).slice(before);
    return seen.length > 0 ? seen : null;
  });
  expect(calls.map((call) => `${call.verb} ${call.name}`)).toEqual(['patch a']);
  await agent.stop();
});

test('a field that nobody applied is left to whoever wrote it, without a call', async () => {
  await using lab = await openLab('foreign');
  const agent = await lab.startAgent();
  const entry = entryOf(lab, [configMap('a', { key: 'wanted' })]);
  await agent.assign(entry);
  await settled(agent, entry);
  const before = (await lab.agentCalls()).length;
  await edit(lab, 'a', { other: 'mine' }, 'some-controller');
  await edit(lab, 'a', { key: 'tampered' }, 'some-controller');
  await eventually('the later edit is reverted', async () => (await dataOf(lab, 'a'))['key'] === 'wanted');
  expect(await dataOf(lab, 'a')).toEqual({ key: 'wanted', other: 'mine' });
  const calls = (await lab.agentCalls()).slice(before).map((call) => call.verb);
  expect(calls.filter((verb) => verb !== 'patch')).toEqual([]);
  expect(calls.length).toBeLessThanOrEqual(1);
  await agent.stop();
});

test('an object that was deleted by hand is made again', async () => {
  await using lab = await openLab('undelete');
  const agent = await lab.startAgent();
  const entry = entryOf(lab, [configMap('a', { key: 'wanted' })]);
  await agent.assign(entry);
  await settled(agent, entry);
  await lab.kube.send({ method: 'DELETE', path: pathOf(lab, 'a') });
  await eventually('it is back', async () => (await dataOf(lab, 'a'))['key'] === 'wanted');
  // The fact follows the write that the server has taken.
  await eventually('it is told', () => driftFacts(agent).length > 0);
  await settled(agent, entry);
  expect(driftFacts(agent)).toMatchObject([{ object: { name: 'a' }, reverted: true }]);
  await agent.stop();
});

test('without self-heal drift is told once and nothing is written', async () => {
  await using lab = await openLab('tell');
  const agent = await lab.startAgent();
  const plain = entryOf(lab, [configMap('a', { key: 'wanted' })]);
  const sync = { ...plain.body.sync, selfHeal: false };
  const entry = { ...plain, body: { ...plain.body, sync } };
  await agent.assign(entry);
  await settled(agent, entry);
  await edit(lab, 'a', { key: 'tampered' });
  await eventually('the drift is told', () => driftFacts(agent).length > 0);
  await eventually('it shows', () => agent.states.get(entry.head.target)?.sync === 'OutOfSync');
  expect(driftFacts(agent)).toMatchObject([
    { reverted: false, fields: [{ path: 'data.key', manager: 'kubectl-edit' }] },
  ]);
  expect(await dataOf(lab, 'a')).toEqual({ key: 'tampered' });
  await agent.stop();
});

test('a namespace that was deleted by hand comes back with everything in it', async () => {
  await using lab = await openLab('namespace');
  const agent = await lab.startAgent();
  const entry = entryOf(lab, [configMap('a', { key: 'wanted' }), configMap('b', { key: 'wanted' })]);
  await agent.assign(entry);
  await settled(agent, entry);
  await lab.kube.send({ method: 'DELETE', path: `/api/v1/namespaces/${lab.namespace}` });
  await eventually('it is noticed', () => agent.states.get(entry.head.target)?.sync === 'OutOfSync');
  await settled(agent, entry, 60_000);
  expect([await dataOf(lab, 'a'), await dataOf(lab, 'b')]).toEqual([{ key: 'wanted' }, { key: 'wanted' }]);
  await agent.stop();
});
