/** A revision goes dev → staging → production on real clusters, both its sources together; and the audit tells who let it. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Stage } from '@flotilla/client/types';
import type { GitRepository } from '@flotilla/local/git/repository';
import { runCli, type CliResult } from '@flotilla/testkit/cli';
import { eventually } from '@flotilla/testkit/eventually';
import { Fleet } from '@flotilla/testkit/fleet';
import { configMap } from '@flotilla/testkit/manifests';

const names = ['dev', 'staging', 'production'] as const;
type Name = (typeof names)[number];

let fleet: Fleet;
let extra: GitRepository;

const settings = (level: string) => ({ 'web/settings.yaml': configMap('settings', { value: level }) });
const features = (on: string) => ({ 'more/features.yaml': configMap('features', { value: on }) });
/** An API server refuses it, whatever runs on it: a key that no config map may have. */
const refused = { 'web/refused.yaml': configMap('refused', { 'not a key': '' }) };

beforeAll(async () => {
  fleet = await Fleet.start({ clusters: 3 });
  extra = await fleet.git.server.createRepository('extra');
  const url = fleet.git.server.urlOf('extra');
  await fleet.hub.client.repositories.create({ name: 'extra', url, pollIntervalMs: 5000 });
  await extra.commit({ files: features('off') });
  await fleet.push(settings('info'), 'Begin');
  for (const name of names)
    await fleet.hub.client.clusters.setLabels(fleet.nameOf(clusterOf(name)), { env: 'test', tier: name });
  const source = { ref: { branch: 'main' }, directory: { recurse: true } };
  await fleet.createApplication({
    syncPolicy: { retry: { limit: 0 } },
    spec: {
      sources: [
        { ...source, repository: 'config', path: 'web' },
        { ...source, repository: 'extra', path: 'more' },
      ],
      strategy: {
        stages: [
          { name: 'dev', clusters: tier('dev') },
          { name: 'staging', clusters: tier('staging'), soak: '1s' },
          { name: 'production', clusters: tier('production'), soak: '2s', approval: true },
        ],
      },
    },
  });
});
afterAll(async () => {
  await fleet?.[Symbol.asyncDispose]();
});

function tier(name: Name) {
  return { selector: { matchLabels: { tier: name } } };
}

function clusterOf(name: Name) {
  return fleet.clusters[names.indexOf(name)]!;
}

function cli(...args: string[]): Promise<CliResult> {
  return runCli(fleet.hub, ...args);
}

async function pushExtra(files: Record<string, string>): Promise<void> {
  await extra.commit({ files });
  await fleet.hub.client.repositories.refresh('extra');
}

interface ConfigMap {
  metadata: { name: string; uid: string };
  data: { value: string };
}

/** Of the application, as the API server of this cluster has them. */
async function configMapsOn(name: Name): Promise<ConfigMap[]> {
  const path = `/api/v1/namespaces/${fleet.namespaceOf('web')}/configmaps?labelSelector=flotilla.dev/app`;
  return (await clusterOf(name).api.call<{ items: ConfigMap[] }>(path)).items;
}

/** `info off`: what both sources say. */
async function valuesOn(name: Name): Promise<string> {
  const found = new Map((await configMapsOn(name)).map(({ metadata, data }) => [metadata.name, data.value]));
  return ['settings', 'features'].map((key) => found.get(key) ?? '-').join(' ');
}

async function valuesEverywhere(): Promise<Record<Name, string>> {
  const [dev, staging, production] = await Promise.all(names.map(valuesOn));
  return { dev: dev!, staging: staging!, production: production! };
}

async function stage(name: Name): Promise<Stage> {
  const { stages = [] } = await fleet.hub.client.applications.get('web');
  return stages[names.indexOf(name)]!;
}

function isCompleted(name: Name, revision: number): Promise<unknown> {
  return eventually(`${name} has revision ${revision}`, async () => {
    const seen = await stage(name);
    return seen.revision?.number === revision && seen.rollout === null ? true : ([false, seen] as const);
  });
}

function isAsked(revision: number): Promise<unknown> {
  return eventually(`production is asked for revision ${revision}`, async () => {
    const { candidate } = await stage('production');
    const isThere = candidate?.state === 'AwaitingApproval' && candidate.revision.number === revision;
    return isThere ? true : ([false, candidate] as const);
  });
}

/** When each stage was given the revision, and when it had completed it. */
async function rolloutOf(revision: number, name: Name): Promise<{ startedMs: number; closedMs: number }> {
  const { items } = await fleet.hub.client.applications.rollouts('web', { stage: name });
  const found = items.find(({ revisionNumber }) => revisionNumber === revision);
  return { startedMs: Date.parse(found?.startedAt ?? ''), closedMs: Date.parse(found?.closedAt ?? '') };
}

