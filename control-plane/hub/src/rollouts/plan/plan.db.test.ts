/** A plan over real Git and Postgres: rendered without becoming a revision, asked of every cluster, grouped, judged and kept. */
import { canonicalText } from '@flotilla/domain/bundle/canonical';
import { parseBody } from '@flotilla/domain/desired/parse';
import type { PlannedObject } from '@flotilla/domain/plan/plan';
import { encodePlan, targetPlanOf } from '@flotilla/domain/plan/targetPlan';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { sha256 } from '../../platform/digest.ts';
import { startGitServer, type TestGitServer } from '../../sources/git/gitServer.fixture.ts';
import { eventually, startTestHub, type TestHub } from '../../worker.fixture.ts';
import { makeFleet } from '../../labelledFleet.fixture.ts';
import { assignedAt, configMap, makeWorld, type World } from '../../world.fixture.ts';
import { dropOldPlans } from './ask.store.ts';
import type { PlanDiffResource, PlanResource, PlanResultResource } from './plan.schema.ts';

let hub: TestHub;
let git: TestGitServer;

beforeAll(async () => {
  git = await startGitServer();
  hub = await startTestHub();
});

afterAll(async () => {
  await hub?.[Symbol.asyncDispose]();
  await git?.close();
});

async function readyWorld(clusters = 2): Promise<World> {
  const world = await makeWorld({ hub, git }, { 'app/a.yaml': configMap('a', '1') }, {}, clusters);
  await assignedAt(world, 1);
  return world;
}

async function start(world: World, body: object): Promise<PlanResource> {
  const answer = await hub.api('POST', `/applications/${world.name}/plans`, body);
  expect(answer).toMatchObject({ status: 202 });
  return answer.body as PlanResource;
}

async function read(world: World, id: string): Promise<PlanResource> {
  return (await hub.api('GET', `/applications/${world.name}/plans/${id}`)).body as PlanResource;
}

function reaches(world: World, id: string, phase: PlanResource['phase']): Promise<PlanResource> {
  return eventually(`plan is ${phase}`, async () => {
    const plan = await read(world, id);
    if (plan.phase === phase) return plan;
    throw new Error(JSON.stringify(plan));
  });
}

interface Asked {
  id: string;
  cluster: string;
  target: string;
  payload: { bundle: string; body: string };
}

function asked(planId: string, count: number): Promise<Asked[]> {
  return eventually(`${count} clusters are asked`, async () => {
    const rows = await hub.rows<Asked>(
      `SELECT k.id, r.cluster_name AS cluster, k.target_id AS target, k.payload
       FROM commands k JOIN plan_results r ON r.command_id = k.id WHERE r.plan_id = $1::uuid ORDER BY 2`,
      [planId],
    );
    return rows.length === count ? rows : null;
  });
}

/** As an agent's `Answer` leaves it, in two chunks. */
async function answer(command: Asked, bytes: Uint8Array): Promise<void> {
  const half = Math.floor(bytes.length / 2);
  for (const [at, data] of [bytes.subarray(0, half), bytes.subarray(half), null].entries()) {
    await hub.rows('INSERT INTO answer_chunks (command_id, seq, data, last) VALUES ($1, $2, $3, $4)', [
      command.id,
      at + 1,
      data && Buffer.from(data),
      data === null,
    ]);
    hub.hint('answer', command.id);
  }
}

async function refuse(command: Asked, code: string, message: string): Promise<void> {
  await hub.rows(`INSERT INTO answer_chunks (command_id, seq, error, last) VALUES ($1, 1, $2::jsonb, true)`, [
    command.id,
    JSON.stringify({ code, message }),
  ]);
  hub.hint('answer', command.id);
}

const identity = { group: '', kind: 'ConfigMap', namespace: 'web', name: 'a' };

function changeTo(after: string): PlannedObject {
  const fields = [{ path: '/data/value', before: '"1"', after: canonicalText(after) }];
  return { object: identity, action: 'change', fields, omitted: null, recreated: false, note: '' };
}

function planned(...objects: PlannedObject[]): Uint8Array {
  return encodePlan(targetPlanOf(objects, 3, sha256));
}

