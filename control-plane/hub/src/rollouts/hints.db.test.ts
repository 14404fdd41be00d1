/** Hints alone move everything: no scan comes within an hour here, so that a hint which nobody sends stops the test. */
import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import {
  ack,
  acceptNext,
  enrolMember,
  helloOf,
  newAgentKey,
  newToken,
  post,
  TestStream,
  type Member,
  type TestHub as AgentsHub,
} from '../agents/agents.fixture.ts';
import { AgentServer } from '../agents/server.ts';
import { startGitServer, type TestGitServer } from '../sources/git/gitServer.fixture.ts';
import { eventually, startTestHub, type TestHub } from '../worker.fixture.ts';
import { assignedAt, configMap, makeWorld, type World } from '../world.fixture.ts';

/** The hub that people and agents speak to, and another one that does the work: hints cross between processes. */
let hub: TestHub;
let worker: TestHub;
let agents: AgentsHub;
let git: TestGitServer;

const scanIntervalMs = 3_600_000;

beforeAll(async () => {
  git = await startGitServer();
  const grpc = { host: '127.0.0.1', port: 0 };
  hub = await startTestHub(undefined, { roles: ['api', 'agents'], scanIntervalMs, grpc });
  worker = await startTestHub(hub, { roles: ['worker'] });
  const port = await hub.app.get(AgentServer).listen();
  agents = { ...hub, url: '', grpc: `127.0.0.1:${port}`, caPem: '', projectId: '' };
});

afterAll(async () => {
  await worker?.[Symbol.asyncDispose]();
  await hub?.[Symbol.asyncDispose]();
  await git?.close();
});

const files = { 'app/a.yaml': configMap('a', '1') };

/** Two connected clusters at revision 1. */
async function settled(spec: { syncPolicy?: object } = {}): Promise<World> {
  const world = await makeWorld({ hub, git }, files, spec);
  await assignedAt(world, 1);
  return world;
}

/** No cluster yet, and all that the application's own hints do is done. */
async function rendered(): Promise<World> {
  const world = await makeWorld({ hub, git }, files, {}, 0);
  await eventually('a waiting revision', async () => (await world.revisions())[0]?.state === 'Ready');
  await eventually('its rollout', async () => {
    const rollouts = 'SELECT id FROM rollouts WHERE application_id = $1::uuid';
    return (await hub.rows(rollouts, [world.applicationId])).length > 0;
  });
  return world;
}

function join(world: World, name: string): Promise<Member> {
  return enrolMember(agents, { clusterName: name, labels: { world: world.name } });
}

async function targetsOn(cluster: string): Promise<{ state: string; revision: number | null }[]> {
  return hub.rows(
    `SELECT t.state, t.revision_number AS revision FROM targets t JOIN clusters c ON c.id = t.cluster_id WHERE c.name = $1`,
    [cluster],
  );
}

function assignedOn(cluster: string): Promise<unknown> {
  return eventually(`an assignment on ${cluster}`, async () => {
    const [target] = await targetsOn(cluster);
    return target?.state === 'Active' && target.revision !== null;
  });
}

async function change(method: 'POST' | 'PATCH' | 'PUT', path: string, body: unknown): Promise<void> {
  const answer = await hub.api(
    method,
    path,
    body,
    method === 'PUT' ? { 'if-match': await etagOf(path) } : {},
  );
  expect(answer, path).toMatchObject({ status: expect.toSatisfy((status: number) => status < 300) });
}

async function etagOf(path: string): Promise<string> {
  const { body } = await hub.api('GET', path);
  return `"${(body as { version: number }).version}"`;
}

