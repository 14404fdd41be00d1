/** A revision goes through an application's stages, under two workers and doubled hints. */
import { afterAll, beforeAll, expect, test } from 'vitest';

import { startGitServer, type TestGitServer } from '../sources/git/gitServer.fixture.ts';
import { eventually, startTestHub, type TestHub } from '../worker.fixture.ts';
import { configMap } from '../world.fixture.ts';
import { stagedFleet, threeStages, type StagedFleet } from './stages.fixture.ts';

let one: TestHub;
let two: TestHub;
let git: TestGitServer;

beforeAll(async () => {
  git = await startGitServer();
  one = await startTestHub();
  two = await startTestHub(one, { roles: ['worker'] });
});

afterAll(async () => {
  await two?.[Symbol.asyncDispose]();
  await one?.[Symbol.asyncDispose]();
  await git?.close();
});

const fleetOf = (strategy: object, envs?: string[]) => stagedFleet({ git, hubs: [one, two] }, strategy, envs);

interface RolloutRow {
  id: string;
  stage: string;
  revision: number;
  phase: string;
  by: string;
}

function rolloutsOf({ applicationId }: StagedFleet): Promise<RolloutRow[]> {
  return one.rows(
    `SELECT id, stage, revision_number AS revision, phase, created_by AS by FROM rollouts WHERE application_id = $1::uuid
     ORDER BY created_at, stage`,
    [applicationId],
  );
}

async function toldOf({ applicationId }: StagedFleet): Promise<string[]> {
  const rows = await one.rows<{ told: string }>(
    `SELECT r.stage || ' ' || e.kind || ': ' || e.message AS told FROM rollout_events e JOIN rollouts r ON r.id = e.rollout_id
     WHERE r.application_id = $1::uuid AND e.kind ~ 'Candidate|Promot' ORDER BY e.at, e.id`,
    [applicationId],
  );
  return rows.map(({ told }) => told);
}

async function isAt(fleet: StagedFleet, stage: string, revision: number): Promise<boolean> {
  const held = (await fleet.held())[stage] ?? [];
  return held.length > 0 && held.every((number) => number === revision);
}

const isCompleted = async (fleet: StagedFleet, stage: string, revision: number) =>
  (await fleet.stage(stage)).revision?.number === revision;

test('a commit goes through dev and staging, soaks, waits for a person, and is in production: each step once', async () => {
  const strategy = threeStages({ staging: { soak: '1s' }, production: { soak: '1s', approval: true } });
  const fleet = await fleetOf(strategy);
  await fleet.until(
    'a candidate for production',
    async () => (await fleet.stage('production')).candidate !== null,
  );
  expect((await fleet.held())['production']).toEqual([null, null]);
  await fleet.until(
    'it waits for a person',
    async () => (await fleet.stage('production')).candidate?.state === 'AwaitingApproval',
  );
  expect(await fleet.application()).toMatchObject({
    currency: { state: 'Held', behind: 1, reason: 'production waits for approval' },
    stages: [
      { name: 'dev', targets: 2, health: 'Healthy', revision: { number: 1 }, rollout: null, candidate: null },
      {
        name: 'staging',
        soakMs: 1000,
        approval: false,
        revision: { number: 1, commit: expect.stringMatching(/^\w{40}$/) },
      },
      {
        name: 'production',
        approval: true,
        revision: null,
        candidate: {
          revision: { number: 1, state: 'Ready' },
          until: null,
          message: 'waits for a person to promote it',
        },
      },
    ],
  });
  expect(await fleet.act({ action: 'promoteStage', stage: 'production', revision: 7 })).toMatchObject({
    status: 409,
    body: {
      detail: expect.stringContaining('revision 7 was not completed in staging (completed in staging: 1)'),
    },
  });
  expect(await fleet.act({ action: 'promoteStage', stage: 'dev' })).toMatchObject({ status: 409 });
  expect(await fleet.act({ action: 'promoteStage', stage: 'production' })).toMatchObject({
    status: 202,
    body: {
      stage: 'production',
      events: [
        expect.stringMatching(/^StagePromoted: revision 1 from staging to production, by /),
        expect.anything(),
      ],
    },
  });
  await fleet.until('production has it', () => isCompleted(fleet, 'production', 1));
  expect(await rolloutsOf(fleet)).toMatchObject([
    { stage: 'dev', revision: 1, phase: 'Completed', by: 'automation' },
    { stage: 'staging', revision: 1, phase: 'Completed', by: 'automation' },
    { stage: 'production', revision: 1, phase: 'Completed', by: expect.not.stringMatching('automation') },
  ]);
  expect((await fleet.targets()).map(({ assignment }) => assignment)).toEqual([1n, 1n, 1n, 1n, 1n, 1n]);
  expect(await toldOf(fleet)).toEqual([
    'dev Candidate: revision 1 is a candidate for staging: it soaks in dev for 1s',
    'staging StagePromoted: revision 1 from dev to staging, after its soak',
    'staging Candidate: revision 1 is a candidate for production: it soaks in staging for 1s',
    'staging AwaitingPromotion: revision 1 waits for a person to promote it to production',
    expect.stringMatching(/^production StagePromoted: revision 1 from staging to production, by /),
  ]);
  const audited = await one.rows<{ decisions: string[] }>(
    `SELECT reason->'decisions' AS decisions FROM audit_events WHERE action = 'rollout.tick' AND resource_id = $1`,
    [fleet.applicationId],
  );
  expect(audited.flatMap(({ decisions }) => decisions)).toContain(
    'AwaitingPromotion: revision 1 waits for a person to promote it to production',
  );
  const [acted] = await one.rows<{ reason: object }>(
    `SELECT reason FROM audit_events WHERE action = 'rollout.promoteStage' AND resource_id = $1 AND outcome = 'success'`,
    [fleet.applicationId],
  );
  expect(acted?.reason).toMatchObject({ stage: 'production' });
});

