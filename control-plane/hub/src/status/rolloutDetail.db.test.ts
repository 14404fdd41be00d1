import { randomUUID } from 'node:crypto';
import { tallyOf } from '@flotilla/domain/rollout/tally';
import type { OutcomeType, Rollout, TargetOutcome, WaveProgress } from '@flotilla/domain/rollout/state';
import { defaultStrategy, waveDefaults } from '@flotilla/domain/rollout/strategy';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Database } from '../platform/prisma.ts';
import { createTestDatabase, type TestDatabase } from '../platform/testDatabase.fixture.ts';
import { outcomeDetail, rolloutColumns } from '../rollouts/fleetRows.ts';
import { seedFleet } from './fleet.fixture.ts';
import { StatusReader } from './read.ts';
import { countOutcomes } from './rolloutDetail.store.ts';
import { tallyOfRows } from './rolloutDetail.ts';

let test: TestDatabase;
let database: Database;

beforeAll(async () => {
  test = await createTestDatabase();
  database = new Database(test.url, 4);
});

afterAll(async () => {
  await database.close();
  await test[Symbol.asyncDispose]();
});

const words: OutcomeType[] = [
  'Pending',
  'Assigned',
  'Progressing',
  'Soaking',
  'Succeeded',
  'Failed',
  'Deferred',
  'Skipped',
  'RolledBack',
  'Superseded',
];
const all = { events: 200, outcomes: 'true' } as const;
const waveNames = ['canary', 'emea', 'rest'];
const startedAtMs = Date.parse('2026-11-24T12:00:00Z');

/** The same numbers each time: what is drawn must not differ from run to run. */
function drawing(seed: number) {
  let state = seed;
  return (below: number): number => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * below);
  };
}

function outcomeOf(target: string, draw: (below: number) => number): TargetOutcome {
  const outcome = words[draw(words.length)] ?? 'Pending';
  const isAssigned = outcome !== 'Pending' && outcome !== 'Deferred' && outcome !== 'Skipped';
  const assignedAtMs = isAssigned ? startedAtMs + draw(60_000) : null;
  return {
    target,
    revision: 2,
    wave: draw(waveNames.length),
    outcome,
    reason: outcome === 'Failed' ? 'operation' : '',
    message: outcome === 'Failed' ? `admission webhook "policy" denied ${target}` : '',
    assignment: isAssigned ? 3 : null,
    assignedAtMs,
    echoedAtMs: null,
    soakedMs: draw(3) === 0 ? draw(5_000) : 0,
    healthyFromMs: assignedAtMs !== null && draw(4) > 0 ? assignedAtMs + draw(90_000) : null,
    finishedAtMs: outcome === 'Failed' ? startedAtMs + draw(100_000) : null,
    regressedAtMs: outcome === 'Succeeded' && draw(10) === 0 ? startedAtMs + draw(100_000) : null,
    givenBefore: 1,
  };
}

function rolloutOf(targetIds: readonly string[], draw: (below: number) => number): Rollout {
  const waves = waveNames.map((name, at): WaveProgress => {
    return { name, openedAtMs: at < 2 ? startedAtMs : null, approval: null, forgiven: 0, announced: '' };
  });
  return {
    id: randomUUID(),
    kind: 'forward',
    of: null,
    revision: 2,
    strategy: {
      ...defaultStrategy,
      waves: waveNames.map((name) => ({ ...waveDefaults, name, match: { type: 'rest' } })),
    },
    phase: 'Running',
    phaseReason: '',
    pausedBy: null,
    createdBy: 'automation',
    createdAtMs: startedAtMs,
    startedAtMs,
    closedAtMs: null,
    waves,
    outcomes: new Map(targetIds.map((id) => [id, outcomeOf(id, draw)])),
    carried: [],
    heldDrops: [],
  };
}

async function store(rollout: Rollout, applicationId: string, clusterIds: readonly string[]): Promise<void> {
  const revisionId = randomUUID();
  await database.query(
    `INSERT INTO revisions (id, application_id, number, key, sources, render_spec, meta, state) VALUES ($1, $2, $3, '', $4, '{}', $5, 'Ready')`,
    [
      revisionId,
      applicationId,
      rollout.revision,
      JSON.stringify([{ commit: 'c'.repeat(40) }]),
      JSON.stringify({ author: 'Ada <ada@x>', message: 'Use more replicas' }),
    ],
  );
  const row = rolloutColumns(rollout);
  await database.query(
    `INSERT INTO rollouts (id, application_id, revision_id, revision_number, kind, phase, strategy, state, created_by, started_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, now())`,
    [
      row.id,
      applicationId,
      revisionId,
      row.revisionNumber,
      row.kind,
      row.phase,
      JSON.stringify(row.strategy),
      JSON.stringify(row.state),
      row.createdBy,
    ],
  );
  const outcomes = [...rollout.outcomes.values()];
  await database.query(
    `INSERT INTO rollout_targets (rollout_id, target_id, cluster_id, wave, outcome, reason, assignment, state)
     SELECT $1, * FROM unnest($2::uuid[], $3::uuid[], $4::int[], $5::text[], $6::text[], $7::bigint[], $8::jsonb[])`,
    [
      rollout.id,
      outcomes.map(({ target }) => target),
      clusterIds,
      outcomes.map(({ wave }) => wave),
      outcomes.map(({ outcome }) => outcome),
      outcomes.map(({ reason }) => reason || null),
      outcomes.map(({ assignment }) => assignment),
      outcomes.map((outcome) => JSON.stringify(outcomeDetail(outcome))),
    ],
  );
}

