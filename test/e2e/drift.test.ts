/** An edit by hand is reverted, and shown with who changed which field and when; also while the hub is away. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '@flotilla/testkit/eventually';
import { Fleet } from '@flotilla/testkit/fleet';
import { configMap } from '@flotilla/testkit/manifests';

let fleet: Fleet;

beforeAll(async () => {
  fleet = await Fleet.start();
  const commit = await fleet.push({ 'web/config.yaml': configMap('settings', { level: 'info' }) });
  await fleet.createApplication();
  await fleet.settled('web', commit);
});
afterAll(async () => {
  await fleet?.[Symbol.asyncDispose]();
});

function settingsPath(): string {
  return `/api/v1/namespaces/${fleet.namespaceOf('web')}/configmaps/settings`;
}

async function edit(level: string, manager: string): Promise<void> {
  const path = `${settingsPath()}?fieldManager=${manager}`;
  await fleet.clusters[0]!.api.call(path, { method: 'PATCH', body: { data: { level } } });
}

async function reverted(what: string): Promise<void> {
  await eventually(what, async () => {
    const live = await fleet.clusters[0]!.api.call<{ data: { level: string } }>(settingsPath());
    return live.data.level === 'info' || ([false, live.data] as const);
  });
}

describe('drift', () => {
  test('an edit is reverted, and shown with manager, field and time', async () => {
    const startedAt = Date.now();
    await edit('debug', 'kubectl-edit');
    await reverted('the edit is reverted');
    const drift = await eventually('the drift is in the history', async () => {
      const history = await fleet.hub.client.applications.history('web');
      return history.items.find((item) => item.kind === 'Drift') ?? ([false, history.items] as const);
    });
    const { fields } = drift.detail as { fields: { path: string; manager: string; time: string }[] };
    expect(fields).toEqual([
      expect.objectContaining({ path: expect.stringContaining('level'), manager: 'kubectl-edit' }),
    ]);
    expect(Math.abs(Date.parse(fields[0]!.time) - startedAt)).toBeLessThan(60_000);
  });

  test('Fleet: its agent cannot act after a restart while the hub is down: here it still reverts drift (hub-away)', async () => {
    const cluster = fleet.clusters[0]!;
    await fleet.hub.stop();
    await fleet.agentOf(cluster).crash();
    await fleet.startAgent(cluster);
    await edit('trace', 'somebody');
    await reverted('the edit is reverted without a hub');
    await fleet.startHub();
    await fleet.connected(cluster);
  });
});
