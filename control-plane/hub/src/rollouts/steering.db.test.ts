import { parseHead } from '@flotilla/domain/desired/parse';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { startGitServer, type TestGitServer } from '../sources/git/gitServer.fixture.ts';
import { eventually, startTestHub, type TestHub } from '../worker.fixture.ts';
import { assignedAt, configMap, makeWorld, type Target, type World, reportDone } from '../world.fixture.ts';

let hub: TestHub;
let git: TestGitServer;

beforeAll(async () => {
  git = await startGitServer();
  hub = await startTestHub();
});

afterAll(async () => {
  await hub[Symbol.asyncDispose]();
  await git.close();
});

async function rolloutOf(world: World): Promise<{ phase: string } | undefined> {
  const [row] = await hub.rows<{ phase: string }>(
    'SELECT phase FROM rollouts WHERE application_id = $1::uuid',
    [world.applicationId],
  );
  return row;
}

test('manual sync waits for a person, and sync now starts it', async () => {
  const world = await makeWorld(
    { hub, git },
    { 'app/a.yaml': configMap('a', '1') },
    { syncPolicy: { automated: false } },
  );
  await eventually('a waiting rollout', async () => (await rolloutOf(world))?.phase === 'AwaitingSync');
  expect((await world.targets()).map(({ state }) => state)).toEqual(['Unassigned', 'Unassigned']);
  expect(await hub.api('POST', `/applications/${world.name}/sync`, {})).toMatchObject({
    status: 202,
    body: { action: 'StartedRollout' },
  });
  const [first] = await assignedAt(world, 1);
  await reportDone(hub, world);
  await eventually('a completed rollout', async () => (await rolloutOf(world))?.phase === 'Completed');
  expect(await hub.api('POST', `/applications/${world.name}/sync`, { force: true })).toMatchObject({
    status: 202,
    body: { action: 'Reapplied' },
  });
  const again = await eventually('another assignment', async () => {
    const targets = await world.targets();
    return targets.every(({ assignment }) => assignment === first!.assignment + 1n) ? targets : null;
  });
  const head = parseHead(again[0]!.head!);
  expect(head).toMatchObject({ ok: true, value: { operation: { force: true } } });
});

test('a sync window of the project holds what a person started, says until when, and lets it go once it is taken away', async () => {
  const world = await makeWorld(
    { hub, git },
    { 'app/a.yaml': configMap('a', '1') },
    { syncPolicy: { automated: false } },
  );
  const freeze = {
    kind: 'deny',
    schedule: '0 0 1 1 *',
    duration: '366d',
    timeZone: 'Europe/Berlin',
    applications: [world.name],
  };
  const edited = await hub.api('PATCH', '/projects/default', { spec: { syncWindows: [freeze] } });
  expect(edited).toMatchObject({
    status: 200,
    body: { spec: { syncWindows: [{ ...freeze, manualSync: false }] } },
  });
  await eventually('a revision that waits', async () => (await rolloutOf(world))?.phase === 'AwaitingSync');
  await hub.api('POST', `/applications/${world.name}/sync`, {});
  const waits = await eventually('the rollout waits', async () => {
    const [event] = await hub.rows<{ message: string }>(
      `SELECT e.message FROM rollout_events e JOIN rollouts r ON r.id = e.rollout_id
       WHERE r.application_id = $1::uuid AND e.kind = 'WaveWaits'`,
      [world.applicationId],
    );
    return event;
  });
  expect(waits.message).toMatch(
    /^wave all waits for a sync window until \d{4}-\d\d-\d\d \d\d:00 UTC \(denies from 0 0 1 1 \* for 366d, Europe\/Berlin\)$/,
  );
  const { body: application } = await hub.api('GET', `/applications/${world.name}`);
  const { rollout } = application as { rollout: { id: string } };
  const { body: shown } = await hub.api('GET', `/rollouts/${rollout.id}?events=1&outcomes=false`);
  const { until } = shown as { until: string };
  expect(shown).toMatchObject({
    waitsFor: waits.message,
    waves: [{ name: 'all', state: 'Waiting', total: 2, outcomes: { Pending: 2 }, until }],
    events: [{ kind: 'WaveWaits' }],
    estimatedEndAt: null,
  });
  expect(waits.message).toContain(until.slice(0, 16).replace('T', ' '));
  expect((await world.targets()).map(({ state }) => state)).toEqual(['Unassigned', 'Unassigned']);
  await hub.api('PATCH', '/projects/default', { spec: { syncWindows: [] } });
  await assignedAt(world, 1);
});

