import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestHub, type TestHub } from '../worker.fixture.ts';
import { seedFleet } from '../status/fleet.fixture.ts';
import { Database } from '../platform/prisma.ts';
import { Clusters } from './clusters.ts';

let hub: TestHub;
let cluster: string;

beforeAll(async () => {
  hub = await startTestHub();
  const fleet = await seedFleet(hub.app.get(Database), { applications: 0, clusters: 1 });
  cluster = fleet.clusterIds[0] ?? '';
});

afterAll(() => hub[Symbol.asyncDispose]());

const pause = (body: object) => hub.api('POST', `/clusters/${cluster}/pause`, body);

test('a pause until a time says so, and ends by itself then', async () => {
  const until = new Date(Date.now() + 3_600_000).toISOString();
  expect(await pause({ reason: 'new nodes', until })).toMatchObject({
    status: 200,
    body: { state: 'Paused', stateReason: 'new nodes', pausedUntil: until },
  });
  await hub.app.get(Clusters).resumeDue();
  expect((await hub.api('GET', `/clusters/${cluster}`)).body).toMatchObject({ state: 'Paused' });
  await hub.rows(`UPDATE clusters SET paused_until = now() - interval '1 s' WHERE id = $1::uuid`, [cluster]);
  await hub.app.get(Clusters).resumeDue();
  expect((await hub.api('GET', `/clusters/${cluster}`)).body).toMatchObject({
    state: 'Active',
    pausedUntil: null,
  });
});

test('a pause that would have ended already is refused', async () => {
  const answer = await pause({ reason: 'new nodes', until: '2020-01-01T00:00:00Z' });
  expect(answer).toMatchObject({ status: 422 });
  expect((await hub.api('GET', `/clusters/${cluster}`)).body).toMatchObject({ state: 'Active' });
});
