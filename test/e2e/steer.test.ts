/** A person follows a rollout by the command line and steers it: on real clusters, each command a process of its own. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RolloutDetail } from '@flotilla/client/rollouts';
import type { Run } from '@flotilla/client/types';
import { runCli, type CliResult } from '@flotilla/testkit/cli';
import { eventually } from '@flotilla/testkit/eventually';
import { Fleet } from '@flotilla/testkit/fleet';
import { configMap } from '@flotilla/testkit/manifests';

const names = ['a', 'b', 'c', 'd', 'e', 'f'];

let fleet: Fleet;
let first: string;
let second: string;

beforeAll(async () => {
  fleet = await Fleet.start({ clusters: 2 });
  [first = '', second = ''] = fleet.clusters.map((cluster) => fleet.nameOf(cluster));
  const files = names.map((name) => [`web/${name}.yaml`, configMap(name, { level: 'info' })]);
  const begin = await fleet.push(Object.fromEntries(files), 'Begin');
  const waves = [
    { name: 'canary', clusters: { names: [first] } },
    { name: 'prod', clusters: { names: ['*'] }, approval: true },
  ];
  await fleet.createApplication({ spec: { strategy: { waves } } });
  await eventually('the first wave is done', () => approvalIsAwaited());
  await cli('rollout', 'approve', 'web', '--wave', 'prod');
  await fleet.settled('web', begin);
});

afterAll(async () => {
  await fleet?.[Symbol.asyncDispose]();
});

function cli(...args: string[]): Promise<CliResult> {
  return runCli(fleet.hub, ...args);
}

async function shown(): Promise<RolloutDetail> {
  const { stdout } = await cli('rollout', 'get', 'web', '-o', 'json');
  return JSON.parse(stdout) as RolloutDetail;
}

async function approvalIsAwaited(): Promise<true | readonly [false, unknown]> {
  const { rollout } = await fleet.hub.client.applications.get('web');
  if (rollout === null) return [false, 'no rollout'];
  const { waitsFor } = await fleet.hub.client.rollout(rollout.id);
  return waitsFor === 'wave prod waits for approval' ? true : [false, waitsFor];
}

test('the watch of a commit tells every change and ends with its outcome, and history what ran before', async () => {
  const beforeMs = Date.now();
  const files = { 'web/a.yaml': configMap('a', { level: 'debug' }) };
  const commit = await fleet.repository.commit({ files, message: 'Say more' });
  const watch = cli('rollout', 'get', 'web', '--watch', '--commit', commit, '-o', 'json');
  await fleet.hub.client.repositories.refresh('config');
  await eventually('an approval is awaited', () => approvalIsAwaited());
  expect((await shown()).revision).toMatchObject({ commit, message: expect.stringContaining('Say more') });
  expect((await cli('rollout', 'get', 'web')).stdout).toContain('flotilla rollout approve web --wave prod');
  expect((await cli('rollout', 'approve', 'web', '--wave', 'prod')).code).toBe(0);
  const { code, stdout } = await watch;
  const sights = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as RolloutDetail);
  expect(code).toBe(0);
  expect(sights.every(({ revision }) => revision.commit === commit)).toBe(true);
  expect(sights.map(({ waitsFor }) => waitsFor)).toContain('wave prod waits for approval');
  expect(sights.at(-1)).toMatchObject({
    phase: 'Completed',
    waves: [
      { name: 'canary', state: 'Done', outcomes: { Succeeded: 1 } },
      { name: 'prod', state: 'Done', outcomes: { Succeeded: 1 } },
      { name: 'rest', total: 0 },
    ],
  });
  const ran = async (at: number) => {
    const args = ['history', 'app', 'web', '--at', new Date(at).toISOString(), '-o', 'json'];
    const { items } = JSON.parse((await cli(...args)).stdout) as { items: Run[] };
    return items.map(({ cluster, revisionNumber }) => `${cluster} ${revisionNumber}`).toSorted();
  };
  expect(await ran(beforeMs)).toEqual([`${first} 1`, `${second} 1`].toSorted());
  expect(await ran(Date.now())).toEqual([`${first} 2`, `${second} 2`].toSorted());
});

test('what would delete much is asked once, and waits for the answer', async () => {
  const gone = names.slice(2).map((name) => [`web/${name}.yaml`, null]);
  const commit = await fleet.push(Object.fromEntries(gone), 'Remove most of it');
  await eventually('the question', async () => {
    const { stdout } = await cli('confirm');
    return stdout.includes('revision 3 drops 4 of 6 objects') ? true : ([false, stdout] as const);
  });
  expect((await cli('rollout', 'get', 'web')).stdout).toContain('flotilla confirm web');
  expect((await cli('confirm', 'web')).code).toBe(64);
  const answered = await cli('confirm', 'web', '--yes');
  expect([answered.code, answered.stderr]).toEqual([0, expect.stringContaining('Remove most of it')]);
  await eventually('an approval is awaited', () => approvalIsAwaited());
  expect((await cli('rollout', 'approve', 'web', '--wave', 'prod')).code).toBe(0);
  await fleet.settled('web', commit);
  expect((await cli('confirm')).stdout).toBe('nothing waits for a person\n');
});

test('a paused cluster is passed by, and gets it when its pause ends', async () => {
  expect((await cli('cluster', 'pause', second, '--reason', 'new nodes', '--until', '1h')).code).toBe(0);
  const commit = await fleet.push({ 'web/a.yaml': configMap('a', { level: 'warn' }) }, 'Say less');
  const watch = cli('rollout', 'get', 'web', '--watch', '--commit', commit);
  await eventually('an approval is awaited', () => approvalIsAwaited());
  await cli('rollout', 'approve', 'web', '--wave', 'prod');
  const { code, stdout } = await watch;
  expect([code, stdout]).toEqual([0, expect.stringContaining('1 skipped')]);
  expect((await cli('cluster', 'get', second)).stdout).toContain('(new nodes)');
  expect((await cli('cluster', 'resume', second)).code).toBe(0);
  await fleet.settled('web', commit);
});
