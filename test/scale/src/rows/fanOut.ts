/**
 * a: desired state committed → every agent has acked it, by the hub's own rows, against a raw broadcast of the same bytes
 * that every client answers. `sync now` assigns the present revision again, so that no bundle is fetched meanwhile.
 */
import { eventually } from '@flotilla/testkit/eventually';
import { timeoutFor, type Bench, type FleetOfBench } from '../bench/bench.ts';
import type { Measured, Row } from '../bench/row.ts';
import { atEachSize } from '../bench/sizes.ts';
import { percentile } from '../bench/statistics.ts';

/** Of 500 ms at 10,000 agents to the 208 ms that a raw broadcast took where the budget was set. */
const absoluteBudget = 500 / 208;
const agentsOfAbsoluteBudget = 10_000;

interface Round {
  rawP99Ms: number;
  p99Ms: number;
  totalMs: number;
}

export const row: Row = {
  name: 'a',
  title: 'commit known to the hub → all agents acked',
  judgedFrom: 1000,
  run: (bench) => atEachSize(bench.options.agents, (agents) => atSize(bench, agents)),
};

async function atSize(bench: Bench, agents: number): Promise<Measured[]> {
  const at = await bench.fleet(agents);
  const raw = await bench.raw();
  const bytes = await bytesOfDelta(at);
  // What agents say of the new assignment must not come between its acks.
  at.fleet.behave({ answerMinMs: 5000, answerMaxMs: 8000, failingShare: 0 });
  await raw.connect(agents);
  const rounds = await bench.rounds(async (round): Promise<Round> => {
    const rawP99Ms = percentile(await raw.broadcast(bytes), 0.99);
    const ours = await bench.profiled(`a-${agents}`, at.world, round, () => fanOut(at, agents));
    await at.fleet.until('all is reported', ({ statesAcked }) => statesAcked >= agents, timeoutFor(agents));
    return { rawP99Ms, ...ours };
  });
  await raw.disconnect();
  at.fleet.behave({ answerMinMs: 50, answerMaxMs: 200, failingShare: 0 });
  const shared = { n: agents, floors: rounds.map(({ rawP99Ms }) => rawP99Ms), unit: 'ms' };
  const absolute: Measured[] =
    agents === agentsOfAbsoluteBudget
      ? [
          {
            ...shared,
            id: 'a2',
            what: 'the same, absolute',
            ours: rounds.map((r) => r.p99Ms),
            budget: absoluteBudget,
            aim: '≤ 500 ms',
          },
        ]
      : [];
  return [
    { ...shared, id: 'a1', what: 'commit → acked, p99', ours: rounds.map((r) => r.p99Ms), budget: 1.5 },
    ...absolute,
  ];
}

/** Head and envelope of one entry, as they go out. */
async function bytesOfDelta({ world }: FleetOfBench): Promise<Uint8Array> {
  const [target] = await world.query<{ head: Buffer }>(
    'SELECT head FROM targets WHERE head IS NOT NULL LIMIT 1',
  );
  return Buffer.alloc((target?.head.length ?? 400) + 160);
}

/**
 * From the first commit that assigned something to the commit of each cluster's ack. A sign of life that is written between
 * the ack and the look makes it later, never earlier.
 */
async function fanOut({ world, fleet }: FleetOfBench, agents: number): Promise<Omit<Round, 'rawP99Ms'>> {
  await fleet.mark();
  const [before] = await world.query<{ at: Date }>('SELECT now() AS at');
  await world.hub().client.applications.sync('settings');
  // By the agents' own word first: looking at the rows is work for the same Postgres.
  await fleet.until('all have accepted', ({ accepted }) => accepted >= agents, timeoutFor(agents));
  await eventually(
    'every cluster has acked its latest generation',
    async () => {
      const [waiting] = await world.query<{ assigned: string; waiting: string }>(
        `SELECT count(*) FILTER (WHERE t.assigned_at > $1) AS assigned,
                count(*) FILTER (WHERE t.assigned_at > $1 AND c.accepted_generation < t.generation) AS waiting
           FROM targets t JOIN clusters c ON c.id = t.cluster_id`,
        [before?.at],
      );
      return Number(waiting?.assigned) === agents && Number(waiting?.waiting) === 0
        ? true
        : ([false, waiting] as const);
    },
    { timeoutMs: timeoutFor(agents) },
  );
  const rows = await world.query<{ ms: number }>(
    `WITH first AS (SELECT min(pg_xact_commit_timestamp(xmin)) AS at FROM targets WHERE assigned_at > $1)
     SELECT (extract(epoch FROM pg_xact_commit_timestamp(c.xmin) - first.at) * 1000)::float8 AS ms
       FROM clusters c CROSS JOIN first WHERE c.accepted_at > $1`,
    [before?.at],
  );
  const times = rows.map(({ ms }) => ms);
  return { p99Ms: percentile(times, 0.99), totalMs: Math.max(...times) };
}
