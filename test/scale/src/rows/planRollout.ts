/**
 * j: a new revision for 10,000 clusters: one transaction that loads, decides and saves the rollout with its first wave,
 * and the next one, that opens the second wave. Measured by Postgres: from the transaction's begin to its commit. The floor
 * is what such a plan cannot do without: select, sort and cut in memory, and one upsert of as many rows. Judged is the
 * longest wave that there may be, of nine in ten; beside it stands one of a fifth, as of a strategy of five waves.
 */
import { eventually } from '@flotilla/testkit/eventually';
import { timeoutFor, type Bench } from '../bench/bench.ts';
import type { Measured, Row } from '../bench/row.ts';
import { atEachSize } from '../bench/sizes.ts';
import { clusterRows, unchecked } from '../hub/seed.ts';
import { settings, specOf, type World } from '../hub/world.ts';

/** 100 ms, and 50 ms, to the 44.7 ms that the floor took where the budgets were set. */
const planBudget = 100 / 44.7;
const advanceBudget = 50 / 44.7;

export const row: Row = {
  name: 'j',
  title: 'plan a rollout over many clusters',
  judgedFrom: 10_000,
  run: (bench) => atEachSize(bench.options.clusters, (clusters) => atSize(bench, clusters)),
};

interface Fleet {
  bench: Bench;
  world: World;
  clusters: number;
  /** Label that these clusters have and no others. */
  label: string;
}

/** Nine of ten come second, or a fifth of all: a share is of those that no wave before took. */
const tenth = { waves: [{ name: 'first', clusters: { percent: 10 } }] };
const fifths = { waves: [20, 25, 33, 50].map((percent) => ({ name: `${percent}`, clusters: { percent } })) };

async function atSize(bench: Bench, clusters: number): Promise<Measured[]> {
  const world = await bench.world();
  const label = `plan-${clusters}`;
  await unchecked(world, [clusterRows(clusters, `${label}-`, { plan: label })]);
  const { client } = world.hub();
  const spec = specOf({ plan: label });
  await client.applications.create({ name: label, spec: { ...spec, strategy: tenth } });
  await planned(world, clusters, null);
  await advanced(world, clusters);
  await completed(world, clusters);
  // A fleet comes by and by, and its tables are analyzed on the way: here it came all at once, a moment ago.
  await world.query('ANALYZE');
  await world.query('CREATE TABLE IF NOT EXISTS floor_plan (id uuid PRIMARY KEY, wave int, state jsonb)');
  const fleet = { bench, world, clusters, label };
  const rounds = await bench.rounds((round) => planOnce(fleet, 'j', round));
  const { version, spec: present } = await client.applications.get(label);
  await client.applications.replace(label, version, { ...present, strategy: fifths });
  const smaller = await bench.rounds((round) => planOnce(fleet, 'j-fifths', round));
  await client.applications.delete(label);
  const shared = { n: clusters, floors: rounds.map((r) => r.floorMs), unit: 'ms' };
  return [
    {
      ...shared,
      id: 'j1',
      what: 'plan and persist',
      ours: rounds.map((r) => r.planMs),
      budget: planBudget,
      aim: '≤ 100 ms',
    },
    {
      ...shared,
      id: 'j2',
      what: 'advance a wave of 90 %',
      ours: rounds.map((r) => r.advanceMs),
      budget: advanceBudget,
      aim: '≤ 50 ms',
    },
    {
      ...shared,
      id: 'j3',
      what: 'advance a wave of 20 %',
      floors: smaller.map((r) => r.floorMs),
      ours: smaller.map((r) => r.advanceMs),
      budget: null,
    },
  ];
}

async function planOnce({ bench, world, clusters, label }: Fleet, name: string, round: number) {
  const floorMs = await floor(world, label);
  const [before] = await world.query<{ id: string }>(
    'SELECT id FROM rollouts ORDER BY created_at DESC LIMIT 1',
  );
  await world.query(heardOf, [label]);
  await world.repository.commit({ files: { 'app/settings.yaml': settings(`${name} ${round}`) } });
  const work = async () => {
    await world.hub().client.repositories.refresh('config');
    const planMs = await planned(world, clusters, before?.id ?? null);
    const advanceMs = await advanced(world, clusters);
    return { planMs, advanceMs };
  };
  const ours = await bench.profiled(name, world, round, work);
  await completed(world, clusters);
  return { floorMs, ...ours };
}

/** The rollout's row has when its transaction began, its first event, which is never written again, when that was committed. */
async function planned(world: World, clusters: number, before: string | null): Promise<number> {
  const { ms } = await eventually(
    'the rollout is planned',
    async () => {
      const [planned] = await world.query<{ ms: number; targets: string }>(
        `SELECT (extract(epoch FROM pg_xact_commit_timestamp(e.xmin) - r.created_at) * 1000)::float8 AS ms,
                (SELECT count(*) FROM rollout_outcomes t WHERE t.rollout_id = r.id) AS targets
           FROM rollouts r JOIN rollout_events e ON e.rollout_id = r.id
          WHERE r.id IS DISTINCT FROM $1::uuid AND r.created_at = (SELECT max(created_at) FROM rollouts)
          ORDER BY e.at LIMIT 1`,
        [before],
      );
      return Number(planned?.targets) === clusters && planned !== undefined
        ? planned
        : ([false, planned] as const);
    },
    { timeoutMs: timeoutFor(clusters) },
  );
  return ms;
}

