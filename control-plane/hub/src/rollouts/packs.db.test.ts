/** A wave that waits, or was just assigned, is stored as a few packs, and whoever asks for an outcome does not see that. */
import { afterAll, beforeAll, expect, test } from 'vitest';

import { makeFleet, type Fleet } from '../labelledFleet.fixture.ts';
import { startGitServer, type TestGitServer } from '../sources/git/gitServer.fixture.ts';
import { eventually, startTestHub, type TestHub } from '../worker.fixture.ts';
import { configMap } from '../world.fixture.ts';
import { packMin } from './packs.ts';

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

const half = packMin + 4;
const strategy = { waves: [{ name: 'first', clusters: { percent: 50 } }] };

async function startFleet(): Promise<Fleet & { rollout: string }> {
  const labels = Array.from({ length: 2 * half }, () => ({}));
  const fleet = await makeFleet({ hub, git }, { 'app/a.yaml': configMap('a', '1') }, { strategy }, labels);
  const rollout = await eventually('the first wave is assigned', async () => {
    const [row] = await hub.rows<{ id: string; assigned: number }>(
      `SELECT r.id, count(*) FILTER (WHERE o.outcome = 'Assigned')::int AS assigned
       FROM rollouts r JOIN rollout_outcomes o ON o.rollout_id = r.id WHERE r.application_id = $1::uuid GROUP BY r.id`,
      [fleet.applicationId],
    );
    return row?.assigned === half ? row.id : null;
  });
  return { ...fleet, rollout };
}

interface Stored {
  packs: number;
  rows: number;
  outcomes: number;
}

async function stored(rollout: string): Promise<Stored> {
  const [row] = await hub.rows<Stored>(
    `SELECT (SELECT count(*) FROM rollout_packs WHERE rollout_id = $1::uuid)::int AS packs,
       (SELECT count(*) FROM rollout_targets WHERE rollout_id = $1::uuid)::int AS rows,
       (SELECT count(DISTINCT target_id) FROM rollout_outcomes WHERE rollout_id = $1::uuid)::int AS outcomes`,
    [rollout],
  );
  return row!;
}

/** `count` of those that were assigned and are not reported yet have done it, or failed. */
async function report(fleet: Fleet, count: number, phase = 'Succeeded'): Promise<void> {
  await hub.rows(
    `INSERT INTO target_observations (target_id, cluster_id, application_id, fence, seq, digest, assignment, revision_number, bundle, sync, health, state)
     SELECT t.id, t.cluster_id, t.application_id, 1, 1, '', t.assignment, t.revision_number, t.bundle, 'Synced', 'Healthy',
       jsonb_build_object('operation', jsonb_build_object('assignment', t.assignment, 'phase', $3::text, 'message', 'it broke'))
     FROM targets t LEFT JOIN target_observations o ON o.target_id = t.id
     WHERE t.application_id = $1::uuid AND t.assignment > 0 AND o.target_id IS NULL ORDER BY t.id LIMIT $2`,
    [fleet.applicationId, count, phase],
  );
  hub.hint('rollout', fleet.applicationId);
}

async function wavesOf(rollout: string): Promise<Record<string, number>[]> {
  const { body } = await hub.api('GET', `/rollouts/${rollout}`);
  return (body as { waves: { outcomes: Record<string, number> }[] }).waves.map(({ outcomes }) => outcomes);
}

test('a rollout over packs counts, fails and completes as over rows', async () => {
  const fleet = await startFleet();
  const { rollout } = fleet;
  expect(await stored(rollout)).toEqual({ packs: 2, rows: 0, outcomes: 2 * half });
  expect(await wavesOf(rollout)).toEqual([{ Assigned: half }, { Pending: half }]);

  await report(fleet, 1, 'Failed');
  await eventually('one has left its pack', async () => (await stored(rollout)).rows === 1);
  expect(await stored(rollout)).toEqual({ packs: 2, rows: 1, outcomes: 2 * half });
  expect(await wavesOf(rollout)).toEqual([{ Assigned: half - 1, Failed: 1 }, { Pending: half }]);
  const { body } = await hub.api('GET', `/rollouts/${rollout}`);
  expect(body).toMatchObject({ failures: { total: 1, first: [{ wave: 'first', message: 'it broke' }] } });

  const cluster = (body as { failures: { first: { cluster: string }[] } }).failures.first[0]!.cluster;
  for (const action of [{ action: 'skip', cluster, reason: 'broken' }, { action: 'resume' }]) {
    const { status, body: said } = await hub.api(
      'POST',
      `/applications/${fleet.applicationId}/rollout`,
      action,
    );
    expect(status, JSON.stringify(said)).toBeLessThan(300);
  }
  expect(await wavesOf(rollout)).toEqual([{ Assigned: half - 1, Skipped: 1 }, { Pending: half }]);

  await eventually('the rollout is complete', async () => {
    await report(fleet, half);
    return (
      (await hub.rows<{ phase: string }>('SELECT phase FROM rollouts WHERE id = $1', [rollout]))[0]?.phase ===
      'Completed'
    );
  });
  expect(await wavesOf(rollout)).toEqual([{ Succeeded: half - 1, Skipped: 1 }, { Succeeded: half }]);
  expect((await fleet.targets()).map(({ assignment }) => assignment)).toEqual(Array(2 * half).fill(1n));
});

test('an application that is removed takes its packs with it', async () => {
  const fleet = await startFleet();
  expect(await stored(fleet.rollout)).toMatchObject({ packs: 2 });
  await hub.rows('DELETE FROM rollouts WHERE id = $1', [fleet.rollout]);
  expect(await stored(fleet.rollout)).toMatchObject({ packs: 0 });
});