test('a branch is rendered and asked of every cluster, and nothing of the application moves', async () => {
  const world = await readyWorld();
  const before = await world.targets();
  const commit = world.repository.push({ 'app/a.yaml': configMap('a', '2') }, { branch: 'feature/x' });
  const { id, phase } = await start(world, { revision: 'feature/x' });
  expect(phase).toBe('Rendering');
  const commands = await asked(id, 2);
  const [bundle] = new Set(commands.map(({ payload }) => payload.bundle));
  expect(bundle).not.toBe(before[0]?.bundle);
  expect(parseBody(Buffer.from(commands[0]?.payload.body ?? ''))).toMatchObject({
    ok: true,
    value: { application: { name: world.name }, destinationNamespace: 'web', prune: { enabled: true } },
  });
  expect(await read(world, id)).toMatchObject({
    phase: 'Asking',
    commit,
    targets: 2,
    answered: 0,
    verdict: 'incomplete',
    summary: '2 have not answered yet',
  });
  for (const command of commands) await answer(command, planned(changeTo('2')));
  const plan = await reaches(world, id, 'Done');
  expect(plan).toMatchObject({
    verdict: 'changes',
    summary: 'same change on 2 clusters',
    bundle,
    objects: 1,
    tally: { changes: 2, waiting: 0 },
    groups: [{ clusters: 2, sample: commands.map(({ cluster }) => cluster), counts: { unchanged: 3 } }],
  });
  expect(await world.targets()).toEqual(before);
  expect(await world.revisions()).toMatchObject([{ number: 1, state: 'Ready' }]);
  expect(await world.conditions()).toEqual([]);
  const [left] = await hub.rows<{ left: number }>(
    `SELECT (SELECT count(*) FROM commands WHERE id = ANY($1))::int + (SELECT count(*) FROM answer_chunks WHERE command_id = ANY($1))::int AS left`,
    [commands.map((command) => command.id)],
  );
  expect(left).toEqual({ left: 0 });
  const events = await hub.rows(
    `SELECT action, resource_name AS name, reason->>'revision' AS revision FROM audit_events WHERE resource_id = $1`,
    [id],
  );
  expect(events).toEqual([
    { action: 'plan.create', name: `${world.name} at feature/x`, revision: 'feature/x' },
  ]);
});

test('a tag, a whole commit and the beginning of a known one are all found', async () => {
  const world = await readyWorld(1);
  const first = world.repository.git('rev-parse', 'HEAD').trim();
  const commit = world.repository.push({ 'app/a.yaml': configMap('a', 'tagged') }, { branch: 'side' });
  world.repository.git('tag', '-a', 'v1', '-m', 'v1', commit);
  world.repository.git('push', '-q', 'origin', 'v1');
  for (const [revision, expected] of [
    ['v1', commit],
    [commit, commit],
    [first.slice(0, 9), first],
  ] as const) {
    const { id } = await start(world, { revision });
    const [command] = await asked(id, 1);
    if (command) await answer(command, planned());
    expect(await reaches(world, id, 'Done')).toMatchObject({ commit: expected, verdict: 'clean' });
  }
});

test('what differs, would fail, is away, cannot say or says nothing is told apart', async () => {
  const world = await readyWorld(7);
  await hub.rows(`UPDATE clusters SET last_seen_at = now() - interval '1 hour' WHERE name = $1`, [
    `${world.name}-6`,
  ]);
  const { id } = await start(world, { revision: 'main', answerTimeoutMs: 4000 });
  const [a, b, c, d, e, f] = (await asked(id, 6)) as [Asked, Asked, Asked, Asked, Asked, Asked];
  const denied: PlannedObject = {
    object: identity,
    action: 'fail',
    reason: 'Refused',
    message: 'admission webhook "policy" denied the request',
  };
  await answer(a, planned(changeTo('2')));
  await answer(b, planned(changeTo('2')));
  await answer(c, planned(changeTo('2'), { object: { ...identity, name: 'b' }, action: 'delete' }));
  await answer(d, planned(denied));
  await refuse(e, 'unsupported', 'this agent does not support the command plan');
  const plan = await reaches(world, id, 'Done');
  expect(plan).toMatchObject({
    verdict: 'failing',
    tally: { changes: 3, failing: 1, error: 1, noAnswer: 1, offline: 1, waiting: 0 },
    groups: [
      { verdict: 'failing' },
      { verdict: 'changes', clusters: 2 },
      { verdict: 'changes', clusters: 1 },
    ],
  });
  expect(plan.summary).toBe(
    `same change on 2 clusters; 1 differs: ${c.cluster}; 1 would fail: /ConfigMap/web/a: ${denied.message}; ` +
      '1 could not find out; 1 offline; 1 did not answer in time',
  );
  const page = async (query: string) =>
    (await hub.api('GET', `/applications/${world.name}/plans/${id}/results?${query}`)).body as {
      items: PlanResultResource[];
      next: string | null;
    };
  expect((await page('state=Error')).items).toMatchObject([
    { cluster: e.cluster, message: 'its agent is too old for plans: upgrade it' },
  ]);
  expect((await page('state=NoAnswer')).items).toMatchObject([{ cluster: f.cluster, message: /4 s/ }]);
  expect((await page('state=Offline')).items).toMatchObject([{ message: 'it is not connected' }]);
  const names: string[] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const { items, next } = await page(`limit=2&cursor=${cursor}`);
    names.push(...items.map(({ cluster }) => cluster));
    cursor = next;
  }
  expect(names).toEqual(Array.from({ length: 7 }, (_, at) => `${world.name}-${at}`));
});

