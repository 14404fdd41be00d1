import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { Database } from '../platform/prisma.ts';
import { createTestDatabase, type TestDatabase } from '../platform/testDatabase.fixture.ts';
import { dropUnneeded } from './retention.store.ts';

let own: TestDatabase;
let database: Database;
const projectId = randomUUID();
const repositoryId = randomUUID();
const applicationId = randomUUID();
const clusterId = randomUUID();

beforeAll(async () => {
  own = await createTestDatabase();
  database = new Database(own.url, 4);
  const run = (sql: string, params: unknown[] = []) => database.query(sql, params);
  await run(`INSERT INTO projects (id, name, spec, data_key) VALUES ($1, 'p', '{}', '')`, [projectId]);
  await run(
    `INSERT INTO repositories (id, project_id, name, kind, url) VALUES ($1, $2, 'r', 'git', 'https://x')`,
    [repositoryId, projectId],
  );
  await run(`INSERT INTO clusters (id, name, project_id, state) VALUES ($1, 'c', $2, 'Active')`, [
    clusterId,
    projectId,
  ]);
  await run(
    `INSERT INTO applications (id, project_id, name, spec, revision_number) VALUES ($1, $2, 'a', '{}', 100)`,
    [applicationId, projectId],
  );
  // A hundred revisions of a tree and a bundle each; every frame is its own but one, which all share.
  for (let number = 1; number <= 100; number++) {
    const tree = randomUUID();
    await run(
      `INSERT INTO source_trees (id, repository_id, commit, path, digest, meta, frames, size_bytes, created_at)
       VALUES ($1, $2, $3, 'app', '', '{}', ARRAY['shared', 't' || $3], 1, now() - interval '2 days')`,
      [tree, repositoryId, String(number)],
    );
    await run(
      `WITH r AS (INSERT INTO revisions (application_id, number, key, sources, render_spec, meta, state)
         VALUES ($1, $2, '', jsonb_build_array(jsonb_build_object('tree', $3::text)), '{}', '{}', 'Ready') RETURNING id)
       INSERT INTO variants (revision_id, key, project_id, bundle, created_at) SELECT id, '', $4, 'b' || $2, now() - interval '2 days' FROM r`,
      [applicationId, number, tree, projectId],
    );
    await run(
      `INSERT INTO bundles (project_id, digest, index, key_version, size_bytes, objects, frames, created_at)
       VALUES ($1, 'b' || $2, '', 1, 1, 1, ARRAY['shared', 'f' || $2], now() - interval '2 days')`,
      [projectId, number],
    );
    await run(
      `INSERT INTO frames (project_id, digest, data, key_version, size_bytes, created_at)
       SELECT $1, d, '', 1, 1, now() - interval '2 days' FROM unnest(ARRAY['shared', 'f' || $2, 't' || $2]) AS d ON CONFLICT DO NOTHING`,
      [projectId, number],
    );
  }
});

afterAll(async () => {
  await database.close();
  await own[Symbol.asyncDispose]();
});

async function kept(sql: string): Promise<string[]> {
  const rows = await database.query<{ name: string }>(sql);
  return rows.map(({ name }) => name);
}

test('what a target holds, is entitled to, was healthy at or is pinned to is kept, and recent revisions; the rest goes', async () => {
  await database.query(
    `INSERT INTO targets (application_id, cluster_id, state, assignment, revision_number, bundle, entitled_revision, last_healthy_revision,
       pinned_revision, rollout_state)
     VALUES ($1, $2, 'Active', 1, 1, 'b1', 2, 3, 4, '{"healthy": [5, 6], "given": 7, "lane": {"revision": 8}}')`,
    [applicationId, clusterId],
  );
  await database.query(
    `INSERT INTO rollouts (application_id, revision_id, revision_number, kind, phase, strategy, created_by)
     SELECT $1, id, 9, 'forward', 'Running', '{}', 'x' FROM revisions WHERE application_id = $1 AND number = 9`,
    [applicationId],
  );
  await database.query(`UPDATE repository_refs SET commit = '10'`);
  await database.query(
    `INSERT INTO repository_refs (repository_id, ref, commit) VALUES ($1, 'refs/heads/main', '10')`,
    [repositoryId],
  );
  await database.query(`UPDATE frames SET created_at = now() WHERE digest = 'f11'`);
  await dropUnneeded(database, new AbortController().signal);
  const numbers = [1, 2, 3, 4, 5, 6, 7, 8, 9, ...Array.from({ length: 50 }, (_, at) => at + 51)].map(String);
  expect(await kept('SELECT substr(digest, 2) AS name FROM bundles ORDER BY substr(digest, 2)::int')).toEqual(
    numbers,
  );
  expect(await kept('SELECT commit AS name FROM source_trees ORDER BY commit::int')).toEqual([
    ...numbers.slice(0, 9),
    '10',
    ...numbers.slice(9),
  ]);
  expect(
    await kept(
      `SELECT substr(digest, 2) AS name FROM frames WHERE digest LIKE 'f%' ORDER BY substr(digest, 2)::int`,
    ),
  ).toEqual([...numbers.slice(0, 9), '11', ...numbers.slice(9)]);
  expect(await kept(`SELECT digest AS name FROM frames WHERE digest = 'shared'`)).toEqual(['shared']);
  expect(
    await kept(
      `SELECT error->>'message' AS name FROM variants WHERE bundle = 'b20' OR bundle IS NULL LIMIT 1`,
    ),
  ).toEqual(['its bundle is not kept any more']);
});

test('the last that a stage completed is kept, and what may go on to the next; the rest of them goes', async () => {
  const wanted =
    'SELECT substr(digest, 2) AS name FROM bundles WHERE digest ~ $1 ORDER BY substr(digest, 2)::int';
  await database.query(
    `INSERT INTO bundles (project_id, digest, key_version, size_bytes, objects, index, frames, created_at)
     SELECT project_id, 'b' || n, key_version, size_bytes, objects, index, '{}', created_at FROM bundles, generate_series(11, 15) AS n WHERE digest = 'b9'`,
  );
  await database.query(
    `UPDATE variants v SET bundle = 'b' || r.number, error = NULL FROM revisions r
     WHERE r.id = v.revision_id AND r.application_id = $1 AND r.number BETWEEN 11 AND 15`,
    [applicationId],
  );
  await database.query(
    `INSERT INTO rollouts (application_id, revision_id, revision_number, kind, phase, strategy, created_by, stage, closed_at)
     SELECT $1, id, number, 'forward', 'Completed', '{}', 'x', 'dev', now() + number * interval '1 s' FROM revisions
     WHERE application_id = $1 AND number IN (11, 12)`,
    [applicationId],
  );
  const stages = [
    { name: 'dev' },
    { name: 'production', soaking: { revision: 13 }, ready: { revision: 14 } },
  ];
  await database.query('UPDATE applications SET rollout_state = $2 WHERE id = $1', [
    applicationId,
    JSON.stringify({ stages }),
  ]);
  await dropUnneeded(database, new AbortController().signal);
  const rows = await database.query<{ name: string }>(wanted, ['^b1[1-5]$']);
  expect(rows.map(({ name }) => name)).toEqual(['12', '13', '14']);
});

test('running it again drops nothing more', async () => {
  const dropped = await dropUnneeded(database, new AbortController().signal);
  expect(Object.values(dropped).every((rows) => rows === 0)).toBe(true);
});
