import { readdir, truncate } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { configMap, entryOf, eventually, openLab, settled, storeBundle } from '../../test/lab.ts';

test('a restarted agent takes up where it was, without a PATCH, and still reverts drift', async () => {
  await using lab = await openLab('restart');
  const first = await lab.startAgent();
  const entry = entryOf(
    lab,
    Array.from({ length: 20 }, (_unused, at) => configMap(`c${at}`, { key: 'wanted' })),
  );
  await first.assign(entry);
  await settled(first, entry);
  await first.stop();
  const before = (await lab.agentCalls()).length;

  const second = await lab.startAgent();
  await second.assign(entry);
  const state = await settled(second, entry);
  expect(state.counts).toEqual({ objects: 20, outOfSync: 0, pruneHeld: 0 });
  const writes = (await lab.agentCalls())
    .slice(before)
    .filter((call) => !['get', 'list', 'watch'].includes(call.verb));
  expect(writes).toEqual([]);

  await lab.kube.send({
    method: 'PATCH',
    path: `/api/v1/namespaces/${lab.namespace}/configmaps/c3`,
    contentType: 'application/merge-patch+json',
    body: JSON.stringify({ data: { key: 'tampered' } }),
  });
  await eventually('the edit is reverted', () =>
    second.facts.some((fact) => fact.type === 'Drift' && fact.reverted),
  );
  await second.stop();
});

test('drift that happened while the agent was away is found by its first list', async () => {
  await using lab = await openLab('away');
  const first = await lab.startAgent();
  const entry = entryOf(lab, [configMap('a', { key: 'wanted' }), configMap('b', { key: 'wanted' })]);
  await first.assign(entry);
  await settled(first, entry);
  await first.stop();
  const path = `/api/v1/namespaces/${lab.namespace}/configmaps`;
  const patch = {
    contentType: 'application/merge-patch+json',
    body: JSON.stringify({ data: { key: 'tampered' } }),
  };
  await lab.kube.send({ method: 'PATCH', path: `${path}/a`, ...patch });
  await lab.kube.send({ method: 'DELETE', path: `${path}/b` });
  const second = await lab.startAgent();
  await second.assign(entry);
  await eventually(
    'both are put back',
    () => second.facts.filter((fact) => fact.type === 'Drift').length === 2,
  );
  await settled(second, entry);
  await second.stop();
});

test('the inventory knows every object before it is made, and is not written when the set is unchanged', async () => {
  await using lab = await openLab('inventory');
  const agent = await lab.startAgent();
  const first = entryOf(lab, [configMap('a', {}), configMap('b', {})]);
  await agent.assign(first);
  await settled(agent, first);
  const calls = await eventually('the audit log has the applies', async () => {
    const seen = (await lab.agentCalls()).filter(
      (call) => call.verb === 'patch' && call.resource === 'configmaps',
    );
    return seen.length === 2 ? lab.agentCalls() : null;
  });
  const writes = calls
    .filter((call) => ['create', 'update', 'patch'].includes(call.verb))
    .map((call) => `${call.verb} ${call.resource}`);
  const grown = writes.lastIndexOf('create secrets');
  expect(grown).toBeGreaterThan(-1);
  expect(grown).toBeLessThan(writes.indexOf('patch configmaps'));

  const before = calls.length;
  const second = entryOf(lab, [configMap('a', { k: 'v' }), configMap('b', {})], { previous: first });
  await agent.assign(second);
  await settled(agent, second);
  await eventually('the audit log has the apply', async () => (await lab.agentCalls()).length > before);
  expect((await lab.agentCalls()).slice(before).map((call) => `${call.verb} ${call.resource}`)).toEqual([
    'patch configmaps',
  ]);
  await agent.stop();
});

test('without the lease nothing is written', async () => {
  await using lab = await openLab('lease');
  let held = false;
  const agent = await lab.startAgent({ mayWrite: () => held });
  const before = (await lab.agentCalls()).length;
  const entry = entryOf(lab, [configMap('a', {})]);
  await agent.assign(entry);
  await eventually('it was looked at', () => agent.states.get(entry.head.target));
  expect((await lab.agentCalls()).slice(before).filter((call) => call.verb === 'patch')).toEqual([]);
  held = true;
  await settled(agent, entry);
  await agent.stop();
});

test('a bundle that is damaged on disk is asked for again, and drift is reverted once it is back', async () => {
  await using lab = await openLab('damaged');
  const lacking: string[] = [];
  const agent = await lab.startAgent({ onBundleLacking: (digest) => lacking.push(digest) });
  const entry = entryOf(lab, [configMap('a', { key: 'wanted' })]);
  await agent.assign(entry);
  await settled(agent, entry);
  const frames = path.join(lab.folder, 'frames');
  for (const file of await readdir(frames)) await truncate(path.join(frames, file), 10);
  const live = `/api/v1/namespaces/${lab.namespace}/configmaps/a`;
  const body = JSON.stringify({ data: { key: 'tampered' } });
  await lab.kube.send({ method: 'PATCH', path: live, contentType: 'application/merge-patch+json', body });
  await eventually('it is asked for', () => lacking.includes(entry.head.bundle.digest));
  await storeBundle(agent.state, entry.objects);
  agent.reconciler.bundleArrived(entry.head.bundle.digest);
  await eventually('the edit is reverted', () =>
    agent.facts.some((fact) => fact.type === 'Drift' && fact.reverted),
  );
  expect((await settled(agent, entry)).conditions).toEqual([]);
  await agent.stop();
});