test('a soak ends by its time alone, without any hint', async () => {
  const fleet = await fleetOf(threeStages({ staging: { soak: '2s' } }));
  await fleet.until('it soaks', async () => (await fleet.stage('staging')).candidate?.state === 'Soaking');
  await eventually('it is in staging', () => isAt(fleet, 'staging', 1), 4_000);
});

test('commits come faster than production takes them: dev goes on, and what staging had not kept for its soak is left out', async () => {
  const fleet = await fleetOf(threeStages({ production: { soak: '1h' } }));
  await fleet.until('staging has the first', () => isCompleted(fleet, 'staging', 1));
  await fleet.push({ 'app/a.yaml': configMap('a', '2') });
  await fleet.until('staging has the second', () => isCompleted(fleet, 'staging', 2));
  expect(await fleet.held()).toEqual({ dev: [2, 2], staging: [2, 2], production: [null, null] });
  const production = await fleet.stage('production');
  expect(production.candidate).toMatchObject({
    revision: { number: 2 },
    state: 'Soaking',
    message: 'soaks in staging',
    until: expect.any(String),
  });
  expect(await toldOf(fleet)).toContain(
    'staging CandidateWithdrawn: revision 1 does not go on to production: staging moves on before it has soaked',
  );
  // A person may skip the rest of the soak.
  expect(await fleet.act({ action: 'promoteStage', stage: 'production' })).toMatchObject({ status: 202 });
  await fleet.until('production has it', () => isCompleted(fleet, 'production', 2));
  expect(await fleet.application()).toMatchObject({ currency: { state: 'Current' } });
});

test('a stage that finishes what it began hands each revision on, also where the next one begins in the same step', async () => {
  const fleet = await fleetOf(threeStages({ staging: { strategy: { onNewRevision: 'queue', soak: '3s' } } }));
  await fleet.until('staging began', async () => (await fleet.stage('staging')).rollout !== null);
  await fleet.push({ 'app/a.yaml': configMap('a', '2') });
  await fleet.until(
    'the second waits',
    async () => (await fleet.stage('staging')).waiting?.phase === 'Queued',
  );
  await fleet.until('production has the second', () => isCompleted(fleet, 'production', 2));
  const production = (await rolloutsOf(fleet)).filter(({ stage }) => stage === 'production');
  expect(production).toMatchObject([
    { revision: 1, phase: 'Completed' },
    { revision: 2, phase: 'Completed' },
  ]);
});

test('a stage that does badly holds what it would hand on, says which cluster it is, and starts over', async () => {
  const fleet = await fleetOf(threeStages({ production: { soak: '2s' } }));
  await fleet.until('staging has it', () => isCompleted(fleet, 'staging', 1));
  fleet.health['staging'] = 'Degraded';
  await fleet.until('it is held', async () => (await fleet.stage('production')).candidate?.state === 'Held');
  expect((await fleet.stage('production')).candidate?.message).toMatch(/^cluster world-\d+-2 is Degraded/);
  fleet.health['staging'] = 'Healthy';
  const healedAt = Date.now();
  await fleet.until('production gets it', () => isAt(fleet, 'production', 1));
  expect(Date.now() - healedAt).toBeGreaterThan(1_900);
});

