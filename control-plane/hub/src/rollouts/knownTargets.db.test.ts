/** What a look finds of a fleet that it knows is what it would find if it read everything. */
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { makeFleet, type Fleet } from '../labelledFleet.fixture.ts';
import { DataKeys } from '../platform/dataKeys.ts';
import { systemActor, Transactions } from '../platform/transaction.ts';
import { startGitServer, type TestGitServer } from '../sources/git/gitServer.fixture.ts';
import { eventually, startTestHub, type TestHub } from '../worker.fixture.ts';
import { configMap } from '../world.fixture.ts';
import { Drops } from './drops.ts';
import { bodyOf, encodedBody } from './entry.ts';
import { lockApplication } from './fleet.store.ts';
import { KnownFleets } from './knownTargets.ts';
import { Outages } from './outages.ts';
import { readTargets, type KnownTargets } from './seenTargets.store.ts';
import { tick, type WorkerTickOptions } from './tick.ts';

let hub: TestHub;
let git: TestGitServer;
let fleet: Fleet;
let options: WorkerTickOptions;

beforeAll(async () => {
  git = await startGitServer();
  hub = await startTestHub();
});

afterAll(async () => {
  await hub?.[Symbol.asyncDispose]();
  await git?.close();
});

beforeEach(async () => {
  const strategy = { waves: [{ name: 'first', clusters: { percent: 30 } }] };
  fleet = await makeFleet(
    { hub, git },
    { 'app/a.yaml': configMap('a', '1') },
    { strategy },
    Array.from({ length: 10 }, () => ({})),
  );
  const transactions = hub.app.get(Transactions);
  options = {
    transactions,
    drops: new Drops(hub.app.get(DataKeys)),
    outages: new Outages(),
    fleets: new KnownFleets(0),
  };
  await eventually('something is assigned', async () =>
    (await fleet.targets()).some(({ assignment }) => assignment > 0n),
  );
});

/** One more look, beside those of the hub's own worker; then what it knows against what is there. */
async function look(): Promise<void> {
  await tick(options, fleet.applicationId, false);
  await compare();
}

async function compare(): Promise<void> {
  const known = options.fleets.take(fleet.applicationId);
  expect(known, 'nothing is known').not.toBeNull();
  options.fleets.keep(fleet.applicationId, await readTwice(known));
}

function readTwice(known: KnownTargets | null): Promise<KnownTargets> {
  return options.transactions.inTransaction(systemActor, async (tx) => {
    const application = await lockApplication(tx, fleet.applicationId);
    if (application === null) throw new Error('the application has gone');
    const body = encodedBody(bodyOf(application)).digest;
    const read = await readTargets(tx, application, body, known);
    const all = await readTargets(tx, application, body, null);
    expect([...read.rows.values()].toSorted(byId)).toEqual([...all.rows.values()].toSorted(byId));
    return tx.nothingChanged(read);
  });
}

const byId = (a: { id: string }, b: { id: string }) => (a.id < b.id ? -1 : 1);

const reportSql = `
  INSERT INTO target_observations (target_id, cluster_id, application_id, fence, seq, digest, assignment, revision_number, bundle, sync, health, state)
  SELECT id, cluster_id, application_id, 1, 1, '', assignment, revision_number, bundle, 'Synced', $2,
    jsonb_build_object('operation', jsonb_build_object('assignment', assignment, 'phase', 'Succeeded', 'message', ''))
  FROM targets WHERE application_id = $1::uuid AND assignment > 0
  ON CONFLICT (target_id) DO UPDATE SET assignment = excluded.assignment, bundle = excluded.bundle, state = excluded.state,
    health = excluded.health`;

const report = (health = 'Healthy') => hub.rows(reportSql, [fleet.applicationId, health]);

const changes: Record<string, () => Promise<unknown>> = {
  'a report': () => report(),
  'a sign of life': () =>
    hub.rows('UPDATE clusters SET last_seen_at = now() WHERE id = $1', [fleet.clusters[1]]),
  'a session that confirms nothing yet': () =>
    hub.rows('UPDATE clusters SET fence = fence + 1 WHERE id = $1', [fleet.clusters[2]]),
  'other labels': () => fleet.label(3, { tier: 'gold' }),
  'a cluster that is paused': () =>
    hub.rows(`UPDATE clusters SET state = 'Paused' WHERE id = $1`, [fleet.clusters[4]]),
  'a pin': () =>
    hub.api('POST', `/applications/${fleet.applicationId}/rollout`, {
      action: 'pin',
      cluster: fleet.clusters[5],
      revision: 1,
      reason: 'a test',
      expiresAt: null,
    }),
  'a health that turned': () => report('Degraded'),
  'another revision': async () => {
    const [before] = await hub.rows<{ n: number }>('SELECT count(*)::int AS n FROM rollouts');
    fleet.repository.push({ 'app/a.yaml': configMap('a', '2') });
    await hub.api('POST', `/repositories/${fleet.repositoryId}/refresh`);
    await eventually('a rollout', async () => {
      await look();
      const [now] = await hub.rows<{ n: number }>('SELECT count(*)::int AS n FROM rollouts');
      return (now?.n ?? 0) > (before?.n ?? 0);
    });
  },
  'a target that has gone': () =>
    hub.rows('DELETE FROM targets WHERE application_id = $1 AND cluster_id = $2', [
      fleet.applicationId,
      fleet.clusters[6],
    ]),
  'a body that is wanted otherwise': () =>
    hub.rows(
      `UPDATE applications SET spec = jsonb_set(spec, '{syncPolicy,selfHeal}', 'false') WHERE id = $1`,
      [fleet.applicationId],
    ),
};

test('after each kind of change', async () => {
  await look();
  for (const [what, change] of Object.entries(changes)) {
    await change();
    await compare().catch((error: unknown) => {
      throw new Error(`after ${what}`, { cause: error });
    });
    await look();
    await look();
  }
});

test('a rollout whose every step this worker makes', async () => {
  await eventually('it is complete', async () => {
    await report();
    await look();
    const [rollout] = await hub.rows<{ phase: string }>(
      'SELECT phase FROM rollouts WHERE application_id = $1',
      [fleet.applicationId],
    );
    return rollout?.phase === 'Completed';
  });
});

test('what a transaction wrote that was open at the look before', async () => {
  await report();
  await look();
  const writer = new pg.Client({ connectionString: hub.config.databaseUrl });
  await writer.connect();
  try {
    await writer.query('BEGIN');
    await writer.query(`UPDATE target_observations SET health_message = 'late' WHERE application_id = $1`, [
      fleet.applicationId,
    ]);
    await hub.rows('UPDATE clusters SET last_seen_at = now() WHERE id = $1', [fleet.clusters[0]]);
    await look();
    await writer.query('COMMIT');
    await compare();
  } finally {
    await writer.end();
  }
  const known = options.fleets.take(fleet.applicationId);
  expect([...known!.rows.values()].map(({ healthMessage }) => healthMessage)).toContain('late');
});

test('a server that was started at another time is known nothing of', async () => {
  await look();
  const known = options.fleets.take(fleet.applicationId)!;
  const rows = new Map([...known.rows].map(([id, row]) => [id, { ...row, clusterName: 'of another past' }]));
  const other = { ...known, key: known.key.replace(/^\S+/, '1999-01-01'), rows };
  options.fleets.keep(fleet.applicationId, await readTwice(other));
  await expect(readTwice({ ...known, rows })).rejects.toThrow('deeply equal');
});
