/**
 * A hub that came back from an old backup: it sends nothing and says why, until `hub recover` takes over what the
 * clusters hold. What did not change costs no write, also on a cluster that was away meanwhile.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { recoverHub } from '@flotilla/local/fleet/hub';
import { runCli } from '@flotilla/testkit/cli';
import type { LeasedCluster } from '@flotilla/testkit/cluster';
import { eventually } from '@flotilla/testkit/eventually';
import { Fleet } from '@flotilla/testkit/fleet';
import { configMap, deployment } from '@flotilla/testkit/manifests';
import { testDatabase, type RestorableDatabase } from '@flotilla/testkit/postgres';

const writes = ['create', 'update', 'patch', 'delete', 'deletecollection'];
const noRecord = /which this hub has no record of sending/;

let fleet: Fleet;
let database: RestorableDatabase;
/** What was running when the backup was put back. */
let running: string;
/** Per cluster, the place in its audit log where the hub went back in time. */
const since = new Map<string, number>();

beforeAll(async () => {
  database = await testDatabase();
  fleet = await Fleet.start({ clusters: 3, database });
  const old = await fleet.push({
    'web/app.yaml': deployment('app'),
    'web/settings.yaml': configMap('settings', { level: 'info' }),
  });
  await fleet.createApplication();
  await fleet.settled('web', old);
  await fleet.hub.stop();
  await database.backUp();
  await fleet.startHub();
  await fleet.settled('web', await fleet.push({ 'web/second.yaml': configMap('second', { step: 'two' }) }));
  running = await fleet.push({ 'web/settings.yaml': configMap('settings', { level: 'debug' }) });
  await fleet.settled('web', running);
});
afterAll(async () => {
  await fleet?.[Symbol.asyncDispose]();
});

function online(): LeasedCluster[] {
  return fleet.clusters.slice(0, 2);
}

function offline(): LeasedCluster {
  return fleet.clusters[2]!;
}

function recover(...args: string[]) {
  return recoverHub({ dir: `${fleet.dir}/hub`, databaseUrl: fleet.database.url }, ...args);
}

async function settingsLevel(cluster: LeasedCluster): Promise<string> {
  const path = `/api/v1/namespaces/${fleet.namespaceOf('web')}/configmaps/settings`;
  return (await cluster.api.call<{ data: { level: string } }>(path)).data.level;
}

/** What the agent wrote besides its own Lease and Secrets. */
async function writesOn(cluster: LeasedCluster): Promise<string[]> {
  const requests = await cluster.requests({
    userAgent: /^flotilla-agent/,
    verb: writes,
    since: since.get(cluster.name)!,
  });
  return requests
    .filter(({ namespace }) => namespace !== cluster.agentNamespace)
    .map(({ verb, resource, name }) => `${verb} ${resource} ${name}`);
}

async function saysWhy(cluster: LeasedCluster): Promise<void> {
  const name = fleet.nameOf(cluster);
  await eventually(`${name} is recovering`, async () => {
    const seen = await fleet.hub.client.clusters.get(name);
    return (seen.recovering && noRecord.test(seen.recoveringReason ?? '')) || ([false, seen] as const);
  });
}

async function heard(cluster: LeasedCluster): Promise<void> {
  await eventually(`${cluster.name} said what it holds`, async () => {
    const { clusters } = await recover();
    const listed = clusters.find((one) => one['cluster'] === fleet.nameOf(cluster));
    return listed?.['heard'] === true || ([false, clusters] as const);
  });
}

describe('recover', { timeout: 120_000 }, () => {
  test('a hub whose database is older than its agents sends nothing and says why', async () => {
    for (const cluster of fleet.clusters) await fleet.agentOf(cluster).stop();
    await fleet.hub.stop();
    await database.restore();
    for (const cluster of fleet.clusters) since.set(cluster.name, await cluster.audit.mark());
    await fleet.startHub();
    for (const cluster of online()) {
      await fleet.startAgent(cluster);
      await saysWhy(cluster);
    }
    await eventually('the commit that runs already is rendered again', async () => {
      const { revision } = await fleet.hub.client.applications.get('web');
      return revision?.commit === running || ([false, revision] as const);
    });
    const { stdout } = await runCli(fleet.hub, 'cluster', 'get', fleet.nameOf(fleet.clusters[0]!));
    expect(stdout).toMatch(noRecord);
    for (const cluster of online()) {
      await heard(cluster);
      expect(await writesOn(cluster)).toEqual([]);
      expect(await settingsLevel(cluster)).toBe('debug');
    }
  });

  test('hub recover lists what the clusters hold, and changes nothing by itself', async () => {
    const { code, clusters } = await recover();
    expect(code).toBe(2);
    const listed = clusters.filter((one) => one['heard'] === true);
    expect(listed.map((one) => one['cluster'])).toEqual(online().map((one) => fleet.nameOf(one)));
    for (const one of listed) {
      expect(one['differences']).toEqual([
        expect.objectContaining({ application: 'web', held: expect.objectContaining({ revision: 3 }) }),
      ]);
    }
  });

  test('hub recover --apply brings the fleet on without a write on what did not change', async () => {
    const { clusters } = await recover('--apply');
    const taken = clusters.filter((one) => (one['taken'] as { outcome: string } | null)?.outcome === 'taken');
    expect(taken).toHaveLength(2);
    for (const cluster of online()) {
      await fleet.settledOn(cluster, 'web', running);
      expect(await writesOn(cluster)).toEqual([]);
    }
  });

  test('a cluster that was offline meanwhile is held until it was heard, and then taken over without a write', async () => {
    await fleet.startAgent(offline());
    await saysWhy(offline());
    await heard(offline());
    const { code } = await recover('--apply');
    expect(code).toBe(0);
    await fleet.settledOn(offline(), 'web', running);
    expect(await writesOn(offline())).toEqual([]);
  });

  test('the next commit reaches all of them, by one write each', async () => {
    await fleet.settled(
      'web',
      await fleet.push({ 'web/settings.yaml': configMap('settings', { level: 'warn' }) }),
    );
    for (const cluster of fleet.clusters) {
      expect(await writesOn(cluster)).toEqual(['patch configmaps settings']);
    }
  });
});