test('an answer that is no plan, or too large for one, is that cluster’s error and nobody else’s', async () => {
  const world = await readyWorld(3);
  const { id } = await start(world, { revision: 'main' });
  const [a, b, c] = (await asked(id, 3)) as [Asked, Asked, Asked];
  await answer(a, Buffer.from('{"objects":'));
  await answer(b, Buffer.alloc(600 * 1024, 'x'));
  await answer(c, planned());
  const plan = await reaches(world, id, 'Done');
  expect(plan).toMatchObject({ verdict: 'incomplete', tally: { error: 2, clean: 1 } });
  const { body } = await hub.api('GET', `/applications/${world.name}/plans/${id}/results?state=Error`);
  const messages = (body as { items: PlanResultResource[] }).items.map(({ message }) => message);
  expect(messages).toEqual([expect.stringContaining('is no plan'), 'its answer is too large']);
});

test('a diff is stored once for all clusters, encrypted, and shown as it was answered', async () => {
  const world = await readyWorld(3);
  const { id } = await start(world, { revision: 'main' });
  for (const command of await asked(id, 3)) await answer(command, planned(changeTo('a-canary')));
  const { groups } = await reaches(world, id, 'Done');
  const rows = await hub.rows<{ digest: string; data: Buffer }>(
    'SELECT digest, data FROM plan_diffs WHERE plan_id = $1::uuid',
    [id],
  );
  expect(rows.map(({ digest }) => digest)).toEqual(groups.map(({ digest }) => digest));
  expect(rows[0]?.data.includes('a-canary')).toBe(false);
  const path = `/applications/${world.name}/plans/${id}/diffs`;
  const shown = (await hub.api('GET', `${path}/${groups[0]?.digest}`)).body as PlanDiffResource;
  expect(shown).toMatchObject({
    counts: { change: 1, unchanged: 3 },
    objects: [{ action: 'change', fields: [{ path: '/data/value', before: '"1"', after: '"a-canary"' }] }],
  });
  expect(await hub.api('GET', `${path}/${'0'.repeat(64)}`)).toMatchObject({ status: 404 });
});

test('what is not there or does not render fails the plan with words that help, and leaves the application well', async () => {
  const world = await readyWorld(1);
  const missing = await start(world, { revision: 'nowhere' });
  expect(await reaches(world, missing.id, 'Failed')).toMatchObject({
    verdict: 'failing',
    error: `repository "${world.name}" has no branch and no tag "nowhere": push it first`,
  });
  const unknown = await start(world, { revision: '0123456789'.repeat(4) });
  expect((await reaches(world, unknown.id, 'Failed')).error).toMatch(/has no commit 0123456789/);
  world.repository.push({ 'app/a.yaml': 'kind: [' }, { branch: 'broken' });
  const broken = await start(world, { revision: 'broken' });
  expect((await reaches(world, broken.id, 'Failed')).error).toMatch(/app\/a\.yaml, document 1/);
  world.repository.push({ 'app/a.yaml': null, 'other.txt': 'x' }, { branch: 'empty' });
  const empty = await start(world, { revision: 'empty' });
  expect((await reaches(world, empty.id, 'Failed')).error).toMatch(/app/);
  expect(await world.conditions()).toEqual([]);
  expect(await world.revisions()).toHaveLength(1);
});

test('what cannot be planned is refused before anything is asked', async () => {
  const world = await readyWorld(1);
  const path = `/applications/${world.name}/plans`;
  for (const revision of ['', '--upload-pack=x', 'a..b', 'x y']) {
    expect((await hub.api('POST', path, { revision })).status).toBe(400);
  }
  const elsewhere = await hub.api('POST', path, { revision: 'main', repository: 'elsewhere' });
  expect(elsewhere).toMatchObject({ status: 422, body: { detail: /no source in repository "elsewhere"/ } });
  const plans = [];
  for (let at = 0; at < 5; at += 1) plans.push(await start(world, { revision: 'main' }));
  expect(await hub.api('POST', path, { revision: 'main' })).toMatchObject({ status: 409 });
  const other = await readyWorld(1);
  const foreign = await hub.api('GET', `/applications/${other.name}/plans/${plans[0]?.id}`);
  expect(foreign.status).toBe(404);
});

