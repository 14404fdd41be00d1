/** A commit that changes nothing an application reads is a revision of its own, and is not rendered. */
import { afterAll, beforeAll, expect, test } from 'vitest';

import { startGitServer, type TestGitServer } from '../sources/git/gitServer.fixture.ts';
import { eventually, startTestHub, type TestHub } from '../worker.fixture.ts';
import { configMap, makeWorld } from '../world.fixture.ts';

let hub: TestHub;
let git: TestGitServer;

beforeAll(async () => {
  git = await startGitServer();
  hub = await startTestHub();
});

afterAll(async () => {
  await hub[Symbol.asyncDispose]();
  await git.close();
});

interface Variant {
  number: number;
  bundle: string;
  objects: number;
  /** Number of the revision whose bundle it got; null: it was rendered. */
  sameAs: number | null;
}

function variantAt(applicationId: string, number: number): Promise<Variant> {
  return eventually(`revision ${number} is ready`, async () => {
    const [row] = await hub.rows<Omit<Variant, 'sameAs'> & { changes: { path: string; value: number }[] }>(
      `SELECT r.number, v.bundle, v.objects, e.changes
       FROM revisions r JOIN variants v ON v.revision_id = r.id
       JOIN audit_events e ON e.resource_id = r.id::text AND e.action = 'revision.render'
       WHERE r.application_id = $1::uuid AND r.number = $2 AND r.state = 'Ready'`,
      [applicationId, number],
    );
    if (row === undefined) return undefined;
    const { changes, ...variant } = row;
    return { ...variant, sameAs: changes.find(({ path }) => path === '/sameAs')?.value ?? null };
  });
}

test('the same files are the bundle of before, other files are rendered, and what was before the last is rendered again', async () => {
  const world = await makeWorld({ hub, git }, { 'app/a.yaml': configMap('a', '1') });
  const first = await variantAt(world.applicationId, 1);
  await world.push({ 'elsewhere/b.yaml': configMap('b', '1') });
  const second = await variantAt(world.applicationId, 2);
  expect(second).toEqual({ ...first, number: 2, sameAs: 1 });
  await world.push({ 'app/a.yaml': configMap('a', '2') });
  const third = await variantAt(world.applicationId, 3);
  expect(third.sameAs).toBe(null);
  expect(third.bundle).not.toBe(first.bundle);
  await world.push({ 'app/a.yaml': configMap('a', '1') });
  expect(await variantAt(world.applicationId, 4)).toEqual({ ...first, number: 4, sameAs: null });
});

test('a bundle that retention took is rendered again', async () => {
  const world = await makeWorld({ hub, git }, { 'app/a.yaml': configMap('gone', '1') });
  const { bundle } = await variantAt(world.applicationId, 1);
  await hub.rows('DELETE FROM bundles WHERE digest = $1', [bundle]);
  await world.push({ 'elsewhere/b.yaml': configMap('b', '1') });
  expect(await variantAt(world.applicationId, 2)).toMatchObject({ bundle, sameAs: null });
  expect(await hub.rows('SELECT 1 FROM bundles WHERE digest = $1', [bundle])).toHaveLength(1);
});
