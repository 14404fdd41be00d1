/** `plan: required` on the way of a commit: no cluster is assigned what would fail somewhere. */
import { encodePlan, targetPlanOf } from '@flotilla/domain/plan/targetPlan';
import type { PlannedObject } from '@flotilla/domain/plan/plan';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { sha256, sha256Hex } from '../../platform/digest.ts';
import { startGitServer, type TestGitServer } from '../../sources/git/gitServer.fixture.ts';
import { eventually, startTestHub, type TestHub } from '../../worker.fixture.ts';
import { assignedAt, configMap, makeWorld, type World, reportDone } from '../../world.fixture.ts';

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

const identity = { group: '', kind: 'ConfigMap', namespace: 'web', name: 'a' };
const denied: PlannedObject = {
  object: identity,
  action: 'fail',
  reason: 'Refused',
  message: 'denied by policy',
};
const created: PlannedObject = {
  object: identity,
  action: 'create',
  content: sha256Hex('x'),
  note: '',
};

/** Every cluster answers the plan that is newest. */
async function answerAll(world: World, count: number, ...objects: PlannedObject[]): Promise<void> {
  const commands = await eventually('every cluster is asked', async () => {
    const rows = await hub.rows<{ id: string }>(
      `SELECT k.id FROM commands k JOIN plan_results r ON r.command_id = k.id JOIN plans p ON p.id = r.plan_id
       WHERE p.application_id = $1::uuid AND p.phase = 'Asking'`,
      [world.applicationId],
    );
    return rows.length === count ? rows : null;
  });
  for (const { id } of commands) await answer(id, objects);
}

async function rolloutOf(world: World): Promise<{ phase: string; phase_reason: string | null } | undefined> {
  const [row] = await hub.rows<{ phase: string; phase_reason: string | null }>(
    'SELECT phase, phase_reason FROM rollouts WHERE application_id = $1::uuid',
    [world.applicationId],
  );
  return row;
}

function plansOf(world: World): Promise<{ created_by: string }[]> {
  return hub.rows('SELECT created_by FROM plans WHERE application_id = $1::uuid', [world.applicationId]);
}

function world(): Promise<World> {
  const files = { 'app/a.yaml': configMap('a', '1') };
  return makeWorld({ hub, git }, files, { strategy: { plan: 'required' } });
}

test('a plan is asked for by itself, once, and the first wave starts when it fails nowhere', async () => {
  const made = await world();
  await eventually('a plan', async () => (await plansOf(made)).length > 0);
  expect((await made.targets()).map(({ state }) => state)).toEqual(['Unassigned', 'Unassigned']);
  await answerAll(made, 2, created);
  await assignedAt(made, 1);
  expect(await plansOf(made)).toEqual([{ created_by: 'automation' }]);
});

test('a plan that would fail halts with what it said; resume plans again', async () => {
  const made = await world();
  await answerAll(made, 2, denied);
  const paused = await eventually('a halt', async () => {
    const row = await rolloutOf(made);
    return row?.phase === 'Paused' ? row : null;
  });
  expect(paused.phase_reason).toBe(
    'wave all: gate plan failed 1 of 1 checks: 2 would fail: /ConfigMap/web/a: denied by policy',
  );
  expect((await made.targets()).map(({ state }) => state)).toEqual(['Unassigned', 'Unassigned']);
  const resumed = await hub.api('POST', `/applications/${made.name}/rollout`, { action: 'resume' });
  expect(resumed).toMatchObject({ status: 202 });
  await answerAll(made, 2, created);
  await assignedAt(made, 1);
  expect(await plansOf(made)).toHaveLength(2);
});