test('whoever may only read sees plans and starts none', async () => {
  const world = await readyWorld(1);
  const made = await hub.api('POST', '/api-tokens', { name: `reader-${world.name}`, role: 'viewer' });
  const headers = { authorization: `Bearer ${(made.body as { token: string }).token}` };
  const path = `/applications/${world.name}/plans`;
  expect((await hub.api('POST', path, { revision: 'main' }, headers)).status).toBe(403);
  expect(await hub.api('GET', path, undefined, headers)).toMatchObject({ status: 200, body: { items: [] } });
});

test('a cluster that goes away while it is asked is not waited for', async () => {
  const world = await readyWorld(1);
  const { id } = await start(world, { revision: 'main', answerTimeoutMs: 600_000 });
  await asked(id, 1);
  await hub.rows(`UPDATE clusters SET connected_at = NULL WHERE name = $1`, [`${world.name}-0`]);
  expect(await reaches(world, id, 'Done')).toMatchObject({ verdict: 'incomplete', summary: '1 offline' });
});

test('two workers, and one that takes over, ask each cluster once and count each answer once', async () => {
  const world = await readyWorld(3);
  await using other = await startTestHub(hub);
  const { id } = await start(world, { revision: 'main' });
  const commands = await asked(id, 3);
  for (const command of commands) {
    for (const kind of ['plan', 'answer'] as const) other.hint(kind, id);
    await answer(command, planned(changeTo('2')));
  }
  expect(await reaches(world, id, 'Done')).toMatchObject({
    tally: { changes: 3 },
    groups: [{ clusters: 3 }],
  });
  const rows = await hub.rows<{ id: string }>(
    'SELECT command_id AS id FROM plan_results WHERE plan_id = $1',
    [id],
  );
  expect(rows.map((row) => row.id).toSorted()).toEqual(commands.map((command) => command.id).toSorted());
});

test('old plans go, with all that they kept', async () => {
  const world = await readyWorld(1);
  const { id } = await start(world, { revision: 'main' });
  for (const command of await asked(id, 1)) await answer(command, planned(changeTo('2')));
  await reaches(world, id, 'Done');
  await dropOldPlans(hub.database);
  expect((await read(world, id)).id).toBe(id);
  await hub.rows(`UPDATE plans SET created_at = now() - interval '8 days' WHERE id = $1::uuid`, [id]);
  await dropOldPlans(hub.database);
  expect(await hub.rows('SELECT 1 FROM plan_diffs WHERE plan_id = $1::uuid', [id])).toEqual([]);
  expect((await hub.api('GET', `/applications/${world.name}/plans/${id}`)).status).toBe(404);
});

test('each cluster is asked about its own variant, and one for which none renders would fail', async () => {
  const files = { 'app/a.yaml': configMap('a', "{{ cluster.labels.region | default 'none' }}") };
  const fleet = await makeFleet({ hub, git }, files, {}, [{ region: 'eu' }, { region: 'us' }, {}]);
  const before = await assignedAt(fleet, 1);
  fleet.repository.push(
    { 'app/a.yaml': configMap('a', 'x-{{ cluster.labels.region }}') },
    { branch: 'next' },
  );
  const { id } = await start(fleet, { revision: 'next' });
  const commands = await asked(id, 2);
  expect(
    new Set([...commands.map(({ payload }) => payload.bundle), ...before.map(({ bundle }) => bundle)]).size,
  ).toBe(5);
  for (const [at, command] of commands.entries()) await answer(command, planned(changeTo(`x-${at}`)));
  const plan = await reaches(fleet, id, 'Done');
  expect(plan).toMatchObject({ verdict: 'failing', bundle: null, objects: 1, targets: 3, answered: 3 });
  expect(plan.summary).toMatch(
    /; 1 would fail: app\/a\.yaml, document 1, line 6: data\.value: cluster\.labels\.region is not defined/,
  );
  const nowhere = fleet.repository.push(
    { 'app/a.yaml': configMap('a', '{{ cluster.labels.none }}') },
    { branch: 'nowhere' },
  );
  expect(nowhere).toMatch(/^[0-9a-f]{40}$/);
  const failed = await start(fleet, { revision: 'nowhere' });
  expect(await reaches(fleet, failed.id, 'Failed')).toMatchObject({
    verdict: 'failing',
    error: expect.stringMatching(/cluster\.labels\.none is not defined/) as string,
  });
});
