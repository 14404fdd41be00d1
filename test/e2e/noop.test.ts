/** What did not change costs nothing. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Fleet } from '@flotilla/testkit/fleet';
import { configMap } from '@flotilla/testkit/manifests';

const objects = 40;
let fleet: Fleet;

beforeAll(async () => {
  fleet = await Fleet.start();
});
afterAll(async () => {
  await fleet?.[Symbol.asyncDispose]();
});

function fileOf(index: number, value: string): Record<string, string> {
  return { [`web/object-${index}.yaml`]: configMap(`object-${index}`, { value }) };
}

/** Requests of the agent, without its Lease, its own Secrets and its watches. */
async function agentRequests(since: number) {
  const requests = await fleet.clusters[0]!.requests({ userAgent: /^flotilla-agent/, since });
  const agentNamespace = fleet.clusters[0]!.agentNamespace;
  return requests.filter((request) => request.namespace !== agentNamespace && request.verb !== 'watch');
}

describe('noop', () => {
  test('an unchanged commit costs no API call', async () => {
    const files = Array.from({ length: objects }, (_, index) => fileOf(index, 'one'));
    const commit = await fleet.push(Object.assign({}, ...files) as Record<string, string>);
    await fleet.createApplication();
    await fleet.settled('web', commit);
    const since = await fleet.clusters[0]!.audit.mark();
    await fleet.settled('web', await fleet.push({ 'web/README.md': 'nothing that is rendered' }));
    expect(await agentRequests(since)).toEqual([]);
  });

  test('a change of k objects costs k PATCHes', async () => {
    const since = await fleet.clusters[0]!.audit.mark();
    const changed = Object.assign({}, fileOf(3, 'two'), fileOf(17, 'two'), fileOf(39, 'two')) as Record<
      string,
      string
    >;
    await fleet.settled('web', await fleet.push(changed));
    const requests = await agentRequests(since);
    expect(requests.map(({ verb, name }) => `${verb} ${name}`).toSorted()).toEqual([
      'patch object-17',
      'patch object-3',
      'patch object-39',
    ]);
  });
});