describe('by hints alone', () => {
  test('no scan comes by itself', async () => {
    const world = await settled();
    world.repository.push({ 'app/a.yaml': configMap('a', '2') });
    await hub.rows('UPDATE repositories SET requested_seq = requested_seq + 1 WHERE id = $1::uuid', [
      world.repositoryId,
    ]);
    await expect(
      eventually('a revision', async () => (await world.revisions()).length > 1, 6_000),
    ).rejects.toThrow('did not happen');
  });

  test('a cluster that enrols just after its application was made is assigned and sent it, and the next commit', async () => {
    const world = await rendered();
    const member = await join(world, 'newcomer');
    const stream = new TestStream(agents, member, helloOf(member));
    await stream.expect('Welcome');
    const first = await acceptNext(stream, null);
    expect(first.part.upserts).toHaveLength(1);
    ack(stream, first.set);
    await world.push({ 'app/a.yaml': configMap('a', '2') });
    const second = await acceptNext(stream, first.set);
    ack(stream, second.set);
    expect(await targetsOn('newcomer')).toEqual([{ state: 'Active', revision: 2 }]);
    stream.close();
  });

  test('a cluster that was approved is assigned', async () => {
    const world = await rendered();
    const request = { clusterName: 'applicant', labels: { world: world.name }, requireApproval: true };
    const [key, token, clusterUid] = [await newAgentKey(), await newToken(agents, request), randomUUID()];
    const enrol = () => post(agents, '/api/v1/agents/enroll', { token, csr: key.csr, clusterUid });
    expect(await enrol()).toMatchObject({ status: 202 });
    await change('POST', '/clusters/applicant/approve', {});
    const member = { key, clusterUid, enrolment: (await enrol()).body as unknown as Member['enrolment'] };
    const stream = new TestStream(agents, member, helloOf(member));
    await stream.expect('Welcome');
    await acceptNext(stream, null);
    await assignedOn('applicant');
    stream.close();
  });

  test('labels bring a cluster in, and take it out', async () => {
    const world = await settled({ syncPolicy: { graceMs: 0, onUnplace: 'delete' } });
    await hub.makeCluster('relabelled');
    await change('PATCH', '/clusters/relabelled', { labels: { world: world.name } });
    await assignedOn('relabelled');
    await change('PATCH', '/clusters/relabelled', { labels: {} });
    await eventually('the removal', async () => (await targetsOn('relabelled'))[0]?.state === 'Removing');
  });

  test('an edit of the spec is rendered and assigned, one of the policy alone is passed on', async () => {
    const world = await settled();
    const { spec } = (await hub.api('GET', `/applications/${world.name}`)).body as { spec: never };
    const bodies = async () => (await world.targets()).map(({ body_digest: digest }) => digest);
    const before = await bodies();
    await change('PUT', `/applications/${world.name}`, { spec: withPolicy(spec, { selfHeal: true }) });
    await eventually('other bodies', async () =>
      (await bodies()).every((digest, at) => digest !== before[at]),
    );
    expect(await world.revisions()).toHaveLength(1);
    await world.push({ 'other/b.yaml': configMap('b', '1') });
    await change('PUT', `/applications/${world.name}`, { spec: withPath(spec, 'other') });
    await assignedAt(world, 2);
  });

  test('an edit of the project reaches the entries of its applications', async () => {
    const world = await settled();
    const bodies = async () => (await world.targets()).map(({ body_digest: digest }) => digest);
    const before = await bodies();
    await change('PATCH', '/projects/default', { spec: { allowed: { namespacedKindsDenied: ['Secret'] } } });
    await eventually('other bodies', async () =>
      (await bodies()).every((digest, at) => digest !== before[at]),
    );
  });

  test('a cluster that is resumed gets what it missed', async () => {
    const world = await settled();
    await change('POST', `/clusters/${world.name}-0/pause`, { reason: 'a test' });
    await world.push({ 'app/a.yaml': configMap('a', '2') });
    await eventually('the other cluster', async () => (await world.targets())[1]?.revision_number === 2);
    expect((await world.targets())[0]?.revision_number).toBe(1);
    await change('POST', `/clusters/${world.name}-0/resume`, {});
    await assignedAt(world, 2);
  });

  test('a rollout that is resumed goes on', async () => {
    const world = await makeWorld({ hub, git }, files, { syncPolicy: { automated: false } });
    const phase = async (): Promise<string | undefined> => {
      const [row] = await hub.rows<{ phase: string }>(
        'SELECT phase FROM rollouts WHERE application_id = $1::uuid',
        [world.applicationId],
      );
      return row?.phase;
    };
    await eventually('a waiting rollout', async () => (await phase()) === 'AwaitingSync');
    await change('POST', `/applications/${world.name}/sync`, {});
    await assignedAt(world, 1);
    const act = (action: string) =>
      change('POST', `/applications/${world.name}/rollout`, {
        action,
        ...(action === 'pause' && { reason: 'a test' }),
      });
    await act('pause');
    await hub.makeCluster(`${world.name}-late`, { world: world.name });
    await act('resume');
    await eventually('the rollout runs', async () => (await phase()) === 'Running');
    await assignedOn(`${world.name}-late`);
  });

  test('a repository that was given its right address is read', async () => {
    const world = await settled();
    await change('PATCH', `/repositories/${world.name}`, { url: `${world.repository.url}-gone` });
    await eventually('the error', async () =>
      (await world.conditions()).some(({ type }) => type === 'SourceError'),
    );
    world.repository.push({ 'app/a.yaml': configMap('a', '2') });
    await change('PATCH', `/repositories/${world.name}`, { url: world.repository.url });
    await assignedAt(world, 2);
  });
});

function withPolicy(spec: { syncPolicy: object }, policy: object): object {
  return { ...spec, syncPolicy: { ...spec.syncPolicy, ...policy } };
}

function withPath(spec: { sources: object[] }, path: string): object {
  return { ...spec, sources: spec.sources.map((source) => ({ ...source, path })) };
}
