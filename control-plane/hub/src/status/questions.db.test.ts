import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Database } from '../platform/prisma.ts';
import { createTestDatabase, type TestDatabase } from '../platform/testDatabase.fixture.ts';
import { seedFleet, type SeededFleet } from './fleet.fixture.ts';
import { Questions } from './questions.ts';
import { StatusReader } from './read.ts';

let test: TestDatabase;
let database: Database;
let questions: Questions;

beforeAll(async () => {
  test = await createTestDatabase();
  database = new Database(test.url, 4);
  questions = new Questions(database, new StatusReader(database));
});

afterAll(async () => {
  await database.close();
  await test[Symbol.asyncDispose]();
});

const atMs = Date.parse('2026-11-24T12:00:00Z');

function drop(revision: number, dropped: number, total: number, sinceMs = atMs) {
  return { revision, dropped, total, sinceMs };
}

async function holdInRollout(applicationId: string, phase: string, ...heldDrops: object[]): Promise<void> {
  const revisionId = randomUUID();
  await database.query(
    `INSERT INTO revisions (id, application_id, number, key, sources, render_spec, meta, state)
     VALUES ($1, $2, 7, '', '[{"commit": "3fa9c1d0"}]', '{}', '{"author": "Ada", "message": "Remove old services"}', 'Ready')`,
    [revisionId, applicationId],
  );
  await database.query(
    `INSERT INTO rollouts (application_id, revision_id, revision_number, kind, phase, strategy, state, created_by)
     VALUES ($1, $2, 7, 'forward', $3, '{}', $4, 'automation')`,
    [applicationId, revisionId, phase, JSON.stringify({ heldDrops })],
  );
}

async function holdInLane(applicationId: string, ...laneDrops: object[]): Promise<void> {
  await database.query('UPDATE applications SET rollout_state = $2 WHERE id = $1', [
    applicationId,
    JSON.stringify({ laneDrops }),
  ]);
}

async function holdLeaving(fleet: SeededFleet, application: number, count: number): Promise<void> {
  const id = fleet.applicationIds[application];
  await database.query(`UPDATE applications SET conditions = '[{"type": "LeavingHeld"}]' WHERE id = $1`, [
    id,
  ]);
  await database.query(
    `UPDATE targets SET leaving_held = true, leaving_since = '2026-11-24T12:00:00Z' WHERE id = ANY($1)`,
    [fleet.targetIds[application]?.slice(0, count)],
  );
}

async function asked(fleet: SeededFleet, application = 0) {
  const applicationId = fleet.applicationIds[application] ?? '';
  const { items } = await questions.list({ application: applicationId, limit: 100 });
  return items.map(({ kind, revision, count, of }) => [kind, revision?.number ?? null, count, of]);
}

it('a revision that is held in a rollout and in the lane is one question, with its commit', async () => {
  const fleet = await seedFleet(database, { applications: 1, clusters: 1 });
  const id = fleet.applicationIds[0] ?? '';
  await holdInRollout(id, 'Running', drop(7, 11, 12));
  await holdInLane(id, drop(7, 11, 12, atMs + 1), drop(6, 3, 5));
  const { items } = await questions.list({ application: id, limit: 100 });
  expect(items).toMatchObject([
    { kind: 'drop', revision: { number: 6, commit: '' }, count: 3, of: 5 },
    {
      kind: 'drop',
      revision: { number: 7, commit: '3fa9c1d0', author: 'Ada', message: 'Remove old services' },
      count: 11,
      of: 12,
      removal: null,
      since: '2026-11-24T12:00:00.000Z',
      message: 'revision 7 drops 11 of 12 objects',
    },
  ]);
});

it('of a rollout that is over nothing is asked any more, nor of an application that is being removed', async () => {
  const fleet = await seedFleet(database, { applications: 2, clusters: 1 });
  const [first = '', second = ''] = fleet.applicationIds;
  await holdInRollout(first, 'Superseded', drop(7, 11, 12));
  await holdInLane(second, drop(7, 11, 12));
  await database.query(`UPDATE applications SET removal = 'orphan' WHERE id = $1`, [second]);
  expect(await asked(fleet, 0)).toEqual([]);
  expect(await asked(fleet, 1)).toEqual([]);
});

it('what nobody can count is not counted', async () => {
  const fleet = await seedFleet(database, { applications: 1, clusters: 1 });
  await holdInLane(fleet.applicationIds[0] ?? '', drop(7, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER));
  expect(await asked(fleet)).toEqual([['drop', 7, null, null]]);
});

it('targets that leave are asked about until a person has answered for them', async () => {
  const fleet = await seedFleet(database, { applications: 1, clusters: 20 });
  await holdLeaving(fleet, 0, 12);
  const { items } = await questions.list({ application: fleet.applicationIds[0], limit: 100 });
  expect(items).toMatchObject([{ kind: 'leaving', count: 12, of: 20, removal: 'orphan' }]);
  expect(items[0]?.clusters).toHaveLength(10);
  await database.query(`UPDATE applications SET leave_confirmed_at = '2026-11-24T12:00:01Z' WHERE id = $1`, [
    fleet.applicationIds[0],
  ]);
  expect(await asked(fleet)).toEqual([]);
});

it('questions come page by page, each once', async () => {
  const fleet = await seedFleet(database, { applications: 4, clusters: 10 });
  for (const [at, id] of fleet.applicationIds.entries()) {
    await holdInLane(id, drop(7, 11, 12), drop(8, 11, 12));
    if (at % 2 === 0) await holdLeaving(fleet, at, 5);
  }
  const mine = new Set(fleet.applicationIds);
  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await questions.list({ limit: 3, ...(cursor === undefined ? {} : { cursor }) });
    expect(page.items.length).toBeLessThanOrEqual(3);
    for (const { applicationId, kind, message } of page.items)
      if (mine.has(applicationId)) seen.push(`${applicationId} ${kind} ${message}`);
    cursor = page.next ?? undefined;
  } while (cursor !== undefined);
  expect(seen).toHaveLength(10);
  expect(new Set(seen).size).toBe(10);
});