test('a rollback of production moves production alone, and rejects the revision for all', async () => {
  const fleet = await fleetOf(threeStages());
  await fleet.until('production has the first', () => isCompleted(fleet, 'production', 1));
  await fleet.push({ 'app/a.yaml': configMap('a', '2') });
  await fleet.until('production has the second', () => isCompleted(fleet, 'production', 2));
  expect(await fleet.act({ action: 'rollback', reason: 'it leaks' })).toMatchObject({
    status: 422,
    body: { detail: expect.stringContaining('dev, staging, production') },
  });
  expect(await fleet.act({ action: 'rollback', stage: 'production', reason: 'it leaks' })).toMatchObject({
    status: 202,
    body: { stage: 'production' },
  });
  await fleet.until('production is back', () => isAt(fleet, 'production', 1));
  expect(await fleet.held()).toEqual({ dev: [2, 2], staging: [2, 2], production: [1, 1] });
  expect((await fleet.revisions()).map(({ state }) => state)).toEqual(['Ready', 'Rejected']);
  await fleet.push({ 'app/a.yaml': configMap('a', '3') });
  await fleet.until('what mends it goes through', () => isCompleted(fleet, 'production', 3));
});

test('what an earlier stage rejects, by itself or by a person, goes no further, and a person may start it all the same', async () => {
  const fleet = await fleetOf(
    threeStages({ staging: { strategy: { onFailure: 'rollback' } }, production: { approval: true } }),
  );
  await fleet.until('staging has the first', () => isCompleted(fleet, 'staging', 1));
  fleet.health['staging'] = 'Failed';
  await fleet.push({ 'app/a.yaml': configMap('a', '2') });
  await fleet.until('it is rejected', async () => (await fleet.revisions())[1]?.state === 'Rejected');
  fleet.health['staging'] = 'Healthy';
  await fleet.until('staging is back', () => isAt(fleet, 'staging', 1));
  expect((await fleet.held())['dev']).toEqual([2, 2]);
  await fleet.until(
    'the first may go on',
    async () => (await fleet.stage('production')).candidate?.revision.number === 1,
  );
  expect(await fleet.act({ action: 'promoteStage', stage: 'staging', revision: 2 })).toMatchObject({
    status: 409,
    body: { detail: expect.stringContaining('revision 2 is Rejected: start it there by') },
  });
  expect(await fleet.act({ action: 'start', stage: 'dev', revision: 1 })).toMatchObject({ status: 202 });
  await fleet.until('dev has the first again', () => isCompleted(fleet, 'dev', 1));
  expect(await fleet.act({ action: 'rollback', stage: 'dev', reason: 'bad' })).toMatchObject({ status: 202 });
  expect((await fleet.revisions()).map(({ state }) => state)).toEqual(['Rejected', 'Rejected']);
  await fleet.until('it goes no further', async () => (await fleet.stage('production')).candidate === null);
  expect(await toldOf(fleet)).toContain(
    'staging CandidateWithdrawn: revision 1 does not go on to production: it is Rejected',
  );
  expect(await fleet.act({ action: 'start', stage: 'dev', revision: 2 })).toMatchObject({ status: 202 });
  expect((await fleet.revisions()).map(({ state }) => state)).toEqual(['Rejected', 'Ready']);
});

test('a cluster that gets another label joins the stage of that, with what that stage has', async () => {
  const fleet = await fleetOf(threeStages({ production: { approval: true } }));
  await fleet.until('staging has it', () => isCompleted(fleet, 'staging', 1));
  await fleet.act({ action: 'promoteStage', stage: 'production' });
  await fleet.until('production has it', () => isCompleted(fleet, 'production', 1));
  await fleet.push({ 'app/a.yaml': configMap('a', '2') });
  await fleet.until('staging has the second', () => isCompleted(fleet, 'staging', 2));
  await fleet.label(0, { env: 'production' });
  await fleet.until(
    'it has what production has',
    async () => (await fleet.held())['production']?.join() === '1,1,1',
  );
  await fleet.label(0, { env: 'dev' });
  await fleet.until('it has what dev has', async () => (await fleet.held())['dev']?.join() === '2,2');
  const { body } = await one.api('GET', `/applications/${fleet.name}/targets`);
  expect((body as { items: object[] }).items).toContainEqual(
    expect.objectContaining({ stage: 'production', currency: { state: 'Current', behind: 0, reason: null } }),
  );
});

