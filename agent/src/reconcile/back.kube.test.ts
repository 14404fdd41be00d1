import { expect, test } from 'vitest';
import type { KubeObject } from '@flotilla/domain/object/types';
import { configMap, entryOf, eventually, openLab, settled } from '../../test/lab.ts';

function service(port: number): KubeObject {
  return { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web' }, spec: { ports: [{ port }] } };
}

/** Accepted by every check of ours, refused by the API server. */
const portThatIsNone = 99_999;

test('back to what was applied before a revision that failed half-way: everything it wrote is undone', async () => {
  await using lab = await openLab('back');
  const agent = await lab.startAgent();
  const once = { limit: 0, backoffMs: 0, backoffFactor: 1, backoffMaxMs: 0 };
  const objects = [configMap('a', { value: 'good' }), service(80)];
  const good = entryOf(lab, objects, { body: { retry: once } });
  await agent.assign(good);
  await settled(agent, good);

  const worse = [configMap('a', { value: 'bad' }), service(portThatIsNone)];
  const bad = entryOf(lab, worse, { previous: good });
  await agent.assign(bad);
  await eventually('the bad revision fails', () => {
    const operation = agent.states.get(good.head.target)?.operation;
    return operation?.assignment === bad.head.assignment && operation.phase === 'Failed';
  });

  const back = entryOf(lab, good.objects, { previous: bad });
  await agent.assign(back);
  const state = await settled(agent, back);
  expect(state.sync).toBe('Synced');
  const path = `/api/v1/namespaces/${lab.namespace}/configmaps`;
  const list = (await lab.kube.json({ method: 'GET', path })) as unknown as {
    items: { metadata: { name: string }; data?: Record<string, string> }[];
  };
  const ours = list.items.filter(({ metadata }) => metadata.name === 'a');
  expect(ours.map(({ metadata, data }) => [metadata.name, data])).toEqual([['a', { value: 'good' }]]);
  await agent.stop();
});
