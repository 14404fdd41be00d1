/** A canary that fails halts the rollout and takes it back, before the other clusters saw anything; and the audit tells why. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RolloutDetail } from '@flotilla/client/rollouts';
import { eventually } from '@flotilla/testkit/eventually';
import { Fleet } from '@flotilla/testkit/fleet';
import { configMap } from '@flotilla/testkit/manifests';

let fleet: Fleet;
let canary: string;
let good: string;

/** An API server refuses it, whatever runs on it: a key that no config map may have. */
const refused = configMap('refused', { 'not a key': '' });
const config = (level: string) => configMap('settings', { level });

beforeAll(async () => {
  fleet = await Fleet.start({ clusters: 3 });
  canary = fleet.nameOf(fleet.clusters[0]!);
  good = await fleet.push({ 'web/settings.yaml': config('info') }, 'Begin');
  await fleet.createApplication({
    syncPolicy: { retry: { limit: 0 } },
    spec: {
      strategy: { waves: [{ name: 'canary', clusters: { names: [canary] } }], onFailure: 'rollback' },
    },
  });
  await fleet.settled('web', good);
  await fleet.push({ 'web/settings.yaml': config('debug'), 'web/refused.yaml': refused }, 'Break the canary');
});
afterAll(async () => {
  await fleet?.[Symbol.asyncDispose]();
});

async function rollouts(): Promise<RolloutDetail[]> {
  const { items } = await fleet.hub.client.applications.rollouts('web', { limit: 10 });
  return Promise.all(items.map(({ id }) => fleet.hub.client.rollout(id)));
}

function levelOn(cluster: Fleet['clusters'][number]): Promise<string> {
  const path = `/api/v1/namespaces/${fleet.namespaceOf('web')}/configmaps/settings`;
  return cluster.api.call<{ data: { level: string } }>(path).then(({ data }) => data.level);
}

describe('canary', () => {
  test('the rollout is halted at the canary and rolled back, each with its reason', async () => {
    const [back, forward] = await eventually('the rollback is over', async () => {
      const [newest, before] = await rollouts();
      return newest?.kind === 'rollback' && newest.phase === 'Completed' && before !== undefined
        ? ([newest, before] as const)
        : ([false, newest] as const);
    });
    expect(forward).toMatchObject({ kind: 'forward', phase: 'RolledBack', revisionNumber: 2 });
    const failure = forward.events.find(
      ({ kind, message }) => kind === 'Outcome' && message.includes('Failed'),
    );
    expect(failure?.message).toContain('"not a key"');
    expect(back.createdBy).toBe('automation');
  });

  test('the canary has the revision before again, and the others never had another', async () => {
    for (const cluster of fleet.clusters) {
      await eventually('it has what was there before', async () => (await levelOn(cluster)) === 'info');
    }
    const assignments = await fleet.database.query<{ name: string; assignment: number }>(
      'SELECT c.name, t.assignment::int AS assignment FROM targets t JOIN clusters c ON c.id = t.cluster_id',
    );
    for (const { name, assignment } of assignments)
      expect([name, assignment]).toEqual([name, name === canary ? 3 : 1]);
  });

  test('the revision is rejected: automation does not start it again, and the next one goes everywhere', async () => {
    const { items } = await fleet.hub.client.applications.revisions('web');
    expect(items.map(({ number, state }) => [number, state])).toEqual([
      [2, 'Rejected'],
      [1, 'Ready'],
    ]);
    const mended = await fleet.push(
      { 'web/settings.yaml': config('debug'), 'web/refused.yaml': null },
      'Mend it',
    );
    await fleet.settled('web', mended);
    for (const cluster of fleet.clusters) expect(await levelOn(cluster)).toBe('debug');
  });

  test('the audit tells the story in order', async () => {
    const events = await Array.fromAsync(fleet.hub.client.audit.all());
    const ticks = events.filter(({ action }) => action === 'rollout.tick').toReversed();
    const decisions = ticks.flatMap(({ reason }) => reason['decisions'] as string[]);
    const second = decisions.slice(
      decisions.findIndex((decision) => decision.includes('revision 2 to 3 targets')),
    );
    expect(second.slice(0, 9)).toEqual([
      'Started: revision 2 to 3 targets, by automation',
      'WaveOpened: wave canary: 1 targets',
      `Outcome on ${canary}: Assigned`,
      expect.stringMatching(new RegExp(`^Outcome on ${canary}: Failed.operation.: .*"not a key"`)),
      expect.stringMatching(/^Rejected: revision 2 is rejected: wave canary: 1 of 1 failed/),
      expect.stringMatching(/^Closed: RolledBack: wave canary: 1 of 1 failed/),
      expect.stringMatching(/^Started: rollback of revision 2 on 1 targets/),
      'WaveOpened: wave canary: 1 targets',
      `Outcome on ${canary}: Assigned`,
    ]);
  });
});
