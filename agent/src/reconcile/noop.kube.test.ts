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
