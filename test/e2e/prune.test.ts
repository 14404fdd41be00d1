/** What leaves Git leaves the cluster, and nothing else does. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Fleet } from '@flotilla/testkit/fleet';
import { configMap } from '@flotilla/testkit/manifests';

let fleet: Fleet;

beforeAll(async () => {
  fleet = await Fleet.start();
});
afterAll(async () => {
  await fleet?.[Symbol.asyncDispose]();
});

describe('prune', () => {
  test('a file removed from Git is pruned, and only that', async () => {
    const cluster = fleet.clusters[0]!;
    const files = Object.fromEntries(
      ['a', 'b', 'c', 'd'].map((name) => [`web/${name}.yaml`, configMap(name, { from: name })]),
    );
    await fleet.settled(await (async () => fleet.createApplication())(), await fleet.push(files));
    const since = await cluster.audit.mark();
    await fleet.settled('web', await fleet.push({ 'web/c.yaml': null }));
    const deletes = await cluster.requests({
      verb: ['delete', 'deletecollection'],
      namespace: fleet.namespaceOf('web'),
      since,
    });
    expect(deletes.map((request) => `${request.resource}/${request.name}`)).toEqual(['configmaps/c']);
    const left = await cluster.api.call<{ items: { metadata: { name: string } }[] }>(
      `/api/v1/namespaces/${fleet.namespaceOf('web')}/configmaps?labelSelector=flotilla.dev/app`,
    );
    expect(left.items.map((item) => item.metadata.name)).toEqual(['a', 'b', 'd']);
  });
});
