/** What other fleet tools get wrong where a hub keeps rows, each trap by its name; `docs/traps.md` is the whole list. */
import { parseBody } from '@flotilla/domain/desired/parse';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { makeFleet } from '../labelledFleet.fixture.ts';
import { startGitServer, type TestGitServer } from '../sources/git/gitServer.fixture.ts';
import { eventually, startTestHub, type TestHub } from '../worker.fixture.ts';
import { assignedAt, configMap, makeWorld, type World } from '../world.fixture.ts';

/** One that people speak to, and one that does the work and can be taken away. */
let hub: TestHub;
let worker: TestHub;
let git: TestGitServer;

const files = { 'app/a.yaml': configMap('a', '1') };

beforeAll(async () => {
  git = await startGitServer();
  hub = await startTestHub(undefined, { roles: ['api'] });
  worker = await startTestHub(hub, { roles: ['worker'] });
});

afterAll(async () => {
  await worker?.[Symbol.asyncDispose]();
  await hub?.[Symbol.asyncDispose]();
  await git?.close();
});

/** Every agent has done what it was assigned. */
async function report({ applicationId }: Pick<World, 'applicationId'>): Promise<void> {
  await hub.rows(
    `INSERT INTO target_observations (target_id, cluster_id, application_id, fence, seq, digest, assignment, revision_number, bundle, sync, health, state)
     SELECT id, cluster_id, application_id, 1, 1, '', assignment, coalesce(revision_number, 0), coalesce(bundle, ''), 'Synced', 'Healthy',
       jsonb_build_object('operation', jsonb_build_object('assignment', assignment, 'phase', 'Succeeded', 'message', ''))
     FROM targets WHERE application_id = $1::uuid AND head IS NOT NULL
     ON CONFLICT (target_id) DO UPDATE SET assignment = excluded.assignment, revision_number = excluded.revision_number,
       bundle = excluded.bundle, state = excluded.state, seq = target_observations.seq + 1`,
    [applicationId],
  );
  hub.hint('rollout', applicationId);
}

async function completed(world: Pick<World, 'applicationId'>): Promise<void> {
  await eventually('a completed rollout', async () => {
    await report(world);
    const rollouts = await hub.rows<{ phase: string }>(
      'SELECT phase FROM rollouts WHERE application_id = $1::uuid ORDER BY created_at',
      [world.applicationId],
    );
    return rollouts.at(-1)?.phase === 'Completed';
  });
}

/** Its agent went silent a month ago. */
async function loseCluster(name: string): Promise<string> {
  const [row] = await hub.rows<{ id: string }>(
    `UPDATE clusters SET connected_at = now() - interval '60 days', last_seen_at = now() - interval '30 days',
       disconnected_at = now() - interval '30 days' WHERE name = $1 RETURNING id`,
    [name],
  );
  hub.hint('cluster', row!.id);
  return row!.id;
}

/** The worker has looked at the application, and at where it belongs, since this was called. */
async function looked({ applicationId }: Pick<World, 'applicationId'>): Promise<void> {
  await hub.rows(
    `UPDATE applications SET sync_request = '{"id": "look", "by": "test", "force": false, "clusters": []}'
    WHERE id = $1::uuid`,
    [applicationId],
  );
  hub.hint('application', applicationId);
  hub.hint('rollout', applicationId);
  await eventually('a look', async () => {
    const [row] = await hub.rows<{ asked: object | null }>(
      'SELECT sync_request AS asked FROM applications WHERE id = $1::uuid',
      [applicationId],
    );
    return row?.asked === null;
  });
}