test('a joining cluster is assigned what belongs there; a leaving one keeps it through its grace and is then removed', async () => {
  const world = await makeWorld(
    { hub, git },
    { 'app/a.yaml': configMap('a', '1') },
    { syncPolicy: { graceMs: 500, onUnplace: 'delete' } },
    1,
  );
  await assignedAt(world, 1);
  const joiner = await hub.makeCluster(`${world.name}-joiner`, { world: world.name });
  const [target] = await eventually('the joiner', async () => {
    const rows = await hub.rows<Target>(
      'SELECT * FROM targets WHERE cluster_id = $1::uuid AND revision_number = 1',
      [joiner],
    );
    return rows.length === 1 ? rows : null;
  });
  await hub.rows(`UPDATE clusters SET labels = '{}' WHERE id = $1::uuid`, [joiner]);
  hub.hint('cluster', joiner);
  const [leaving] = await eventually('leaving', async () => {
    const rows = await hub.rows<Target & { leaving_since: Date | null }>(
      'SELECT * FROM targets WHERE id = $1::uuid',
      [target!.id],
    );
    return rows[0]?.leaving_since !== null ? rows : null;
  });
  expect(leaving!.state).toBe('Active');
  const removing = await eventually('removing', async () => {
    const [row] = await hub.rows<Target>(`SELECT * FROM targets WHERE id = $1::uuid AND state = 'Removing'`, [
      target!.id,
    ]);
    return row;
  });
  expect(parseHead(removing.head!)).toMatchObject({
    ok: true,
    value: { state: 'Removing', removal: 'delete', assignment: Number(target!.assignment) + 1 },
  });
  await hub.rows(
    `INSERT INTO target_observations (target_id, cluster_id, application_id, fence, seq, digest, assignment, revision_number, bundle, sync, health, state, removal)
     SELECT id, cluster_id, application_id, 1, 1, '', assignment, 1, bundle, 'Synced', 'Healthy', '{}', 'Removed' FROM targets WHERE id = $1::uuid`,
    [target!.id],
  );
  hub.hint('rollout', world.applicationId);
  await eventually(
    'the row to go',
    async () => (await hub.rows('SELECT id FROM targets WHERE id = $1::uuid', [target!.id])).length === 0,
  );
});