async function stored(clusters: number, seed: number): Promise<Rollout> {
  const fleet = await seedFleet(database, { applications: 1, clusters });
  const rollout = rolloutOf(fleet.targetIds[0] ?? [], drawing(seed));
  await store(rollout, fleet.applicationIds[0] ?? '', fleet.clusterIds);
  return rollout;
}

it.each([
  [0, 1],
  [1, 2],
  [7, 3],
  [40, 4],
  [300, 5],
])('the database counts %i outcomes as domain/rollout does', async (clusters, seed) => {
  const rollout = await stored(clusters, seed);
  const counted = tallyOfRows(await countOutcomes(database, rollout.id), rollout.waves.length);
  expect(counted).toEqual(tallyOf(rollout));
});

it('a rollout shows its commit, every wave, what it waits for, the first failures and who was deferred', async () => {
  const rollout = await stored(300, 6);
  const outcomes = [...rollout.outcomes.values()];
  const failed = outcomes.filter(
    ({ outcome, regressedAtMs }) => outcome === 'Failed' || regressedAtMs !== null,
  );
  const shown = await new StatusReader(database).rollout(rollout.id, all);
  expect(shown).toMatchObject({
    revision: { number: 2, commit: 'c'.repeat(40), author: 'Ada <ada@x>', message: 'Use more replicas' },
    waves: [
      { wave: 0, name: 'canary', state: 'Running' },
      { wave: 1, name: 'emea', state: 'Running' },
      { wave: 2, name: 'rest', state: 'Waiting' },
    ],
    deferred: outcomes.filter(({ outcome }) => outcome === 'Deferred').length,
    estimatedEndAt: expect.any(String),
  });
  expect(shown.waitsFor).toMatch(/^wave canary: \d+ of \d+ in progress, \d+ of \d+ soaking until /);
  expect(shown.failures.total).toBe(failed.length);
  expect(Object.keys(shown.failures.reasons).toSorted()).toEqual(['degraded', 'operation']);
  const timesMs = failed
    .map(({ regressedAtMs, finishedAtMs }) => regressedAtMs ?? finishedAtMs ?? 0)
    .toSorted((a, b) => a - b);
  expect(shown.failures.first.map(({ at }) => Date.parse(at ?? ''))).toEqual(timesMs.slice(0, 10));
  expect(shown.failures.first[0]).toMatchObject({ cluster: expect.stringMatching(/^cluster-/) });
});

it('decisions come without what became of single targets where that is asked for', async () => {
  const rollout = await stored(1, 10);
  for (const [kind, at] of [
    ['Started', '12:00'],
    ['Outcome', '12:01'],
    ['Paused', '12:02'],
  ]) {
    await database.query(
      `INSERT INTO rollout_events (rollout_id, at, kind, message) VALUES ($1, $2::timestamptz, $3, '')`,
      [rollout.id, `2026-11-24 ${at}Z`, kind],
    );
  }
  const reader = new StatusReader(database);
  const kinds = async (query: { events: number; outcomes: 'true' | 'false' }) =>
    (await reader.rollout(rollout.id, query)).events.map(({ kind }) => kind);
  expect(await kinds(all)).toEqual(['Paused', 'Outcome', 'Started']);
  expect(await kinds({ events: 2, outcomes: 'false' })).toEqual(['Paused', 'Started']);
});

it('outcomes are counted once for everybody, until the rollout version rises', async () => {
  const rollout = await stored(3, 9);
  const reader = new StatusReader(database);
  const total = async () => {
    const { waves } = await reader.rollout(rollout.id, { events: 0, outcomes: 'true' });
    return waves.reduce((sum, wave) => sum + wave.total, 0);
  };
  expect(await total()).toBe(3);
  await database.query('DELETE FROM rollout_targets WHERE rollout_id = $1', [rollout.id]);
  expect(await total()).toBe(3);
  await database.query(
    `UPDATE applications SET rollout_version = rollout_version + 1
     WHERE id = (SELECT application_id FROM rollouts WHERE id = $1)`,
    [rollout.id],
  );
  expect(await total()).toBe(0);
});

it('a rollout over ten thousand targets is as small as one over three hundred', async () => {
  const reader = new StatusReader(database);
  const [small, large] = [await stored(300, 7), await stored(10_000, 8)];
  const sizeOf = async ({ id }: Rollout) =>
    JSON.stringify(await reader.rollout(id, { events: 10, outcomes: 'true' })).length;
  expect((await sizeOf(large)) / (await sizeOf(small))).toBeLessThan(1.1);
});
