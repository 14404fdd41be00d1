/**
 * d: status of many targets at once, from agents through the stream into committed and acked rows, against the same rows
 * upserted by a sorted `unnest` of 1,000 on one connection. The ack is the commit: its lag is the p99 of the batches.
 */
import { timeoutFor, type Bench, type FleetOfBench } from '../bench/bench.ts';
import type { Measured, Row } from '../bench/row.ts';
import { percentile } from '../bench/statistics.ts';
import { applicationRows, targetRows, unchecked } from '../hub/seed.ts';
import { specOf } from '../hub/world.ts';

const reporting = 20;
const targetsEach = 500;
const states = reporting * targetsEach;
const batchRows = 1000;
const paceMs = 1000;

export const row: Row = {
  name: 'd',
  title: 'status of 10,000 targets into committed rows',
  run: async (bench) => {
    const at = await bench.fleet(Math.min(...bench.options.agents));
    const targets = await seed(at);
    await createFloorTable(at);
    const rounds = await bench.rounds(async (round) => {
      const floorMs = await upsertRaw(at, round);
      const measure = () => report(at, targets, `round ${round}`);
      return { floorMs, ...(await bench.profiled('d', at.world, round, measure)) };
    });
    const lag = await commitLag(bench, at, targets);
    const measured: Measured[] = [
      {
        id: 'd1',
        what: 'reported → acked, all rows',
        n: states,
        floors: rounds.map((r) => r.floorMs),
        ours: rounds.map((r) => r.ms),
        unit: 'ms',
        budget: 2,
      },
      {
        id: 'd2',
        what: 'commit lag of a lone report, p99',
        n: reporting,
        floors: null,
        ours: [lag],
        unit: 'ms',
        budget: null,
        aim: '≤ 250 ms',
      },
    ];
    return measured;
  },
};

type Targets = Record<string, string[]>;

async function seed({ world, fleet }: FleetOfBench): Promise<Targets> {
  const { clusters } = await fleet.collect();
  const chosen = clusters.slice(0, reporting);
  const list = chosen.map((id) => `'${id}'`).join(',');
  await world.query(`UPDATE clusters SET labels = labels || '{"ingest": "yes"}' WHERE id IN (${list})`);
  await unchecked(world, [
    applicationRows(targetsEach, 'ingest-', specOf({ ingest: 'yes' })),
    targetRows('ingest-', `SELECT id FROM clusters WHERE id IN (${list})`),
  ]);
  const rows = await world.query<{ id: string; cluster_id: string }>(
    `SELECT t.id, t.cluster_id FROM targets t JOIN applications a ON a.id = t.application_id WHERE a.name LIKE 'ingest-%'`,
  );
  const targets: Targets = {};
  for (const { id, cluster_id: cluster } of rows) (targets[cluster] ??= []).push(id);
  return targets;
}

async function report({ fleet }: FleetOfBench, targets: Targets, message: string): Promise<{ ms: number }> {
  const wanted = Object.values(targets).reduce((sum, ids) => sum + ids.length, 0);
  await fleet.mark();
  const startMs = performance.timeOrigin + performance.now();
  fleet.send({ type: 'say', message, targets });
  await fleet.until('all states are acked', ({ statesAcked }) => statesAcked >= wanted, timeoutFor(wanted));
  const { statesAcked } = await fleet.collect();
  return { ms: (statesAcked.at(-1) ?? Number.NaN) - startMs };
}

/** One target of each agent changes, once a second: what a lone change waits for until it is committed. */
async function commitLag(bench: Bench, { fleet }: FleetOfBench, targets: Targets): Promise<number> {
  const one: Targets = Object.fromEntries(
    Object.entries(targets).map(([cluster, ids]) => [cluster, ids.slice(0, 1)]),
  );
  const lags: number[] = [];
  for (let round = 0; round <= bench.options.rounds; round++) {
    await fleet.mark();
    const startMs = performance.timeOrigin + performance.now();
    fleet.send({ type: 'say', message: `lone ${round}`, targets: one });
    await fleet.until('the states are acked', ({ statesAcked }) => statesAcked >= reporting, paceMs * 30);
    const { statesAcked } = await fleet.collect();
    if (round > 0) lags.push(...statesAcked.map((atMs) => atMs - startMs));
  }
  return percentile(lags, 0.99);
}

async function createFloorTable({ world }: FleetOfBench): Promise<void> {
  await world.query('CREATE TABLE floor_observations (LIKE target_observations INCLUDING ALL)');
}

const columns = `target_id, cluster_id, application_id, fence, seq, digest, assignment, revision_number, bundle, sync,
  health, health_message, state`;

/** All columns that a report fills, 1,000 rows a statement, each its own commit. */
async function upsertRaw({ world }: FleetOfBench, round: number): Promise<number> {
  const rows = await world.query<{ id: string; cluster_id: string; application_id: string }>(
    `SELECT t.id, t.cluster_id, t.application_id FROM targets t JOIN applications a ON a.id = t.application_id
      WHERE a.name LIKE 'ingest-%' ORDER BY t.id`,
  );
  const state = JSON.stringify({
    health: { status: 'Healthy', message: `round ${round}` },
    conditions: [],
    resources: [],
  });
  const client = await world.pool.connect();
  const startMs = performance.now();
  for (let from = 0; from < rows.length; from += batchRows) {
    const batch = rows.slice(from, from + batchRows);
    await client.query(
      `INSERT INTO floor_observations AS o (${columns})
       SELECT i, c, a, 1, $4::bigint, $5, 1, 1, $5, 'Synced', 'Healthy', $6, $7::jsonb
         FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS r(i, c, a)
       ON CONFLICT (target_id) DO UPDATE SET fence = excluded.fence, seq = excluded.seq, digest = excluded.digest,
         sync = excluded.sync, health = excluded.health, health_message = excluded.health_message,
         state = excluded.state, observed_at = now() WHERE (excluded.fence, excluded.seq) > (o.fence, o.seq)`,
      [
        batch.map((r) => r.id),
        batch.map((r) => r.cluster_id),
        batch.map((r) => r.application_id),
        round + 1,
        '0'.repeat(64),
        `round ${round}`,
        state,
      ],
    );
  }
  const ms = performance.now() - startMs;
  client.release();
  return ms;
}