test('a revision that drops most objects waits for a person, once for the fleet', async () => {
  const files = Object.fromEntries(
    Array.from({ length: 12 }, (_, at) => [`app/${at}.yaml`, configMap(`c${at}`, '1')]),
  );
  const world = await makeWorld({ hub, git }, files);
  await assignedAt(world, 1);
  await hub.rows(
    `INSERT INTO target_observations (target_id, cluster_id, application_id, fence, seq, digest, assignment, revision_number, bundle, sync, health, state)
     SELECT id, cluster_id, application_id, 1, 1, '', assignment, 1, bundle, 'Synced', 'Healthy', '{}' FROM targets WHERE application_id = $1::uuid`,
    [world.applicationId],
  );
  await world.push(Object.fromEntries(Array.from({ length: 11 }, (_, at) => [`app/${at}.yaml`, null])));
  const events = await eventually('the question', async () => {
    const rows = await hub.rows<{ message: string }>(
      `SELECT e.message FROM rollout_events e JOIN rollouts r ON r.id = e.rollout_id WHERE r.application_id = $1::uuid AND e.kind = 'DropHeld'`,
      [world.applicationId],
    );
    return rows.length > 0 ? rows : null;
  });
  expect(events).toEqual([{ message: 'revision 2 drops 11 of 12 objects and waits for confirmation' }]);
  expect((await world.targets()).map((target) => target.revision_number)).toEqual([1, 1]);
  expect(await world.conditions()).toEqual([
    { type: 'DropHeld', message: 'revision 2 drops 11 of 12 objects: confirm it, or push what mends it' },
  ]);
  const questions = () => hub.api('GET', `/questions?application=${world.name}`);
  expect((await questions()).body).toMatchObject({
    items: [
      {
        application: world.name,
        kind: 'drop',
        revision: { number: 2, state: 'Ready' },
        count: 11,
        of: 12,
        clusters: [],
        message: 'revision 2 drops 11 of 12 objects',
      },
    ],
    next: null,
  });
  const act = (body: object) => hub.api('POST', `/applications/${world.name}/rollout`, body);
  expect(await act({ action: 'confirmDrop', revision: 1 })).toMatchObject({ status: 409 });
  expect(await act({ action: 'confirmDrop', revision: 2 })).toMatchObject({ status: 202 });
  expect((await questions()).body).toMatchObject({ items: [] });
  const [confirmed] = await assignedAt(world, 2);
  expect(parseHead(confirmed!.head!)).toMatchObject({ ok: true, value: { deletesMax: 11 } });
  expect(await world.conditions()).toEqual([]);
});

test('targets that leave together are held until a person confirms', async () => {
  const world = await makeWorld(
    { hub, git },
    { 'app/a.yaml': configMap('a', '1') },
    { syncPolicy: { graceMs: 0 } },
    4,
  );
  await assignedAt(world, 1);
  const application = await hub.api('GET', `/applications/${world.name}`);
  const { spec } = application.body as { spec: { placement: object } };
  const narrowed = { ...spec, placement: { clusters: { names: [`${world.name}-0`] } } };
  const put = await hub.api('PUT', `/applications/${world.name}`, { spec: narrowed }, { 'if-match': '*' });
  expect(put).toMatchObject({ status: 200 });
  await eventually('the question', async () =>
    (await world.conditions()).some(({ message }) => message.startsWith('3 of 4 targets would leave')),
  );
  expect((await world.targets()).every(({ state }) => state === 'Active')).toBe(true);
  const act = (body: object) => hub.api('POST', `/applications/${world.name}/rollout`, body);
  const questions = () => hub.api('GET', `/questions?application=${world.name}`);
  expect((await questions()).body).toMatchObject({
    items: [
      {
        kind: 'leaving',
        revision: null,
        count: 3,
        of: 4,
        clusters: [1, 2, 3].map((at) => `${world.name}-${at}`),
        removal: 'orphan',
        message: '3 of 4 targets left the placement',
      },
    ],
  });
  expect(await act({ action: 'confirmLeaving', targets: 2 })).toMatchObject({ status: 409 });
  expect(await act({ action: 'confirmLeaving', targets: 3 })).toMatchObject({ status: 202 });
  expect((await questions()).body).toMatchObject({ items: [] });
  await eventually('removing', async () => {
    const states = (await world.targets()).map(({ state }) => state);
    return states.filter((state) => state === 'Removing').length === 3;
  });
  expect(await world.conditions()).toEqual([]);
  expect(await act({ action: 'confirmLeaving' })).toMatchObject({ status: 409 });
});

