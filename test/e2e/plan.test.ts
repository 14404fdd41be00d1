/** What a commit would change is known before it is merged: on every cluster, and nowhere is anything changed by asking. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCli } from '@flotilla/testkit/cli';
import type { LeasedCluster } from '@flotilla/testkit/cluster';
import { eventually } from '@flotilla/testkit/eventually';
import { Fleet } from '@flotilla/testkit/fleet';
import { configMap } from '@flotilla/testkit/manifests';

let fleet: Fleet;
let same: LeasedCluster;
let differing: LeasedCluster;
let offline: LeasedCluster;

const canary = 'canary-of-a-secret';

function secret(password: string): string {
  return `apiVersion: v1\nkind: Secret\nmetadata:\n  name: login\nstringData:\n  password: ${password}\n`;
}

beforeAll(async () => {
  fleet = await Fleet.start({ clusters: 3 });
  [same, differing, offline] = fleet.clusters as [LeasedCluster, LeasedCluster, LeasedCluster];
  const commit = await fleet.push({
    'web/settings.yaml': configMap('settings', { level: 'info' }),
    'web/old.yaml': configMap('old', {}),
    'web/login.yaml': secret(`${canary}-1`),
  });
  await fleet.createApplication();
  await fleet.settled('web', commit);
  await differing.api.call(`/api/v1/namespaces/${fleet.namespaceOf('web')}/configmaps`, {
    method: 'POST',
    body: { metadata: { name: 'extra' }, data: { made: 'by hand' } },
  });
  await fleet.agentOf(offline).stop();
  const name = fleet.nameOf(offline);
  await eventually('its stream has ended', async () => {
    const open = await fleet.database.query(
      'SELECT s.id FROM sessions s JOIN clusters c ON c.id = s.cluster_id WHERE c.name = $1 AND s.ended_at IS NULL',
      [name],
    );
    return open.length === 0 || ([false, open] as const);
  });
  // A cluster counts as offline once it was not heard for 90 s: as if they had gone by.
  await fleet.database.query(`UPDATE clusters SET last_seen_at = now() - interval '91 s' WHERE name = $1`, [
    name,
  ]);
});
afterAll(async () => {
  await fleet?.[Symbol.asyncDispose]();
});

/** A branch that starts from what main has. */
function branch(name: string, files: Record<string, string | null>): Promise<string> {
  const main = {
    'web/settings.yaml': configMap('settings', { level: 'info' }),
    'web/old.yaml': configMap('old', {}),
    'web/login.yaml': secret(`${canary}-1`),
  };
  return fleet.repository.commit({ files: { ...main, ...files }, branch: name });
}

function planOf(revision: string, ...more: string[]) {
  return runCli(fleet.hub, 'app', 'plan', 'web', '--revision', revision, ...more);
}

describe('plan', () => {
  test('one cluster differs and one is offline: both are named, secrets are not shown, and nothing is written', async () => {
    const before = await fleet.targetsOf('web');
    const marks = await Promise.all([same, differing].map((cluster) => cluster.audit.mark()));
    await branch('feature', {
      'web/settings.yaml': configMap('settings', { level: 'debug' }),
      'web/old.yaml': null,
      'web/extra.yaml': configMap('extra', { made: 'by Git' }),
      'web/login.yaml': secret(`${canary}-2`),
    });
    const { code, stdout } = await planOf('feature');
    expect({ code, stdout }).toMatchObject({ code: 3 });
    expect(stdout).toContain('a change on 1 cluster; 1 differs: ');
    expect(stdout).toContain('1 offline');
    expect(stdout).toContain(`Offline  ${fleet.nameOf(offline)}`);
    expect(stdout).toMatch(/delete {2}ConfigMap \S+\/old/);
    expect(stdout).toMatch(/\/data\/level {2}"info" → "debug"/);
    expect(stdout).toMatch(/create {2}ConfigMap \S+\/extra/);
    expect(stdout).toMatch(/change {2}ConfigMap \S+\/extra\n(.*\n)*? +\/data\/made {2}"by hand" → "by Git"/);
    expect(stdout).toContain('/data/password  "<masked: before>" → "<masked: after>"');
    expect(stdout).not.toContain(canary);
    expect(stdout).not.toContain(Buffer.from(canary).toString('base64').slice(0, 16));
    for (const [at, cluster] of [same, differing].entries()) {
      const requests = await cluster.requests({
        verb: ['create', 'update', 'patch', 'delete', 'deletecollection'],
        namespace: fleet.namespaceOf('web'),
        since: marks[at]!,
      });
      expect(requests.length).toBeGreaterThan(0);
      expect(requests.filter(({ uri }) => !uri.includes('dryRun=All'))).toEqual([]);
    }
    const after = await fleet.targetsOf('web');
    expect(after.map(({ assignment }) => assignment)).toEqual(before.map(({ assignment }) => assignment));
    expect((await fleet.hub.client.applications.get('web')).revisionNumber).toBe(1);
  });

  test('its exit code is a check for a pull request', async () => {
    const head = await fleet.repository.head();
    expect(await planOf(head, '--ignore-offline')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('no change on 2 clusters; 1 offline'),
    });
    await branch('harmless', { 'web/more.yaml': configMap('more', {}) });
    expect(await planOf('harmless', '--ignore-offline')).toMatchObject({
      code: 2,
      stdout: expect.stringContaining('same change on 2 clusters'),
    });
    await branch('refused', {
      'web/bad.yaml':
        'apiVersion: v1\nkind: Service\nmetadata:\n  name: bad\nspec:\n  ports:\n    - port: 99999\n',
    });
    const refused = await planOf('refused');
    expect(refused.code).toBe(1);
    expect(refused.stdout).toMatch(/2 would fail: .*99999/);
    const { code, stdout } = await planOf('nowhere');
    expect(code).toBe(1);
    expect(stdout).toContain('has no branch and no tag "nowhere"');
  });

  test('what was planned is what is done once it is merged, and then nothing is left to do', async () => {
    const { groups } = JSON.parse((await planOf('feature', '-o', 'json')).stdout) as {
      groups: { counts: Record<string, number> }[];
    };
    for (const { counts } of groups)
      expect((counts['create'] ?? 0) + (counts['change'] ?? 0) + (counts['delete'] ?? 0)).toBe(4);
    const commit = await fleet.push({
      'web/settings.yaml': configMap('settings', { level: 'debug' }),
      'web/old.yaml': null,
      'web/extra.yaml': configMap('extra', { made: 'by Git' }),
      'web/login.yaml': secret(`${canary}-2`),
    });
    await fleet.settledOn(same, 'web', commit);
    await fleet.settledOn(differing, 'web', commit);
    expect(await planOf(commit, '--ignore-offline')).toMatchObject({ code: 0 });
  });
});
