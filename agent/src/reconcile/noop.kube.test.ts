import { expect, test } from 'vitest';
import { configMap, entryOf, openLab, settled } from '../../test/lab.ts';
import { eventually } from '../../test/lab.ts';

function objectsOf(count: number, changed: ReadonlySet<number> = new Set()) {
  return Array.from({ length: count }, (_unused, at) =>
    configMap(`c${at}`, { value: changed.has(at) ? 'new' : 'old' }),
  );
}

test('an unchanged bundle costs no API call, a change of k objects k PATCHes and nothing else', async () => {
  await using lab = await openLab('noop');
  const agent = await lab.startAgent();
  const first = entryOf(lab, objectsOf(50));
  await agent.assign(first);
  const state = await settled(agent, first);
  expect(state.counts).toEqual({ objects: 50, outOfSync: 0, pruneHeld: 0 });

  const before = (await lab.agentCalls()).length;
  const same = entryOf(lab, first.objects, { previous: first });
  await agent.assign(same);
  await settled(agent, same);
  expect((await lab.agentCalls()).slice(before)).toEqual([]);

  const changed = entryOf(lab, objectsOf(50, new Set([3, 7, 41])), { previous: same });
  await agent.assign(changed);
  await settled(agent, changed);
  const calls = await eventually('the audit log has them', async () => {
    const seen = (await lab.agentCalls()).slice(before);
    return seen.length >= 3 ? seen : null;
  });
  expect(calls.map((call) => `${call.verb} ${call.name}`).sort()).toEqual([
    'patch c3',
    'patch c41',
    'patch c7',
  ]);
  await agent.stop();
});

test('of a bundle only the objects are read that changed or do not stand as they were written', async () => {
  await using lab = await openLab('known');
  const agent = await lab.startAgent();
  const { objects } = agent.state.bundles;
  let read: string[] = [];
  agent.state.bundles.objects = async function* (digest, isKnown) {
    for await (const object of objects(digest, isKnown)) {
      if (object.line !== null) read.push(object.indexed.identity.name);
      yield object;
    }
  };
  const fresh = entryOf(lab, objectsOf(50));
  const first = entryOf(lab, fresh.objects, {
    body: { ...fresh.body, sync: { ...fresh.body.sync, selfHeal: false } },
  });
  await agent.assign(first);
  await settled(agent, first);
  expect(read.length).toBe(50);

  read = [];
  const second = entryOf(lab, objectsOf(50, new Set([3])), { previous: first });
  await agent.assign(second);
  await settled(agent, second);
  expect(read).toEqual(['c3']);

  await lab.kube.send({
    method: 'PATCH',
    path: `/api/v1/namespaces/${lab.namespace}/configmaps/c9`,
    body: JSON.stringify({ data: { value: 'drifted' } }),
    contentType: 'application/merge-patch+json',
  });
  await eventually('the drift is seen', () => {
    const { counts } = agent.states.get(first.head.target) ?? {};
    return Promise.resolve(counts?.outOfSync === 1 ? true : null);
  });
  read = [];
  const third = entryOf(lab, objectsOf(50, new Set([3, 7])), { previous: second });
  await agent.assign(third);
  await settled(agent, third);
  expect(read.sort()).toEqual(['c7', 'c9']);
  const live = (await lab.kube.json({
    method: 'GET',
    path: `/api/v1/namespaces/${lab.namespace}/configmaps/c9`,
  })) as { data: { value: string } };
  expect(live.data.value).toBe('old');
  await agent.stop();
});
