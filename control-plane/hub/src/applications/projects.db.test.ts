import { afterAll, beforeAll, expect, test } from 'vitest';

import { startTestHub, type TestHub } from '../worker.fixture.ts';

let hub: TestHub;

beforeAll(async () => {
  hub = await startTestHub(undefined, { roles: ['api'] });
});

afterAll(async () => {
  await hub?.[Symbol.asyncDispose]();
});

async function made(name: string): Promise<string> {
  expect(await hub.api('POST', '/projects', { name })).toMatchObject({ status: 201, body: { version: 1 } });
  return `/projects/${name}`;
}

function patchOf(allowed: object): object {
  return { spec: { allowed } };
}

test('a list that is given replaces the one that is there, others stay, and one event tells it', async () => {
  const path = await made('edited');
  await hub.api('PATCH', path, patchOf({ namespacedKindsDenied: ['Secret'] }));
  const answer = await hub.api('PATCH', path, patchOf({ namespaces: ['team-*'], clusterKinds: [] }));
  const allowed = { namespaces: ['team-*'], clusterKinds: [], namespacedKindsDenied: ['Secret'] };
  expect(answer).toMatchObject({ status: 200, body: { version: 3, spec: { allowed } } });
  expect((await hub.api('GET', path)).body).toEqual(answer.body);
  const [event] = await hub.rows<{ changes: unknown }>(
    `SELECT changes FROM audit_events WHERE action = 'project.update' AND resource_name = 'edited' ORDER BY id DESC`,
  );
  expect(JSON.stringify(event?.changes)).toContain('team-*');
});

test('an edit of another version than the present one changes nothing', async () => {
  const path = await made('raced');
  const patch = patchOf({ namespaces: [] });
  expect(await hub.api('PATCH', path, patch, { 'if-match': '"7"' })).toMatchObject({ status: 412 });
  expect(await hub.api('GET', path)).toMatchObject({
    body: { version: 1, spec: { allowed: { namespaces: ['*'] } } },
  });
  expect(await hub.api('PATCH', path, patch, { 'if-match': '"1"' })).toMatchObject({ status: 200 });
});

test('an edit that changes nothing is no new version and no event', async () => {
  const path = await made('same');
  expect(await hub.api('PATCH', path, patchOf({ namespaces: ['*'] }))).toMatchObject({
    status: 200,
    body: { version: 1 },
  });
  expect(
    await hub.rows(`SELECT 1 FROM audit_events WHERE action = 'project.update' AND resource_name = 'same'`),
  ).toEqual([]);
});

test('what is misspelt is named, what is not there is not found, and a viewer may not', async () => {
  const path = await made('guarded');
  expect(await hub.api('PATCH', path, patchOf({ namespace: ['a'] }))).toMatchObject({ status: 400 });
  expect(await hub.api('PATCH', '/projects/none', patchOf({}))).toMatchObject({ status: 404 });
  const viewer = await hub.api('POST', '/api-tokens', { name: 'viewer', role: 'viewer' });
  const { token } = viewer.body as { token: string };
  const denied = await hub.api('PATCH', path, patchOf({ namespaces: [] }), {
    authorization: `Bearer ${token}`,
  });
  expect(denied).toMatchObject({ status: 403 });
});

const careful = { waves: [{ name: 'canary', clusters: { percent: 1 } }], onFailure: 'rollback' };

function application(name: string, strategy: object): object {
  const spec = {
    sources: [{ repository: 'config', ref: { branch: 'main' }, path: name }],
    placement: { clusters: { names: [] } },
    destination: { namespace: name },
    strategy,
  };
  return { name, project: 'named', spec };
}

test('an application goes by a strategy that its project names, for as long as it does', async () => {
  const path = await made('named');
  const repository = { name: 'config', project: 'named', url: 'https://git.example.com/config.git' };
  expect(await hub.api('POST', '/repositories', repository)).toMatchObject({ status: 201 });
  expect(await hub.api('POST', '/applications', application('web', { named: 'careful' }))).toMatchObject({
    status: 422,
    body: { issues: [{ path: 'spec.strategy.named', message: expect.stringContaining('it has none') }] },
  });
  expect(await hub.api('PATCH', path, { spec: { strategies: { careful } } })).toMatchObject({ status: 200 });
  const answer = await hub.api('POST', '/applications', application('web', { named: 'careful', soak: '1m' }));
  expect(answer, JSON.stringify(answer.body)).toMatchObject({ status: 201 });
  const inUse = await hub.api('PATCH', path, { spec: { strategies: {} } });
  expect(inUse).toMatchObject({
    status: 422,
    body: {
      issues: [{ path: 'spec.strategies.careful', message: expect.stringContaining('"web" uses it') }],
    },
  });
  const stages = [
    { name: 'dev', clusters: { names: ['d*'] } },
    { name: 'production', strategy: { named: 'careful' } },
  ];
  expect(await hub.api('POST', '/applications', application('staged', { stages }))).toMatchObject({
    status: 201,
  });
  expect(await hub.api('PATCH', path, { spec: { strategies: {} } })).toMatchObject({
    body: { issues: [{ message: expect.stringContaining('"staged" uses it') }, {}] },
  });
  const wrong = await hub.api('PATCH', path, { spec: { strategies: { careful: { wavs: [] } } } });
  expect(wrong).toMatchObject({
    status: 422,
    body: { issues: [{ path: 'spec.strategies.careful.wavs' }, {}, {}] },
  });
});