test('editing stages moves nothing: turned on, renamed with a rollout under way, and turned off', async () => {
  const fleet = await fleetOf({});
  await fleet.until(
    'everything has the first',
    async () => (await fleet.application()).revisionNumber === 1 && isAt(fleet, '', 1),
  );
  await fleet.until('completed', async () => (await rolloutsOf(fleet))[0]?.phase === 'Completed');
  await fleet.replace(threeStages({ production: { strategy: { approval: true } } }));
  await fleet.until('it has stages', async () => (await fleet.stage('production')).targets === 2);
  expect(await fleet.stage('production')).toMatchObject({ revision: { number: 1 }, candidate: null });
  expect((await fleet.targets()).map(({ assignment }) => assignment)).toEqual([1n, 1n, 1n, 1n, 1n, 1n]);
  await fleet.push({ 'app/a.yaml': configMap('a', '2') });
  await fleet.until(
    'production is asked for approval',
    async () => (await fleet.stage('production')).rollout !== null,
  );
  expect(await fleet.held()).toEqual({ dev: [2, 2], staging: [2, 2], production: [1, 1] });

  const { stages } = threeStages() as { stages: { name: string }[] };
  const renamed = stages.map((stage, at) => (at === 2 ? { ...stage, name: 'prod', soak: '1h' } : stage));
  await fleet.replace({ stages: renamed });
  await fleet.until('it is renamed', async () => (await fleet.stage('prod')).targets === 2);
  const aborted = (await rolloutsOf(fleet)).find(({ stage }) => stage === 'production');
  expect(aborted).toMatchObject({ phase: 'Aborted', revision: 2 });
  expect(await fleet.stage('prod')).toMatchObject({
    revision: null,
    candidate: { revision: { number: 2 }, state: 'Soaking' },
  });
  expect(await fleet.held()).toEqual({ dev: [2, 2], staging: [2, 2], prod: [1, 1] });

  await fleet.replace({ approval: true });
  await fleet.until('it has none', async () => (await fleet.held())['']?.length === 6);
  await fleet.until('the newest is proposed to all', async () =>
    (await rolloutsOf(fleet)).some(({ stage }) => stage === ''),
  );
  expect((await fleet.held())['']).toEqual([2, 2, 2, 2, 1, 1]);
  expect(await fleet.application()).not.toHaveProperty('stages');
});

test('verbs find their stage where it is the only one, ask for it where it is not, and refuse names that are none', async () => {
  const fleet = await fleetOf(threeStages({ staging: { strategy: { approval: true } } }));
  await fleet.until(
    'staging is asked for approval',
    async () => (await fleet.stage('staging')).rollout !== null,
  );
  const detail = (text: string) => ({ body: { detail: expect.stringContaining(text) } });
  expect(await fleet.act({ action: 'start', revision: 1 })).toMatchObject({
    status: 422,
    ...detail('say in which stage: dev, staging, production'),
  });
  expect(await fleet.act({ action: 'pause', stage: 'prod' })).toMatchObject({
    status: 422,
    ...detail('it has dev, staging, production'),
  });
  expect(await fleet.act({ action: 'pause', reason: 'lunch' })).toMatchObject({
    status: 202,
    body: { stage: 'staging' },
  });
  expect(await fleet.act({ action: 'start', revision: 1, stage: 'production' })).toMatchObject({
    status: 202,
  });
  expect(await fleet.act({ action: 'abort', reason: 'both' })).toMatchObject({
    status: 422,
    ...detail('staging, production'),
  });
  expect(await fleet.act({ action: 'resume' })).toMatchObject({ status: 202, body: { stage: 'staging' } });
  expect(await fleet.act({ action: 'approve', wave: 'all', stage: 'staging' })).toMatchObject({
    status: 202,
  });
  await fleet.until('staging has it', () => isCompleted(fleet, 'staging', 1));
  const cluster = fleet.clusters[4];
  expect(await fleet.act({ action: 'pin', cluster, revision: 1, reason: 'kept' })).toMatchObject({
    status: 202,
    body: { stage: 'production' },
  });
  const { body } = await one.api('GET', `/applications/${fleet.name}/rollouts?stage=staging`);
  expect((body as { items: object[] }).items).toMatchObject([{ stage: 'staging', revisionNumber: 1 }]);
  const plain = await fleetOf({});
  expect(await plain.act({ action: 'promoteStage', stage: 'production' })).toMatchObject({
    status: 422,
    ...detail('has no stages'),
  });
});