describe('OCM', () => {
  test('an unreachable cluster leaves its placement and is uninstalled on return: placement knows nothing of connections', async () => {
    const world = await makeWorld({ hub, git }, files);
    await assignedAt(world, 1);
    await completed(world);
    const before = await world.targets();
    const lost = await loseCluster(`${world.name}-0`);
    await looked(world);
    await looked(world);
    const away = await world.targets();
    expect(away.map(({ state, assignment, head }) => [state, assignment, head])).toEqual(
      before.map(({ state, assignment, head }) => [state, assignment, head]),
    );
    const leaving = 'SELECT 1 FROM targets WHERE application_id = $1::uuid AND leaving_since IS NOT NULL';
    expect(await hub.rows(leaving, [world.applicationId])).toEqual([]);
    await world.push({ 'app/a.yaml': configMap('a', '2') });
    await eventually('the other one moved', async () => (await world.targets())[1]?.revision_number === 2);
    await hub.rows(
      `UPDATE clusters SET connected_at = now(), last_seen_at = now() + interval '1 day' WHERE id = $1::uuid`,
      [lost],
    );
    hub.hint('cluster', lost);
    await eventually('the rollout is over', async () => {
      await report(world);
      return (await world.targets())[0]?.revision_number === 2;
    });
    expect((await world.targets()).map(({ state }) => state)).toEqual(['Active', 'Active']);
  });
});

describe('Argo RollingSync', () => {
  test('auto-sync is forced off: in the middle of a rollout every entry says self-heal, also where its wave is still to come', async () => {
    const strategy = { waves: [{ name: 'first', clusters: { names: ['*-0'] } }] };
    const world = await makeFleet({ hub, git }, files, { strategy }, [{}, {}]);
    const selfHeal = `UPDATE applications SET spec = jsonb_set(spec, '{syncPolicy,selfHeal}', 'true') WHERE id = $1::uuid`;
    await hub.rows(selfHeal, [world.applicationId]);
    await eventually('revision 1 everywhere', async () => {
      await report(world);
      const targets = await world.targets();
      return targets.length === 2 && targets.every((target) => target.revision_number === 1);
    });
    await completed(world);
    world.repository.push({ 'app/a.yaml': configMap('a', '2') });
    await hub.api('POST', `/repositories/${world.name.replace('-fleet', '')}/refresh`);
    await eventually(
      'the first wave of the next',
      async () => (await world.targets())[0]?.revision_number === 2,
    );
    const targets = await world.targets();
    expect(targets.map((target) => [target.revision_number, target.state])).toEqual([
      [2, 'Active'],
      [1, 'Active'],
    ]);
    for (const { body_digest: digest } of targets) {
      const [body] = await hub.rows<{ data: Buffer }>('SELECT data FROM bodies WHERE digest = $1', [digest]);
      expect(parseBody(body!.data)).toMatchObject({ ok: true, value: { sync: { selfHeal: true } } });
    }
  });
});