test('a person pauses, resumes, pins and rolls back', async () => {
  const world = await makeWorld({ hub, git }, { 'app/a.yaml': configMap('a', '1') });
  await assignedAt(world, 1);
  const observeAll = () => reportDone(hub, world);
  const phases = () =>
    hub.rows<{ kind: string; phase: string }>(
      'SELECT kind, phase FROM rollouts WHERE application_id = $1::uuid ORDER BY created_at, started_at',
      [world.applicationId],
    );
  const act = (body: object) => hub.api('POST', `/applications/${world.name}/rollout`, body);
  const completed = (count: number) =>
    eventually(`${count} completed`, async () => {
      await observeAll();
      hub.hint('rollout', world.applicationId);
      return (await phases()).filter(({ phase }) => phase === 'Completed').length === count;
    });
  await completed(1);
  expect(await act({ action: 'pause', reason: 'lunch' })).toMatchObject({ status: 409 });
  await world.push({ 'app/a.yaml': configMap('a', '2') });
  await assignedAt(world, 2);
  expect(await act({ action: 'pause', reason: 'lunch' })).toMatchObject({ status: 202 });
  expect((await phases()).map(({ phase }) => phase)).toEqual(['Completed', 'Paused']);
  expect(await act({ action: 'resume' })).toMatchObject({ status: 202 });
  await completed(2);
  expect(await act({ action: 'rollback', reason: 'worse than before' })).toMatchObject({ status: 202 });
  await assignedAt(world, 1);
  expect((await world.revisions()).map(({ state }) => state)).toEqual(['Ready', 'Rejected']);
  const first = `${world.name}-0`;
  expect(await act({ action: 'pin', cluster: first, revision: 2, reason: 'a trial' })).toMatchObject({
    status: 202,
  });
  await eventually('the pinned one', async () => {
    await observeAll();
    hub.hint('rollout', world.applicationId);
    return (await world.targets()).map((target) => target.revision_number).join() === '2,1';
  });
  expect(await act({ action: 'pin', cluster: 'nowhere', revision: 2 })).toMatchObject({ status: 422 });
});

test('an application that is deleted goes when its last target has said so', async () => {
  const world = await makeWorld({ hub, git }, { 'app/a.yaml': configMap('a', '1') });
  await assignedAt(world, 1);
  expect(await hub.api('DELETE', `/applications/${world.name}?mode=delete`)).toMatchObject({ status: 202 });
  await eventually('removing', async () =>
    (await world.targets()).every(({ state }) => state === 'Removing'),
  );
  await hub.rows(
    `INSERT INTO target_observations (target_id, cluster_id, application_id, fence, seq, digest, assignment, revision_number, bundle, sync, health, state, removal)
     SELECT id, cluster_id, application_id, 1, 1, '', assignment, 1, bundle, 'Synced', 'Healthy', '{}', 'Removed' FROM targets WHERE application_id = $1::uuid`,
    [world.applicationId],
  );
  await eventually(
    'the application to go',
    async () =>
      (await hub.rows('SELECT id FROM applications WHERE id = $1::uuid', [world.applicationId])).length === 0,
  );
  expect((await hub.api('GET', `/applications/${world.name}`)).status).toBe(404);
});

/** As an agent says it of what is assigned. */
async function report(world: World, target: Target, conditions: object[]): Promise<void> {
  await hub.rows(
    `INSERT INTO target_observations (target_id, cluster_id, application_id, fence, seq, digest, assignment, revision_number, bundle, sync, health, state)
     SELECT id, cluster_id, application_id, 1, 1, '', assignment, 1, bundle, 'Synced', 'Healthy',
       jsonb_build_object('conditions', $2::jsonb, 'counts', '{"pruneHeld": 12}'::jsonb, 'operation', jsonb_build_object('assignment', assignment, 'phase', 'Succeeded', 'message', ''))
     FROM targets WHERE id = $1::uuid
     ON CONFLICT (target_id) DO UPDATE SET assignment = excluded.assignment, state = excluded.state`,
    [target.id, JSON.stringify(conditions)],
  );
}

const rebuilt = [{ type: 'InventoryRebuilt', message: '' }];