describe('stages', () => {
  test('a commit goes to dev, from there to staging once it has soaked, and waits for a person before production', async () => {
    await isAsked(1);
    expect(await valuesEverywhere()).toEqual({ dev: 'info off', staging: 'info off', production: '- -' });
    const dev = await rolloutOf(1, 'dev');
    const staging = await rolloutOf(1, 'staging');
    expect(staging.startedMs - dev.closedMs).toBeGreaterThanOrEqual(1000);
    const { stdout } = await cli('app', 'stages', 'web');
    expect(stdout).toMatch(/^production +1 +- .* 1 waits for a person to promote it$/m);
    expect(stdout).toContain('flotilla app promote web --to production');
  });

  test('a person promotes it, and production gets it', async () => {
    const promoted = await cli('app', 'promote', 'web', '--to', 'production');
    expect(promoted).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('StagePromoted: revision 1 from staging to production, by '),
    });
    const watched = await cli('rollout', 'get', 'web', '--stage', 'production', '--watch');
    expect([watched.code, watched.stdout.split('\n')[0]]).toEqual([
      0,
      expect.stringMatching(/^Rollout of web to revision 1 in production/),
    ]);
    expect(await valuesOn('production')).toBe('info off');
    expect(await cli('app', 'promote', 'web', '--to', 'production')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('no revision waits for production: completed in staging: 1'),
    });
  });

  test('both sources move as one: production gets the commits that were in staging together', async () => {
    await fleet.push(settings('debug'), 'Say more');
    await isAsked(2);
    await pushExtra(features('on'));
    await isCompleted('staging', 3);
    expect(await valuesEverywhere()).toEqual({
      dev: 'debug on',
      staging: 'debug on',
      production: 'info off',
    });
    expect((await cli('app', 'promote', 'web', '--to', 'production', '--revision', '2')).code).toBe(0);
    await isCompleted('production', 2);
    expect(await valuesOn('production')).toBe('debug off');
    await isAsked(3);
    expect((await cli('app', 'promote', 'web', '--to', 'production')).code).toBe(0);
    await isCompleted('production', 3);
    expect(await valuesOn('production')).toBe('debug on');
  });

  test('a revision that fails halts in dev and goes no further; what mends it goes on', async () => {
    await fleet.push({ ...settings('trace'), ...refused }, 'Break dev');
    const halted = await eventually('dev is halted', async () => {
      const { rollout } = await stage('dev');
      return rollout?.phase === 'Paused' ? rollout : ([false, rollout] as const);
    });
    expect(halted).toMatchObject({
      revision: { number: 4 },
      phaseReason: expect.stringContaining('1 of 1 failed'),
    });
    expect((await cli('app', 'stages', 'web')).stdout).toContain('flotilla rollout get web --stage dev');
    expect(await cli('app', 'promote', 'web', '--to', 'staging', '--revision', '4')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('revision 4 was not completed in dev'),
    });
    await fleet.push({ 'web/refused.yaml': null }, 'Mend it');
    await isAsked(5);
    expect(await valuesEverywhere()).toEqual({
      dev: 'trace on',
      staging: 'trace on',
      production: 'debug on',
    });
    const reached = (await fleet.hub.client.applications.rollouts('web')).items
      .filter(({ revisionNumber }) => revisionNumber === 4)
      .map(({ stage: where, phase }) => [where, phase]);
    expect(reached).toEqual([['dev', 'Superseded']]);
  });

  test('a cluster that gets another label joins that stage in place: it gets what that has, and nothing is made anew', async () => {
    const before = (await configMapsOn('staging')).map(({ metadata }) => metadata.uid);
    const relabelled = await cli('cluster', 'label', fleet.nameOf(clusterOf('staging')), 'tier=production');
    expect(relabelled).toMatchObject({ code: 0, stdout: expect.stringContaining('tier=production') });
    await eventually('it has what production has', async () => {
      const values = await valuesOn('staging');
      return values === 'debug on' ? true : ([false, values] as const);
    });
    expect((await configMapsOn('staging')).map(({ metadata }) => metadata.uid)).toEqual(before);
    expect(await stage('production')).toMatchObject({ targets: 2, revision: { number: 3 } });
  });

  test('the audit tells who promoted which revision, and every step on its way', async () => {
    const events = await Array.fromAsync(fleet.hub.client.audit.all());
    const promoted = events
      .filter(({ action, outcome }) => action === 'rollout.promoteStage' && outcome === 'success')
      .toReversed();
    const me = await fleet.hub.client.whoami();
    expect(promoted.map(({ actor }) => actor.id)).toEqual([me.id, me.id, me.id]);
    const said = promoted.map(({ reason }) => (reason['events'] as string[])[0]);
    expect(said).toEqual(
      [1, 2, 3].map(
        (revision) => `StagePromoted: revision ${revision} from staging to production, by ${me.name}`,
      ),
    );
    const decisions = events
      .filter(({ action }) => action === 'rollout.tick')
      .toReversed()
      .flatMap(({ reason }) => reason['decisions'] as string[]);
    const steps = decisions.filter((text) => /Candidate|Promot/.test(text) && / revision 1 /.test(text));
    expect(steps).toEqual([
      'Candidate: revision 1 is a candidate for staging: it soaks in dev for 1s',
      'StagePromoted: revision 1 from dev to staging, after its soak',
      'Candidate: revision 1 is a candidate for production: it soaks in staging for 2s',
      'AwaitingPromotion: revision 1 waits for a person to promote it to production',
    ]);
  });
});
