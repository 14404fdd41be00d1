/**
 * A hub that came back from an old backup: it sends nothing and says why, until `hub recover` takes over what the
 * clusters hold. What did not change costs no write, also on a cluster that was away meanwhile.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { recoverHub } from '@flotilla/local/fleet/hub';
import { decodeHubMessage } from '@flotilla/proto/codec/hubMessage';
import { runCli } from '@flotilla/testkit/cli';
import type { LeasedCluster } from '@flotilla/testkit/cluster';
import { eventually } from '@flotilla/testkit/eventually';
import { Fleet } from '@flotilla/testkit/fleet';
import { configMap, deployment } from '@flotilla/testkit/manifests';
import { testDatabase, type RestorableDatabase } from '@flotilla/testkit/postgres';

const writes = ['create', 'update', 'patch', 'delete', 'deletecollection'];
const restored = /which the database lacks: it was restored from a backup/;
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
  const backedUp = await lastSeal();
  await fleet.startHub();
  await fleet.settled('web', await fleet.push({ 'web/second.yaml': configMap('second', { step: 'two' }) }));
  running = await fleet.push({ 'web/settings.yaml': configMap('settings', { level: 'debug' }) });
  await fleet.settled('web', running);
  // A hub says where its audit log stands as it starts, as it does every minute, and agents keep it.
  await fleet.hub.stop();
  await fleet.startHub();
  for (const cluster of fleet.clusters) {
    await eventually(`the agent on ${cluster.name} keeps a checkpoint that the backup lacks`, async () => {
      const kept = await checkpointOf(cluster);
      return kept > backedUp || ([false, { kept, backedUp }] as const);
    });
  }
});
afterAll(async () => {
  await fleet?.[Symbol.asyncDispose]();
});

function online(): LeasedCluster {
  return fleet.clusters[0]!;
}

/** Comes back before anything else was rolled out. */
function late(): LeasedCluster {
  return fleet.clusters[1]!;
}

/** Comes back when the others are at the next commit. */
function last(): LeasedCluster {
  return fleet.clusters[2]!;
}

async function said(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runCli(fleet.hub, ...args);
  expect({ args, code, stderr }).toEqual({ args, code: 0, stderr: '' });
  return stdout;
}

function recover(...args: string[]) {
  return recoverHub({ dir: `${fleet.dir}/hub`, databaseUrl: fleet.database.url }, ...args);
}

/** How far the audit log is sealed. */
async function lastSeal(): Promise<bigint> {
  const [row] = await database.query<{ seq: bigint }>('SELECT max(seq) AS seq FROM audit_seals');
  return BigInt(row?.seq ?? 0);
}

/** How far it was sealed by the checkpoint that the agent keeps; 0: it has none. */
async function checkpointOf(cluster: LeasedCluster): Promise<bigint> {
  const path = `/api/v1/namespaces/${cluster.agentNamespace}/secrets/flotilla-agent`;
  const { data } = await cluster.api.call<{ data: { checkpoint?: string } }>(path);
  const text = Buffer.from(data.checkpoint ?? '', 'base64').toString();
  const message = decodeHubMessage(Buffer.from(text, 'base64'));
  return message?.type === 'Checkpoint' ? message.checkpoint.seq : 0n;
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

async function assignmentsOf(...clusters: LeasedCluster[]): Promise<number[]> {
  const names = clusters.map((cluster) => fleet.nameOf(cluster));
  const targets = await fleet.targetsOf('web');
  return targets.filter(({ cluster }) => names.includes(cluster)).map(({ assignment }) => assignment);
}

async function takenOver(cluster: LeasedCluster): Promise<void> {
  const { clusters } = await recover('--apply');
  const outcomes = clusters.map((one) => [one['cluster'], (one['taken'] as { outcome: string }).outcome]);
  expect(outcomes.filter(([, outcome]) => outcome === 'taken')).toEqual([[fleet.nameOf(cluster), 'taken']]);
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
    await fleet.startAgent(online());
    await saysWhy(online());
    await eventually('the commit that runs already is rendered again', async () => {
      const { revision } = await fleet.hub.client.applications.get('web');
      return revision?.commit === running || ([false, revision] as const);
    });
    const text = await said('cluster', 'get', fleet.nameOf(online()));
    expect(text).toMatch(noRecord);
    expect(text).toContain('nothing is sent until `hub recover` has taken over what it holds');
    // The hub as such is recovering: also a cluster that it has not heard says so.
    expect(await said('cluster', 'get', fleet.nameOf(last()))).toMatch(restored);
    expect(await said('status')).toMatch(restored);
    expect(await said('audit', 'list', '--action', 'hub.recovering')).toContain('hub');
    await heard(online());
    expect(await writesOn(online())).toEqual([]);
    expect(await settingsLevel(online())).toBe('debug');
  });

  test('hub recover lists what the clusters hold, and changes nothing by itself', async () => {
    const { code, clusters } = await recover();
    expect(code).toBe(2);
    const listed = clusters.filter((one) => one['heard'] === true);
    expect(listed).toEqual([
      expect.objectContaining({
        cluster: fleet.nameOf(online()),
        differences: [
          expect.objectContaining({ application: 'web', held: expect.objectContaining({ revision: 3 }) }),
        ],
      }),
    ]);
    expect(await writesOn(online())).toEqual([]);
  });

  test('hub recover --apply brings the fleet on without a write on what did not change', async () => {
    await takenOver(online());
    await fleet.settledOn(online(), 'web', running);
    expect(await writesOn(online())).toEqual([]);
  });

  test('a cluster that was offline meanwhile is held until it was heard, and then taken over without a write', async () => {
    await fleet.startAgent(late());
    await saysWhy(late());
    await heard(late());
    await takenOver(late());
    await fleet.settledOn(late(), 'web', running);
    expect(await writesOn(late())).toEqual([]);
  });

  test('the next commit reaches those that were taken over, by one write each', async () => {
    const next = await fleet.push({ 'web/settings.yaml': configMap('settings', { level: 'warn' }) });
    for (const cluster of [online(), late()]) {
      await fleet.settledOn(cluster, 'web', next);
      expect(await writesOn(cluster)).toEqual(['patch configmaps settings']);
    }
  });

  test('a cluster that is taken over after a newer commit was rolled out gets that one, by the write that it takes', async () => {
    await fleet.startAgent(last());
    await saysWhy(last());
    await heard(last());
    expect(await writesOn(last())).toEqual([]);
    expect(await settingsLevel(last())).toBe('debug');
    const others = await assignmentsOf(online(), late());
    await takenOver(last());
    expect((await recover()).code).toBe(0);
    await fleet.settled('web', await fleet.repository.head());
    expect((await fleet.targetsOf('web')).map(({ currency }) => currency.state)).toEqual(
      fleet.clusters.map(() => 'Current'),
    );
    expect(await writesOn(last())).toEqual(['patch configmaps settings']);
    expect(await assignmentsOf(online(), late())).toEqual(others);
  });

  test('another commit reaches all of them, by one write each', async () => {
    for (const cluster of fleet.clusters) since.set(cluster.name, await cluster.audit.mark());
    await fleet.settled(
      'web',
      await fleet.push({ 'web/second.yaml': configMap('second', { step: 'three' }) }),
    );
    for (const cluster of fleet.clusters) {
      expect(await writesOn(cluster)).toEqual(['patch configmaps second']);
    }
  });
});