async function questionsOf(world: World): Promise<object[]> {
  const { body } = await hub.api('GET', `/questions?application=${world.name}`);
  return (body as { items: object[] }).items;
}

function headOf(target: Target | undefined) {
  const head = parseHead(target!.head!);
  return head.ok ? head.value : null;
}

test('a rebuilt inventory is asked about once, and deletes nothing before a person has confirmed it', async () => {
  const world = await makeWorld({ hub, git }, { 'app/a.yaml': configMap('a', '1') });
  const [first, second] = await assignedAt(world, 1);
  await report(world, first!, rebuilt);
  await report(world, second!, []);
  await eventually('the application says so', async () =>
    (await world.conditions()).some(({ type }) => type === 'InventoryRebuilt'),
  );
  const [name] = await hub.rows<{ name: string }>(
    'SELECT c.name FROM clusters c JOIN targets t ON t.cluster_id = c.id WHERE t.id = $1::uuid',
    [first!.id],
  );
  expect(await questionsOf(world)).toMatchObject([
    {
      kind: 'inventory',
      count: 1,
      of: 2,
      clusters: [name?.name],
      message: '1 of 2 clusters lost their inventory and rebuilt it: 12 objects wait to be deleted',
    },
  ]);
  await world.push({ 'app/a.yaml': configMap('a', '2') });
  const [held, other] = await assignedAt(world, 2);
  expect([headOf(held), headOf(other)]).toMatchObject([{ deletesMax: 0 }, { deletesMax: 10 }]);
  await report(world, held!, rebuilt);
  await report(world, other!, []);
  await eventually('the rollout is over', async () => {
    const [open] = await hub.rows<{ n: number }>(
      `SELECT count(*)::int AS n FROM rollouts WHERE application_id = $1::uuid AND phase = 'Running'`,
      [world.applicationId],
    );
    return open?.n === 0;
  });
  const confirm = (targets: number) =>
    hub.api('POST', `/applications/${world.name}/rollout`, { action: 'confirmInventory', targets });
  expect(await confirm(2)).toMatchObject({ status: 409 });
  expect(await confirm(1)).toMatchObject({
    status: 202,
    body: { events: ['1 clusters may delete by their rebuilt inventory'] },
  });
  expect(await questionsOf(world)).toEqual([]);
  const confirmed = await eventually('it is assigned again', async () => {
    const target = (await world.targets()).find(({ id }) => id === held!.id);
    return target!.assignment > held!.assignment ? target : null;
  });
  expect(headOf(confirmed)).toMatchObject({ operation: { force: true }, deletesMax: 12 });
  await report(world, confirmed, []);
  await eventually('the application no longer says so', async () =>
    (await world.conditions()).every(({ type }) => type !== 'InventoryRebuilt'),
  );
  expect(await confirm(1)).toMatchObject({ status: 409 });
});

test('a removal that waits for its inventory to be confirmed goes on by it', async () => {
  const world = await makeWorld({ hub, git }, { 'app/a.yaml': configMap('a', '1') });
  await assignedAt(world, 1);
  await hub.api('DELETE', `/applications/${world.name}?mode=delete`);
  const leaving = await eventually('it is being removed', async () => {
    const targets = await world.targets();
    return targets.every(({ state }) => state === 'Removing') ? targets : null;
  });
  for (const target of leaving) await report(world, target, rebuilt);
  await eventually('it is asked about', async () => (await questionsOf(world)).length === 1);
  const { status } = await hub.api('POST', `/applications/${world.name}/rollout`, {
    action: 'confirmInventory',
  });
  expect(status).toBe(202);
  const again = await world.targets();
  expect(again.map(headOf)).toMatchObject(
    leaving.map(({ assignment }) => ({
      state: 'Removing',
      removal: 'delete',
      assignment: Number(assignment) + 1,
      operation: { force: true },
    })),
  );
});
