/** `plan: required` on the way of a commit: no cluster is assigned what would fail somewhere. */
import { encodePlan, targetPlanOf } from '@flotilla/domain/plan/targetPlan';
import type { PlannedObject } from '@flotilla/domain/plan/plan';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { sha256, sha256Hex } from '../../platform/digest.ts';
import { startGitServer, type TestGitServer } from '../../sources/git/gitServer.fixture.ts';
import { eventually, startTestHub, type TestHub } from '../../worker.fixture.ts';
import { assignedAt, configMap, makeWorld, type World } from '../../world.fixture.ts';

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
  const data = Buffer.from(encodePlan(targetPlanOf(objects, 0, sha256)));
  for (const { id } of commands) {
    await hub.rows(
      'INSERT INTO answer_chunks (command_id, seq, data, last) VALUES ($1, 1, $2, false), ($1, 2, NULL, true)',
      [id, data],
    );
    hub.hint('answer', id);
  }
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