test('where sync is manual each stage waits for a person, who starts what waits where the named clusters are', async () => {
  const fleet = await fleetOf(threeStages());
  const spec = (await fleet.application()).spec;
  const manual = { spec: { ...spec, syncPolicy: { ...spec.syncPolicy, automated: false } } };
  await fleet.until('production has the first', () => isCompleted(fleet, 'production', 1));
  expect(await one.api('PUT', `/applications/${fleet.name}`, manual, { 'if-match': '*' })).toMatchObject({
    status: 200,
  });
  await fleet.push({ 'app/a.yaml': configMap('a', '2') });
  await fleet.until('dev waits', async () => (await fleet.stage('dev')).waiting?.phase === 'AwaitingSync');
  expect(await one.api('POST', `/applications/${fleet.name}/sync`, {})).toMatchObject({
    body: { action: 'StartedRollout', revisionNumber: 2 },
  });
  await fleet.until(
    'staging waits',
    async () => (await fleet.stage('staging')).waiting?.phase === 'AwaitingSync',
  );
  expect(await fleet.held()).toEqual({ dev: [2, 2], staging: [1, 1], production: [1, 1] });
  const clusters = [fleet.clusters[4]];
  expect(await one.api('POST', `/applications/${fleet.name}/sync`, { clusters })).toMatchObject({
    body: { action: 'Reapplied' },
  });
  await fleet.until('it was applied again', async () => (await fleet.targets())[4]?.assignment === 2n);
  expect((await fleet.stage('staging')).waiting?.phase).toBe('AwaitingSync');
  await one.api('POST', `/applications/${fleet.name}/sync`, { clusters: [fleet.clusters[2]] });
  await fleet.until('staging has it', () => isCompleted(fleet, 'staging', 2));
  await fleet.until(
    'production waits',
    async () => (await fleet.stage('production')).waiting?.phase === 'AwaitingSync',
  );
  await fleet.act({ action: 'rollback', stage: 'dev', reason: 'it leaks' });
  await fleet.until(
    'what is rejected waits no more',
    async () => (await fleet.stage('production')).waiting === null,
  );
  expect(await fleet.held()).toMatchObject({ staging: [2, 2], production: [1, 1] });
});

test('clusters that no stage picks are with the last one, and the application says how many', async () => {
  const fleet = await fleetOf(threeStages(), ['dev', 'staging', 'production', 'elsewhere']);
  await fleet.until('they are counted', async () => (await fleet.conditions()).length > 0);
  expect(await fleet.conditions()).toEqual([
    { type: 'StageUnmatched', message: '1 of 4 clusters match no stage and go with the last, production' },
  ]);
  expect((await fleet.held())['production']).toHaveLength(2);
});

test('two sources: what was tested together moves together', async () => {
  const strategy = threeStages({ production: { approval: true } });
  const fleet = await fleetOf(strategy);
  const other = git.makeRepository(`${fleet.name}-other`);
  const commits = [other.push({ 'more/b.yaml': configMap('b', '1') })];
  await one.api('POST', '/repositories', {
    name: `${fleet.name}-other`,
    url: other.url,
    pollIntervalMs: 3_600_000,
  });
  await fleet.until('the first is in staging', () => isCompleted(fleet, 'staging', 1));
  const { spec } = await fleet.application();
  const more = { repository: `${fleet.name}-other`, ref: { branch: 'main' }, path: 'more' };
  const body = { spec: { ...spec, sources: [...spec.sources, more] } };
  expect(await one.api('PUT', `/applications/${fleet.name}`, body, { 'if-match': '*' })).toMatchObject({
    status: 200,
  });
  await fleet.until('both are in staging', () => isCompleted(fleet, 'staging', 2));
  const first = await fleet.push({ 'app/a.yaml': configMap('a', '2') });
  await fleet.until('one moved', () => isCompleted(fleet, 'staging', 3));
  await fleet.until(
    'it may go on',
    async () => (await fleet.stage('production')).candidate?.state === 'AwaitingApproval',
  );
  commits.push(other.push({ 'more/b.yaml': configMap('b', '2') }));
  await one.api('POST', `/repositories/${fleet.name}-other/refresh`);
  await fleet.until('the other moved', async () => (await fleet.application()).revisionNumber === 4);
  expect(await fleet.act({ action: 'promoteStage', stage: 'production', revision: 3 })).toMatchObject({
    status: 202,
  });
  await fleet.until('production has it', () => isCompleted(fleet, 'production', 3));
  const { body: revisions } = await one.api('GET', `/applications/${fleet.name}/revisions`);
  const third = (revisions as { items: { number: number; sources: { commit: string }[] }[] }).items.find(
    ({ number }) => number === 3,
  );
  expect(third?.sources.map(({ commit }) => commit)).toEqual([first, commits[0]]);
});