/**
 * The first wave is healthy by decree; then the tick that assigns the rest is the longest one. From the time at which it
 * opened the wave, which is the first thing that it reads, to its commit: when a target was assigned, which was measured
 * here before, comes only after everything was read and decided.
 */
async function advanced(world: World, clusters: number): Promise<number> {
  await eventually(
    'the first wave is assigned',
    async () => {
      const [wave] = await world.query<{ waiting: string }>(
        `SELECT count(*) AS waiting FROM rollout_outcomes
        WHERE wave = 0 AND assignment IS NULL AND rollout_id = (${newest})`,
      );
      return Number(wave?.waiting) === 0 ? true : ([false, wave] as const);
    },
    { timeoutMs: timeoutFor(clusters) },
  );
  await world.query(reportedHealthy);
  const { ms } = await eventually(
    'the second wave is assigned',
    async () => {
      const [step] = await world.query<{ ms: number }>(
        `SELECT extract(epoch FROM pg_xact_commit_timestamp(e.xmin))::float8 * 1000
                - (r.state->'waves'->1->'openedAtMs')::float8 AS ms
           FROM rollouts r JOIN rollout_events e ON e.rollout_id = r.id
          WHERE r.id = (${newest}) AND e.kind = 'WaveOpened' AND e.detail->>'wave' = r.state->'waves'->1->>'name'
            AND NOT EXISTS (SELECT 1 FROM rollout_outcomes w WHERE w.rollout_id = r.id AND w.wave = 1 AND w.assignment IS NULL)`,
      );
      return step ?? ([false, step] as const);
    },
    { timeoutMs: timeoutFor(clusters) },
  );
  return ms;
}

const newest = 'SELECT id FROM rollouts ORDER BY created_at DESC LIMIT 1';

/** Had there been agents, each would have said since the rollout before that it lives. */
const heardOf = `
  UPDATE clusters SET last_seen_at = now() + interval '1 hour' WHERE labels @> jsonb_build_object('plan', $1::text)`;

/** As ingest would have stored it, had there been agents. */
const reportedHealthy = `
  INSERT INTO target_observations (target_id, cluster_id, application_id, fence, seq, digest, assignment, revision_number,
         bundle, sync, health, health_since, operation_phase, state)
  SELECT t.id, t.cluster_id, t.application_id, 1, t.assignment, repeat('0', 64), t.assignment, t.revision_number, t.bundle,
         'Synced', 'Healthy', now(), 'Succeeded', jsonb_build_object('conditions', '[]'::jsonb, 'resources', '[]'::jsonb,
         'counts', '{"objects": 1, "outOfSync": 0, "pruneHeld": 0}'::jsonb,
         'operation', jsonb_build_object('assignment', t.assignment, 'phase', 'Succeeded', 'message', '', 'attempt', 1,
                                         'startedAt', now(), 'finishedAt', now()))
    FROM rollout_outcomes r JOIN targets t ON t.id = r.target_id WHERE r.assignment = t.assignment AND r.rollout_id = (${newest})
  ON CONFLICT (target_id) DO UPDATE SET seq = excluded.seq, assignment = excluded.assignment, state = excluded.state,
         revision_number = excluded.revision_number, bundle = excluded.bundle, health_since = excluded.health_since
   WHERE target_observations.assignment <> excluded.assignment`;

/** What is still under way would hold up the next rollout. */
async function completed(world: World, clusters: number): Promise<void> {
  await eventually(
    'the rollout is completed',
    async () => {
      await world.query(reportedHealthy);
      const [rollout] = await world.query<{ phase: string }>(
        `SELECT phase FROM rollouts WHERE id = (${newest})`,
      );
      return rollout?.phase === 'Completed' ? true : ([false, rollout] as const);
    },
    { timeoutMs: timeoutFor(clusters) },
  );
}

async function floor(world: World, label: string): Promise<number> {
  const client = await world.pool.connect();
  const startMs = performance.now();
  const { rows } = await client.query<{ id: string }>(
    `SELECT id FROM clusters WHERE labels @> jsonb_build_object('plan', $1::text)`,
    [label],
  );
  const ids = rows.map(({ id }) => id).toSorted();
  const waves = ids.map((_, index) => (index < ids.length / 10 ? 0 : 1));
  await client.query(
    `INSERT INTO floor_plan SELECT i, w, '{}' FROM unnest($1::uuid[], $2::int[]) AS r(i, w)
     ON CONFLICT (id) DO UPDATE SET wave = excluded.wave, state = excluded.state`,
    [ids, waves],
  );
  const ms = performance.now() - startMs;
  client.release();
  return ms;
}
