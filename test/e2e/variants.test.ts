/** Clusters of one application that differ get what is theirs; a label that changes reaches its cluster, and no other is touched. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runCli } from '@flotilla/testkit/cli';
import type { LeasedCluster } from '@flotilla/testkit/cluster';
import { eventually } from '@flotilla/testkit/eventually';
import { Fleet } from '@flotilla/testkit/fleet';
import { configMap } from '@flotilla/testkit/manifests';

let fleet: Fleet;
let gold: LeasedCluster;
let other: LeasedCluster;

beforeAll(async () => {
  fleet = await Fleet.start({ clusters: 2 });
  [gold, other] = fleet.clusters as [LeasedCluster, LeasedCluster];
});
afterAll(async () => {
  await fleet?.[Symbol.asyncDispose]();
});

function label(cluster: LeasedCluster, labels: Record<string, string>): Promise<unknown> {
  return fleet.hub.client.clusters.setLabels(fleet.nameOf(cluster), { env: 'test', ...labels });
}

async function dataOn(cluster: LeasedCluster): Promise<unknown> {
  const path = `/api/v1/namespaces/${fleet.namespaceOf('web')}/configmaps/settings`;
  const object = (await cluster.api.call(path)) as { data?: unknown };
  return object.data;
}

test('templates and overrides are different objects on different clusters, and a changed label moves only its own', async () => {
  await label(gold, { tier: 'gold', region: 'eu' });
  await label(other, { region: 'us' });
  const manifest = configMap('settings', {
    where: "{{ cluster.name }} in {{ cluster.labels.region }}, {{ cluster.labels.zone | default 'no zone' }}",
    level: 'info',
  });
  const commit = await fleet.push({ 'web/eu/settings.yaml': manifest, 'web/us/settings.yaml': manifest });
  await fleet.createApplication({
    spec: {
      sources: [
        {
          repository: 'config',
          ref: { branch: 'main' },
          path: 'web/{{ cluster.labels.region }}',
          template: true,
        },
      ],
      overrides: [
        {
          clusters: { selector: { matchLabels: { tier: 'gold' } } },
          patches: [{ target: { kind: 'ConfigMap', name: 'settings' }, patch: { data: { level: 'debug' } } }],
        },
      ],
    },
  });
  await fleet.settled('web', commit);
  expect(await dataOn(gold)).toEqual({ where: `${fleet.nameOf(gold)} in eu, no zone`, level: 'debug' });
  expect(await dataOn(other)).toEqual({ where: `${fleet.nameOf(other)} in us, no zone`, level: 'info' });
  const { stdout } = await runCli(fleet.hub, 'app', 'get', 'web');
  expect(stdout).toContain('VARIANT');
  expect(stdout).toContain(`name=${fleet.nameOf(gold)}, no zone, overrides=0, region=eu`);

  const mark = await other.audit.mark();
  await label(gold, { region: 'us', zone: 'us-1a' });
  await eventually('the cluster has what belongs to its new labels', async () => {
    const data = await dataOn(gold);
    const expected = JSON.stringify({ level: 'info', where: `${fleet.nameOf(gold)} in us, us-1a` });
    return (
      JSON.stringify(Object.fromEntries(Object.entries(data ?? {}).sort())) === expected ||
      ([false, data] as const)
    );
  });
  await fleet.settled('web', commit);
  const verb = ['create', 'patch', 'update', 'delete'];
  const namespace = fleet.namespaceOf('web');
  expect(await other.audit.requests({ since: mark, verb, namespace })).toEqual([]);
});

test('a label that goes fails its cluster alone: it keeps what it has and says which label, and where', async () => {
  const before = await dataOn(other);
  await label(other, {});
  const target = await eventually('the target says so', async () => {
    const targets = await fleet.targetsOf('web');
    const own = targets.find(({ cluster }) => cluster === fleet.nameOf(other));
    return own?.conditions.some(({ type }) => type === 'RenderError') ? own : ([false, own] as const);
  });
  expect(target.conditions.find(({ type }) => type === 'RenderError')?.message).toMatch(
    /web\/\{\{ cluster\.labels\.region \}\}: the source's path: .*cluster\.labels\.region is not defined/,
  );
  expect(target).toMatchObject({ sync: 'Synced', health: 'Healthy' });
  expect(await dataOn(other)).toEqual(before);
});
