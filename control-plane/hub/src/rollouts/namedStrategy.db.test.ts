import { afterAll, beforeAll, expect, test } from 'vitest';

import { startGitServer, type TestGitServer } from '../sources/git/gitServer.fixture.ts';
import { eventually, startTestHub, type TestHub } from '../worker.fixture.ts';
import { configMap, makeWorld } from '../world.fixture.ts';

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

test('a rollout goes by what its project wrote under the name, an edit of it by the next one', async () => {
  const careful = (name: string) => ({ waves: [{ name, clusters: { percent: 1 } }], onFailure: 'rollback' });
  const set = (strategies: object) => hub.api('PATCH', '/projects/default', { spec: { strategies } });
  expect(await set({ careful: careful('canary') })).toMatchObject({ status: 200 });
  const strategy = { named: 'careful', onFailure: 'pause' };
  const world = await makeWorld({ hub, git }, { 'app/a.yaml': configMap('a', '1') }, { strategy });
  const used = (revision: number) =>
    eventually(`rollout of revision ${revision}`, async () => {
      const [row] = await hub.rows<{ strategy: { onFailure: string; waves: { name: string }[] } }>(
        'SELECT strategy FROM rollouts WHERE application_id = $1::uuid AND revision_number = $2',
        [world.applicationId, revision],
      );
      return row && { onFailure: row.strategy.onFailure, waves: row.strategy.waves.map(({ name }) => name) };
    });
  expect(await used(1)).toEqual({ onFailure: 'pause', waves: ['canary', 'rest'] });
  expect(await set({ careful: careful('first') })).toMatchObject({ status: 200 });
  await world.push({ 'app/a.yaml': configMap('a', '2') });
  expect(await used(2)).toEqual({ onFailure: 'pause', waves: ['first', 'rest'] });
});
