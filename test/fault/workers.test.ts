/**
 * Two workers on one fleet, of which one is stopped in the middle of a tick, between what it loaded and what it saves, and
 * goes on later: each transition happens once, whoever makes it.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '@flotilla/testkit/eventually';
import { transitionProblems } from '@flotilla/testkit/transitions';
import { faultTimeoutMs } from './src/faultAt.ts';
import { startTwoWorkers, stopInRendering, stopInTick, type TwoWorkers } from './src/twoWorkers.ts';

let fleet: TwoWorkers;

beforeAll(async () => {
  fleet = await startTwoWorkers();
});
afterAll(async () => {
  await fleet?.[Symbol.asyncDispose]();
});

/** The rollout of this revision is over everywhere, and nothing of what led there happened twice. */
async function everyTransitionOnce(revision: number): Promise<void> {
  await fleet.completed(revision);
  expect(await transitionProblems(fleet.database)).toEqual([]);
  const targets = await fleet.database.query<{ assignment: number; revision: number }>(
    'SELECT assignment::int, revision_number AS revision FROM targets',
  );
  expect(targets).toEqual(Array.from({ length: fleet.clusters }, () => ({ assignment: revision, revision })));
  const [counts] = await fleet.database.query(
    `SELECT (SELECT count(*)::int FROM rollouts) AS rollouts,
       (SELECT count(*)::int FROM rollout_events WHERE kind = 'WaveOpened') AS opened,
       (SELECT count(*)::int FROM logged_outcomes WHERE outcome = 'Succeeded') AS succeeded,
       (SELECT sum((reason->>'assigned')::int)::int FROM audit_events WHERE action = 'rollout.tick') AS assigned,
       (SELECT count(*)::int FROM audit_events WHERE action = 'rollout.tick')
         - (SELECT sum(rollout_version)::int FROM applications) AS "eventsTooMany"`,
  );
  const moved = revision * fleet.clusters;
  expect(counts).toEqual({
    rollouts: revision,
    opened: revision * fleet.waves,
    succeeded: moved,
    assigned: moved,
    eventsTooMany: 0,
  });
}

test(
  'ticks that come to both workers at once make each transition once',
  () => everyTransitionOnce(1),
  faultTimeoutMs,
);

test(
  'a worker that is stopped in a tick keeps the other one waiting, and what it saves when it goes on is what it loaded',
  async () => {
    const revision = await fleet.push();
    await fleet.begun(revision);
    let stops = 0;
    for (; !(await fleet.isCompleted(revision)); stops++) {
      const { worker, otherHadItsTurn, movedOn } = await stopInTick(fleet);
      await eventually('the other worker had its turn', otherHadItsTurn);
      await worker.goOn();
      await eventually('somebody went on', async () => (await movedOn()) || fleet.isCompleted(revision));
    }
    expect(stops).toBeGreaterThan(4);
    await everyTransitionOnce(revision);
  },
  faultTimeoutMs,
);

test(
  'a worker that stays stopped in a tick holds nobody up for long, and saves nothing when it goes on at last',
  async () => {
    const revision = await fleet.push();
    await fleet.begun(revision);
    const { worker } = await stopInTick(fleet);
    await fleet.completed(revision);
    await worker.goOn();
    await eventually('its tick has failed', () => Promise.resolve(worker.output().includes('tick failed')));
    await everyTransitionOnce(revision);
    expect(await fleet.push()).toBe(revision + 1);
    await everyTransitionOnce(revision + 1);
  },
  faultTimeoutMs,
);

test(
  'a worker that stays stopped while it renders holds that up for no longer, and its bundle is made once',
  async () => {
    const worker = await stopInRendering(fleet);
    const [{ revision } = { revision: 0 }] = await fleet.database.query<{ revision: number }>(
      'SELECT max(number)::int AS revision FROM revisions',
    );
    await fleet.completed(revision);
    await worker.goOn();
    await everyTransitionOnce(revision);
    const variants =
      'SELECT v.id FROM variants v JOIN revisions r ON r.id = v.revision_id WHERE r.number = $1';
    expect(await fleet.database.query(variants, [revision])).toHaveLength(1);
  },
  faultTimeoutMs,
);
