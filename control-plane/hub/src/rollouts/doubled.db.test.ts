/** Every hint comes to two workers at once, and more often than there is anything to do: each transition is made once. */
import { afterAll, beforeAll, expect, test } from 'vitest';

import { makeFleet } from '../labelledFleet.fixture.ts';
import { startGitServer, type TestGitServer } from '../sources/git/gitServer.fixture.ts';
import { eventually, startTestHub, type TestHub } from '../worker.fixture.ts';
import { configMap, reportDone } from '../world.fixture.ts';

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

test('a rollout in waves under doubled ticks opens each wave, assigns each target and tells each outcome once', async () => {
  const strategy = { maxConcurrent: 1, waves: [{ name: 'first', clusters: { names: ['*-0', '*-1'] } }] };
  const world = await makeFleet({ hub: one, git }, { 'app/a.yaml': configMap('a', '1') }, { strategy }, [
    {},
    {},
    {},
    {},
    {},
  ]);
  const rollouts = () =>
    one.rows<{ id: string; phase: string }>(
      'SELECT id, phase FROM rollouts WHERE application_id = $1::uuid',
      [world.applicationId],
    );
  await eventually('the rollout is complete', async () => {
    await reportDone(one, world);
    for (let at = 0; at < 5; at++) for (const hub of [one, two]) hub.hint('rollout', world.applicationId);
    return (await rollouts())[0]?.phase === 'Completed';
  });
  expect(await rollouts()).toHaveLength(1);
  expect((await world.targets()).map(({ assignment }) => assignment)).toEqual([1n, 1n, 1n, 1n, 1n]);
  const told = await one.rows<{ what: string; times: number }>(
    `SELECT kind || coalesce(' ' || (detail->>'outcome'), '') AS what,
       sum(greatest(cardinality(targets), 1))::int AS times
     FROM rollout_events WHERE rollout_id = $1::uuid GROUP BY 1 ORDER BY 1`,
    [(await rollouts())[0]!.id],
  );
  expect(told).toEqual([
    { what: 'Closed', times: 1 },
    { what: 'Outcome Assigned', times: 5 },
    { what: 'Outcome Succeeded', times: 5 },
    { what: 'Started', times: 1 },
    { what: 'WaveOpened', times: 2 },
  ]);
  const [audited] = await one.rows(
    `SELECT count(*)::int AS ticks, sum((e.reason->>'assigned')::int)::int AS assigned, a.rollout_version::int AS steps
     FROM audit_events e, applications a
     WHERE e.action = 'rollout.tick' AND e.resource_id = a.id::text AND a.id = $1::uuid GROUP BY a.rollout_version`,
    [world.applicationId],
  );
  expect(audited).toMatchObject({ assigned: 5, ticks: (audited as { steps: number }).steps });
});