test('in a stage only its own clusters are judged, and the plan is of the revision though another source has moved since', async () => {
  const files = { 'app/a.yaml': configMap('a', '1') };
  const stages = [
    { name: 'dev', clusters: { names: ['*-dev'] } },
    { name: 'production', approval: true, strategy: { plan: 'required' } },
  ];
  const made = await makeWorld({ hub, git }, files, { strategy: { stages } }, 0);
  const other = git.makeRepository(`${made.name}-other`);
  other.push({ 'more/b.yaml': configMap('b', '1') });
  const connected = { name: `${made.name}-other`, url: other.url, pollIntervalMs: 3_600_000 };
  await hub.api('POST', '/repositories', connected);
  const { body: application } = await hub.api('GET', `/applications/${made.name}`);
  const { spec } = application as { spec: { sources: object[] } };
  const sources = [
    ...spec.sources,
    { repository: `${made.name}-other`, ref: { branch: 'main' }, path: 'more' },
  ];
  await hub.api('PUT', `/applications/${made.name}`, { spec: { ...spec, sources } }, { 'if-match': '*' });
  const newest = async () => (await made.revisions()).findLast(({ state }) => state === 'Ready')?.number ?? 0;
  await eventually('both sources', async () => {
    const [row] = await hub.rows<{ n: number }>(
      `SELECT jsonb_array_length(sources) AS n FROM revisions WHERE application_id = $1::uuid AND state = 'Ready' ORDER BY number DESC LIMIT 1`,
      [made.applicationId],
    );
    return row?.n === 2;
  });
  const tested = await newest();
  await hub.makeCluster(`${made.name}-dev`, { world: made.name });
  await hub.makeCluster(`${made.name}-production`, { world: made.name });
  await eventually('dev has it', async () => {
    await reportDone(hub, made);
    hub.hint('rollout', made.applicationId);
    const { body } = await hub.api('GET', `/applications/${made.name}`);
    const [, production] = (body as { stages: { candidate: { state: string } | null }[] }).stages;
    return production?.candidate?.state === 'AwaitingApproval';
  });
  other.push({ 'more/b.yaml': configMap('b', '2') });
  await hub.api('POST', `/repositories/${made.name}-other/refresh`);
  await eventually('the other source has moved', async () => (await newest()) > tested);
  const act = { action: 'promoteStage', stage: 'production', revision: tested };
  expect(await hub.api('POST', `/applications/${made.name}/rollout`, act)).toMatchObject({ status: 202 });
  await answerEach(made, { dev: denied, production: created });
  await eventually('production has it', async () => {
    const [row] = await hub.rows<{ revision: number | null }>(
      `SELECT revision_number AS revision FROM targets WHERE application_id = $1::uuid AND stage = 'production'`,
      [made.applicationId],
    );
    return row?.revision === tested;
  });
  const planned = await hub.rows('SELECT of_revision FROM plans WHERE application_id = $1::uuid', [
    made.applicationId,
  ]);
  expect(planned).toEqual([{ of_revision: tested }]);
});

/** By the stage of the cluster that is asked. */
async function answerEach({ applicationId }: World, answers: Record<string, PlannedObject>): Promise<void> {
  const commands = await eventually('every cluster is asked', async () => {
    const rows = await hub.rows<{ id: string; stage: string }>(
      `SELECT k.id, t.stage FROM commands k JOIN plan_results r ON r.command_id = k.id JOIN plans p ON p.id = r.plan_id
         JOIN targets t ON t.id = r.target_id WHERE p.application_id = $1::uuid AND p.phase = 'Asking'`,
      [applicationId],
    );
    return rows.length === Object.keys(answers).length ? rows : null;
  });
  for (const { id, stage } of commands) await answer(id, [answers[stage]!]);
}

async function answer(id: string, objects: readonly PlannedObject[]): Promise<void> {
  const data = Buffer.from(encodePlan(targetPlanOf(objects, 0, sha256)));
  await hub.rows(
    'INSERT INTO answer_chunks (command_id, seq, data, last) VALUES ($1, 1, $2, false), ($1, 2, NULL, true)',
    [id, data],
  );
  hub.hint('answer', id);
}