describe('Argo CD', () => {
  test('deletion with the cluster gone drops finalizers silently: the application stays and names the cluster until it said so, or a person revoked it', async () => {
    const world = await makeWorld({ hub, git }, files);
    await assignedAt(world, 1);
    const lost = await loseCluster(`${world.name}-0`);
    const path = `/applications/${world.name}`;
    expect(await hub.api('DELETE', `${path}?mode=delete`)).toMatchObject({ status: 202 });
    await eventually('removing', async () =>
      (await world.targets()).every(({ state }) => state === 'Removing'),
    );
    await hub.rows(
      `INSERT INTO target_observations (target_id, cluster_id, application_id, fence, seq, digest, assignment, revision_number, bundle, sync, health, state, removal)
       SELECT id, cluster_id, application_id, 1, 1, '', assignment, 1, bundle, 'Synced', 'Healthy', '{}', 'Removed'
       FROM targets WHERE application_id = $1::uuid AND cluster_id <> $2::uuid`,
      [world.applicationId, lost],
    );
    hub.hint('rollout', world.applicationId);
    await eventually('the other one is gone', async () => (await world.targets()).length === 1);
    expect(await hub.api('GET', path)).toMatchObject({ status: 200, body: { removal: 'delete' } });
    const { body } = await hub.api('GET', `${path}/targets`);
    expect((body as { items: object[] }).items).toMatchObject([{ cluster: `${world.name}-0` }]);
    await hub.rows(`UPDATE clusters SET state = 'Revoked' WHERE id = $1::uuid`, [lost]);
    hub.hint('cluster', lost);
    hub.hint('rollout', world.applicationId);
    await eventually('it goes', async () => (await hub.api('GET', path)).status === 404);
    const [event] = await hub.rows<{ changes: unknown }>(
      `SELECT changes FROM audit_events WHERE action = 'application.removed' AND resource_id = $1`,
      [world.applicationId],
    );
    expect(event).toBeDefined();
  });

  test('the API collapses with thousands of applications: a page is bounded in items and in bytes, and the last is as near as the first', async () => {
    const world = await makeWorld({ hub, git }, files, {}, 0);
    await hub.rows(
      `INSERT INTO applications (id, project_id, name, spec)
       SELECT gen_random_uuid(), project_id, 'many-' || lpad(n::text, 5, '0'), spec
       FROM applications, generate_series(1, 6000) n WHERE id = $1::uuid`,
      [world.applicationId],
    );
    const first = await hub.api('GET', '/applications');
    const page = first.body as { items: object[]; next: string };
    expect(page.items).toHaveLength(100);
    expect(JSON.stringify(page).length).toBeLessThan(400_000);
    expect((await hub.api('GET', '/applications?limit=501')).status).toBe(400);
    let found = 0;
    for (let next: string | null = ''; next !== null;) {
      const cursor: string = next === '' ? '' : `&cursor=${encodeURIComponent(next)}`;
      const { body } = await hub.api('GET', `/applications?limit=500${cursor}`);
      const answer = body as { items: { name: string }[]; next: string | null };
      expect(answer.items.length).toBeLessThanOrEqual(500);
      found += answer.items.filter(({ name }) => name.startsWith('many-')).length;
      next = answer.next;
    }
    expect(found).toBe(6000);
    await hub.rows(`DELETE FROM applications WHERE name LIKE 'many-%'`);
  });
});

describe('argocd-agent', () => {
  test('sync requests are lost to coalescing: a request is a stored row, and two that come before anybody looked are both done', async () => {
    const world = await makeWorld({ hub, git }, files, {}, 3);
    await assignedAt(world, 1);
    await completed(world);
    await worker[Symbol.asyncDispose]();
    const ask = (cluster: number) =>
      hub.api('POST', `/applications/${world.name}/sync`, { clusters: [`${world.name}-${cluster}`] });
    expect(await ask(0)).toMatchObject({ status: 202 });
    expect(await ask(2)).toMatchObject({ status: 202 });
    worker = await startTestHub(hub, { roles: ['worker'] });
    await eventually('both are assigned anew', async () => {
      const assignments = (await world.targets()).map(({ assignment }) => assignment);
      return assignments.join() === '2,1,2';
    });
  });
});

describe('Flux', () => {
  test('no back-off on 429: a Git server that says so is left alone for its interval although a commit waits, and then asked again', async () => {
    const world = await makeWorld({ hub, git }, files);
    await assignedAt(world, 1);
    let asked = 0;
    git.intercept = (request, response) => {
      if (request.url?.includes(world.name) !== true) return false;
      asked += 1;
      response.writeHead(429).end();
      return true;
    };
    await world.push({ 'app/a.yaml': configMap('a', '2') });
    await eventually('the refusal is told', async () =>
      (await world.conditions()).some(({ message }) => message.endsWith('the Git server answered HTTP 429')),
    );
    const before = asked;
    // Every look of the polling loop finds that this one has been asked for, and has failed.
    const other = await makeWorld({ hub, git }, files);
    await assignedAt(other, 1);
    expect(asked).toBe(before);
    git.intercept = null;
    await hub.rows(`UPDATE repositories SET polled_at = now() - interval '1 day' WHERE id = $1::uuid`, [
      world.repositoryId,
    ]);
    hub.hint('repository', world.repositoryId);
    await assignedAt(world, 2);
  });
});
