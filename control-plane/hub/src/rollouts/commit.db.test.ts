import { parseBody, parseHead } from '@flotilla/domain/desired/parse';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { startGitServer, type TestGitServer, type TestRepository } from '../sources/git/gitServer.fixture.ts';
import { eventually, startTestHub, type TestHub } from '../worker.fixture.ts';

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

const secret = 'a shared secret of tests';

interface Target {
  id: string;
  state: string;
  assignment: bigint;
  revision_number: number | null;
  bundle: string | null;
  head: Buffer | null;
  body_digest: string | null;
  generation: bigint;
  cluster_generation: bigint;
}

interface World {
  name: string;
  repository: TestRepository;
  repositoryId: string;
  applicationId: string;
  push: (files: Record<string, string | null>, options?: { force?: boolean }) => Promise<string>;
  targets: () => Promise<Target[]>;
  conditions: () => Promise<{ type: string; message: string }[]>;
  revisions: () => Promise<{ number: number; state: string; error: { message: string } | null }[]>;
}

let worlds = 0;

async function makeWorld(files: Record<string, string>, spec: object = {}, clusters = 2): Promise<World> {
  const name = `world-${++worlds}`;
  const repository = git.makeRepository(name);
  repository.push(files);
  for (let at = 0; at < clusters; at++) await hub.makeCluster(`${name}-${at}`, { world: name });
  const created = await hub.api('POST', '/repositories', {
    name,
    url: repository.url,
    webhookSecret: secret,
    pollIntervalMs: 3_600_000,
  });
  expect(created).toMatchObject({ status: 201 });
  const repositoryId = (created.body as { id: string }).id;
  const application = await hub.api('POST', '/applications', {
    name,
    spec: {
      sources: [{ repository: name, ref: { branch: 'main' }, path: 'app' }],
      placement: { clusters: { selector: { matchLabels: { world: name } } } },
      destination: { namespace: 'web' },
      ...spec,
      syncPolicy: { automated: true, prune: true, ...(spec as { syncPolicy?: object }).syncPolicy },
    },
  });
  expect(application).toMatchObject({ status: 201 });
  const applicationId = (application.body as { id: string }).id;
  return {
    name,
    repository,
    repositoryId,
    applicationId,
    push: async (changed, options) => {
      const commit = repository.push(changed as Record<string, string>, options);
      expect(await hub.webhook(repositoryId, secret, '{}')).toMatchObject({ status: 202 });
      return commit;
    },
    targets: () =>
      hub.rows<Target>(
        `SELECT t.*, c.generation AS cluster_generation FROM targets t JOIN clusters c ON c.id = t.cluster_id
         WHERE application_id = $1::uuid ORDER BY c.name`,
        [applicationId],
      ),
    conditions: async () => {
      const [row] = await hub.rows<{ conditions: { type: string; message: string }[] }>(
        'SELECT conditions FROM applications WHERE id = $1::uuid',
        [applicationId],
      );
      return row?.conditions ?? [];
    },
    revisions: () =>
      hub.rows('SELECT number, state, error FROM revisions WHERE application_id = $1::uuid ORDER BY number', [
        applicationId,
      ]),
  };
}

function configMap(name: string, value: string): string {
  return `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\ndata:\n  value: "${value}"\n`;
}

/** All targets are assigned this revision. */
function assignedAt(world: World, revision: number): Promise<Target[]> {
  return eventually(`revision ${revision} on every target of ${world.name}`, async () => {
    const targets = await world.targets();
    return targets.length > 0 && targets.every((target) => target.revision_number === revision)
      ? targets
      : null;
  });
}

test('a push becomes a revision, a bundle and an assignment on every cluster, with rising generations', async () => {
  const world = await makeWorld({ 'app/a.yaml': configMap('a', '1') });
  const first = await assignedAt(world, 1);
  expect(first).toHaveLength(2);
  await world.push({ 'app/a.yaml': configMap('a', '2') });
  const second = await assignedAt(world, 2);
  for (const [at, target] of second.entries()) {
    const before = first[at]!;
    expect(target.assignment).toBe(before.assignment + 1n);
    expect(target.generation).toBeGreaterThan(before.generation);
    expect(target.bundle).not.toBe(before.bundle);
    const head = parseHead(target.head!);
    expect(head).toMatchObject({
      ok: true,
      value: {
        target: target.id,
        state: 'Active',
        revision: 2,
        assignment: Number(target.assignment),
        bundle: { digest: target.bundle },
      },
    });
    const [body] = await hub.rows<{ data: Buffer }>('SELECT data FROM bodies WHERE digest = $1', [
      target.body_digest,
    ]);
    expect(parseBody(body!.data)).toMatchObject({
      ok: true,
      value: {
        application: { name: world.name, project: 'default' },
        destinationNamespace: 'web',
        prune: { enabled: true },
      },
    });
  }
  const rollouts = await hub.rows<{ phase: string }>(
    'SELECT phase FROM rollouts WHERE application_id = $1::uuid ORDER BY created_at',
    [world.applicationId],
  );
  expect(rollouts.map(({ phase }) => phase)).toEqual(['Superseded', 'Running']);
});

test('an unchanged commit makes no revision and no assignment', async () => {
  const world = await makeWorld({ 'app/a.yaml': configMap('a', '1') });
  const before = await assignedAt(world, 1);
  expect(await hub.webhook(world.repositoryId, secret, '{}')).toMatchObject({ status: 202 });
  await eventually('the poll', async () => {
    const [row] = await hub.rows<{ done: boolean }>(
      'SELECT polled_seq = requested_seq AS done FROM repositories WHERE id = $1::uuid',
      [world.repositoryId],
    );
    return row?.done;
  });
  expect(await world.revisions()).toHaveLength(1);
  expect((await world.targets()).map(({ generation, assignment }) => ({ generation, assignment }))).toEqual(
    before.map(({ generation, assignment }) => ({ generation, assignment })),
  );
});

test('malformed YAML fails the revision where people look, and what is assigned stays', async () => {
  const world = await makeWorld({ 'app/a.yaml': configMap('a', '1') });
  const before = await assignedAt(world, 1);
  await world.push({ 'app/b.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: [b\n' });
  const condition = await eventually('a condition', async () =>
    (await world.conditions()).find(({ type }) => type === 'RenderError'),
  );
  expect(condition.message).toMatch(/^revision 2: app\/b\.yaml, document 1, line \d: /);
  expect((await world.revisions()).map(({ state }) => state)).toEqual(['Ready', 'Failed']);
  expect((await world.targets()).map(({ bundle }) => bundle)).toEqual(before.map(({ bundle }) => bundle));
  await world.push({ 'app/b.yaml': configMap('b', '1') });
  await assignedAt(world, 3);
  expect(await world.conditions()).toEqual([]);
});

test('duplicate objects fail the revision and name both places', async () => {
  const world = await makeWorld({ 'app/a.yaml': configMap('a', '1') });
  await assignedAt(world, 1);
  await world.push({ 'app/b.yaml': configMap('a', '2') });
  const condition = await eventually('a condition', async () =>
    (await world.conditions()).find(({ type }) => type === 'RenderError'),
  );
  expect(condition.message).toBe(
    'revision 2: app/b.yaml, document 1, line 1: ConfigMap a is there twice: also in app/a.yaml, document 1, line 1',
  );
});

test('an empty path is refused unless the spec allows it', async () => {
  const world = await makeWorld({ 'app/a.yaml': configMap('a', '1'), 'app/README.yaml': '# nothing\n' });
  const before = await assignedAt(world, 1);
  await world.push({ 'app/a.yaml': null });
  const condition = await eventually('a condition', async () =>
    (await world.conditions()).find(({ type }) => type === 'RenderError'),
  );
  expect(condition.message).toContain('has no manifests');
  expect((await world.targets()).map(({ bundle }) => bundle)).toEqual(before.map(({ bundle }) => bundle));
});

test('a deleted branch is told and changes nothing; a force-push is followed', async () => {
  const world = await makeWorld({ 'app/a.yaml': configMap('a', '1') });
  await assignedAt(world, 1);
  world.repository.git('checkout', '-q', '-b', 'other');
  world.repository.git('-C', world.repository.bareDir, 'symbolic-ref', 'HEAD', 'refs/heads/none');
  world.repository.git('push', '-q', 'origin', '--delete', 'main');
  expect(await hub.webhook(world.repositoryId, secret, '{}')).toMatchObject({ status: 202 });
  const condition = await eventually('a condition', async () =>
    (await world.conditions()).find(({ type }) => type === 'SourceError'),
  );
  expect(condition.message).toBe(`repository ${world.name}: the branch 'main' does not exist`);
  expect(
    (await world.targets()).every((target) => target.revision_number === 1 && target.state === 'Active'),
  ).toBe(true);
  world.repository.git('checkout', '-q', '--orphan', 'fresh');
  await world.push({ 'app/a.yaml': configMap('a', 'forced') }, { force: true });
  await assignedAt(world, 2);
  expect(await world.conditions()).toEqual([]);
});

test('a repository that is down is told, nothing moves, and it recovers', async () => {
  const world = await makeWorld({ 'app/a.yaml': configMap('a', '1') });
  await assignedAt(world, 1);
  git.intercept = (request, response) => {
    if (request.url?.includes(world.name) !== true) return false;
    response.writeHead(502).end();
    return true;
  };
  await world.push({ 'app/a.yaml': configMap('a', '2') });
  const condition = await eventually('a condition', async () =>
    (await world.conditions()).find(({ type }) => type === 'SourceError'),
  );
  expect(condition.message).toBe(`repository ${world.name}: the Git server answered HTTP 502`);
  const shown = await hub.api('GET', `/repositories/${world.name}`);
  expect(shown.body).toMatchObject({ error: 'the Git server answered HTTP 502' });
  expect((await world.targets()).every((target) => target.revision_number === 1)).toBe(true);
  git.intercept = null;
  expect(await hub.api('POST', `/repositories/${world.name}/refresh`)).toMatchObject({ status: 202 });
  await assignedAt(world, 2);
  expect(await world.conditions()).toEqual([]);
});

test('a forged, unsigned or repeated webhook asks for nothing', async () => {
  const world = await makeWorld({ 'app/a.yaml': configMap('a', '1') });
  await assignedAt(world, 1);
  const requested = async (): Promise<bigint> => {
    const [row] = await hub.rows<{ seq: bigint }>(
      'SELECT requested_seq AS seq FROM repositories WHERE id = $1::uuid',
      [world.repositoryId],
    );
    return row!.seq;
  };
  const before = await requested();
  const wrong = await hub.webhook(world.repositoryId, 'another secret of tests', '{}');
  const unsigned = await hub.webhook(world.repositoryId, secret, '{}', { 'x-hub-signature-256': '' });
  const unknown = await hub.webhook('00000000-0000-4000-8000-000000000000', secret, '{}');
  for (const answer of [wrong, unsigned, unknown])
    expect(answer).toMatchObject({ status: 401, body: { code: 'unauthenticated' } });
  const other = await hub.webhook(
    world.repositoryId,
    secret,
    JSON.stringify({ repository: { clone_url: 'https://example.com/some/other.git' } }),
  );
  expect(other).toMatchObject({ status: 202, body: { accepted: false } });
  expect(await requested()).toBe(before);
  const delivery = { 'x-github-delivery': 'one' };
  await hub.webhook(world.repositoryId, secret, '{}', delivery);
  await hub.webhook(world.repositoryId, secret, '{}', delivery);
  expect(await requested()).toBe(before + 1n);
});

test('neither credential nor secret ever comes back', async () => {
  const world = await makeWorld({ 'app/a.yaml': configMap('a', '1') });
  const canary = 'canary-of-a-credential';
  const patched = await hub.api('PATCH', `/repositories/${world.name}`, { credential: { token: canary } });
  expect(patched).toMatchObject({ status: 200, body: { hasCredential: true, hasWebhookSecret: true } });
  await eventually('the poll with it', () =>
    Promise.resolve(git.requests.some(({ authorization }) => authorization !== undefined)),
  );
  const seen = JSON.stringify([
    patched,
    await hub.api('GET', '/repositories?limit=500'),
    await hub.rows('SELECT changes, reason FROM audit_events'),
    (
      await hub.rows<{ credential: Buffer }>(
        'SELECT credential FROM repositories WHERE credential IS NOT NULL',
      )
    ).map(({ credential }) => credential.toString('latin1')),
  ]);
  expect(seen).not.toContain(canary);
  expect(seen).not.toContain(secret);
});

test('manual sync waits for a person, and sync now starts it', async () => {
  const world = await makeWorld({ 'app/a.yaml': configMap('a', '1') }, { syncPolicy: { automated: false } });
  await eventually('a waiting rollout', async () => {
    const [row] = await hub.rows<{ phase: string }>(
      'SELECT phase FROM rollouts WHERE application_id = $1::uuid',
      [world.applicationId],
    );
    return row?.phase === 'AwaitingSync';
  });
  expect((await world.targets()).map(({ state }) => state)).toEqual(['Unassigned', 'Unassigned']);
  expect(await hub.api('POST', `/applications/${world.name}/sync`, {})).toMatchObject({
    status: 202,
    body: { action: 'StartedRollout' },
  });
  const [first] = await assignedAt(world, 1);
  await hub.rows(
    `INSERT INTO target_observations (target_id, cluster_id, application_id, fence, seq, digest, assignment, revision_number, bundle, sync, health, state)
     SELECT id, cluster_id, application_id, 1, 1, '', assignment, 1, bundle, 'Synced', 'Healthy',
       jsonb_build_object('operation', jsonb_build_object('assignment', assignment, 'phase', 'Succeeded', 'message', ''))
     FROM targets WHERE application_id = $1::uuid`,
    [world.applicationId],
  );
  await eventually('a completed rollout', async () => {
    const [row] = await hub.rows<{ phase: string }>(
      'SELECT phase FROM rollouts WHERE application_id = $1::uuid',
      [world.applicationId],
    );
    return row?.phase === 'Completed';
  });
  expect(await hub.api('POST', `/applications/${world.name}/sync`, { force: true })).toMatchObject({
    status: 202,
    body: { action: 'Reapplied' },
  });
  const again = await eventually('another assignment', async () => {
    const targets = await world.targets();
    return targets.every(({ assignment }) => assignment === first!.assignment + 1n) ? targets : null;
  });
  const head = parseHead(again[0]!.head!);
  expect(head).toMatchObject({ ok: true, value: { operation: { force: true } } });
});

test('a joining cluster is assigned what belongs there; a leaving one keeps it through its grace and is then removed', async () => {
  const world = await makeWorld(
    { 'app/a.yaml': configMap('a', '1') },
    { syncPolicy: { graceMs: 500, onUnplace: 'delete' } },
    1,
  );
  await assignedAt(world, 1);
  const joiner = await hub.makeCluster(`${world.name}-joiner`, { world: world.name });
  const [target] = await eventually('the joiner', async () => {
    const rows = await hub.rows<Target>(
      'SELECT * FROM targets WHERE cluster_id = $1::uuid AND revision_number = 1',
      [joiner],
    );
    return rows.length === 1 ? rows : null;
  });
  await hub.rows(`UPDATE clusters SET labels = '{}' WHERE id = $1::uuid`, [joiner]);
  hub.hint('cluster', joiner);
  const [leaving] = await eventually('leaving', async () => {
    const rows = await hub.rows<Target & { leaving_since: Date | null }>(
      'SELECT * FROM targets WHERE id = $1::uuid',
      [target!.id],
    );
    return rows[0]?.leaving_since !== null ? rows : null;
  });
  expect(leaving!.state).toBe('Active');
  const removing = await eventually('removing', async () => {
    const [row] = await hub.rows<Target>(`SELECT * FROM targets WHERE id = $1::uuid AND state = 'Removing'`, [
      target!.id,
    ]);
    return row;
  });
  expect(parseHead(removing.head!)).toMatchObject({
    ok: true,
    value: { state: 'Removing', removal: 'delete', assignment: Number(target!.assignment) + 1 },
  });
  await hub.rows(
    `INSERT INTO target_observations (target_id, cluster_id, application_id, fence, seq, digest, assignment, revision_number, bundle, sync, health, state, removal)
     SELECT id, cluster_id, application_id, 1, 1, '', assignment, 1, bundle, 'Synced', 'Healthy', '{}', 'Removed' FROM targets WHERE id = $1::uuid`,
    [target!.id],
  );
  hub.hint('rollout', world.applicationId);
  await eventually(
    'the row to go',
    async () => (await hub.rows('SELECT id FROM targets WHERE id = $1::uuid', [target!.id])).length === 0,
  );
});

test('a hint that is lost costs a scan, not the commit', async () => {
  const world = await makeWorld({ 'app/a.yaml': configMap('a', '1') });
  await assignedAt(world, 1);
  world.repository.push({ 'app/a.yaml': configMap('a', '2') });
  await hub.rows('UPDATE repositories SET requested_seq = requested_seq + 1 WHERE id = $1::uuid', [
    world.repositoryId,
  ]);
  await assignedAt(world, 2);
});

test('a revision that drops most objects waits for a person, once for the fleet', async () => {
  const files = Object.fromEntries(
    Array.from({ length: 12 }, (_, at) => [`app/${at}.yaml`, configMap(`c${at}`, '1')]),
  );
  const world = await makeWorld(files);
  await assignedAt(world, 1);
  await hub.rows(
    `INSERT INTO target_observations (target_id, cluster_id, application_id, fence, seq, digest, assignment, revision_number, bundle, sync, health, state)
     SELECT id, cluster_id, application_id, 1, 1, '', assignment, 1, bundle, 'Synced', 'Healthy', '{}' FROM targets WHERE application_id = $1::uuid`,
    [world.applicationId],
  );
  await world.push(Object.fromEntries(Array.from({ length: 11 }, (_, at) => [`app/${at}.yaml`, null])));
  const events = await eventually('the question', async () => {
    const rows = await hub.rows<{ message: string }>(
      `SELECT e.message FROM rollout_events e JOIN rollouts r ON r.id = e.rollout_id WHERE r.application_id = $1::uuid AND e.kind = 'DropHeld'`,
      [world.applicationId],
    );
    return rows.length > 0 ? rows : null;
  });
  expect(events).toEqual([{ message: 'revision 2 drops 11 of 12 objects and waits for confirmation' }]);
  expect((await world.targets()).map((target) => target.revision_number)).toEqual([1, 1]);
  expect(await world.conditions()).toEqual([
    { type: 'DropHeld', message: 'revision 2 drops 11 of 12 objects: confirm it, or push what mends it' },
  ]);
  const act = (body: object) => hub.api('POST', `/applications/${world.name}/rollout`, body);
  expect(await act({ action: 'confirmDrop', revision: 1 })).toMatchObject({ status: 409 });
  expect(await act({ action: 'confirmDrop', revision: 2 })).toMatchObject({ status: 202 });
  const [confirmed] = await assignedAt(world, 2);
  expect(parseHead(confirmed!.head!)).toMatchObject({ ok: true, value: { deletesMax: 11 } });
  expect(await world.conditions()).toEqual([]);
});

test('targets that leave together are held until a person confirms', async () => {
  const world = await makeWorld({ 'app/a.yaml': configMap('a', '1') }, { syncPolicy: { graceMs: 0 } }, 4);
  await assignedAt(world, 1);
  const application = await hub.api('GET', `/applications/${world.name}`);
  const { spec } = application.body as { spec: { placement: object } };
  const narrowed = { ...spec, placement: { clusters: { names: [`${world.name}-0`] } } };
  const put = await hub.api('PUT', `/applications/${world.name}`, { spec: narrowed }, { 'if-match': '*' });
  expect(put).toMatchObject({ status: 200 });
  await eventually('the question', async () =>
    (await world.conditions()).some(({ message }) => message.startsWith('3 of 4 targets would leave')),
  );
  expect((await world.targets()).every(({ state }) => state === 'Active')).toBe(true);
  const act = (body: object) => hub.api('POST', `/applications/${world.name}/rollout`, body);
  expect(await act({ action: 'confirmLeaving' })).toMatchObject({ status: 202 });
  await eventually('removing', async () => {
    const states = (await world.targets()).map(({ state }) => state);
    return states.filter((state) => state === 'Removing').length === 3;
  });
  expect(await world.conditions()).toEqual([]);
  expect(await act({ action: 'confirmLeaving' })).toMatchObject({ status: 409 });
});

test('a person pauses, resumes, pins and rolls back', async () => {
  const world = await makeWorld({ 'app/a.yaml': configMap('a', '1') });
  await assignedAt(world, 1);
  const observeAll = () =>
    hub.rows(
      `INSERT INTO target_observations AS o (target_id, cluster_id, application_id, fence, seq, digest, assignment, revision_number, bundle, sync, health, state)
       SELECT id, cluster_id, application_id, 1, 1, '', assignment, revision_number, bundle, 'Synced', 'Healthy',
         jsonb_build_object('operation', jsonb_build_object('assignment', assignment, 'phase', 'Succeeded', 'message', ''))
       FROM targets WHERE application_id = $1::uuid
       ON CONFLICT (target_id) DO UPDATE SET assignment = excluded.assignment, revision_number = excluded.revision_number,
         bundle = excluded.bundle, state = excluded.state, seq = o.seq + 1`,
      [world.applicationId],
    );
  const phases = () =>
    hub.rows<{ kind: string; phase: string }>(
      'SELECT kind, phase FROM rollouts WHERE application_id = $1::uuid ORDER BY created_at, started_at',
      [world.applicationId],
    );
  const act = (body: object) => hub.api('POST', `/applications/${world.name}/rollout`, body);
  const completed = (count: number) =>
    eventually(`${count} completed`, async () => {
      await observeAll();
      hub.hint('rollout', world.applicationId);
      return (await phases()).filter(({ phase }) => phase === 'Completed').length === count;
    });
  await completed(1);
  expect(await act({ action: 'pause', reason: 'lunch' })).toMatchObject({ status: 409 });
  await world.push({ 'app/a.yaml': configMap('a', '2') });
  await assignedAt(world, 2);
  expect(await act({ action: 'pause', reason: 'lunch' })).toMatchObject({ status: 202 });
  expect((await phases()).map(({ phase }) => phase)).toEqual(['Completed', 'Paused']);
  expect(await act({ action: 'resume' })).toMatchObject({ status: 202 });
  await completed(2);
  expect(await act({ action: 'rollback', reason: 'worse than before' })).toMatchObject({ status: 202 });
  await assignedAt(world, 1);
  expect((await world.revisions()).map(({ state }) => state)).toEqual(['Ready', 'Rejected']);
  const first = `${world.name}-0`;
  expect(await act({ action: 'pin', cluster: first, revision: 2, reason: 'a trial' })).toMatchObject({
    status: 202,
  });
  await eventually('the pinned one', async () => {
    await observeAll();
    hub.hint('rollout', world.applicationId);
    return (await world.targets()).map((target) => target.revision_number).join() === '2,1';
  });
  expect(await act({ action: 'pin', cluster: 'nowhere', revision: 2 })).toMatchObject({ status: 422 });
});

test('two workers at once make one revision, one rollout and one assignment of a push', async () => {
  const other = await startTestHub(hub);
  try {
    const world = await makeWorld({ 'app/a.yaml': configMap('a', '1') });
    await assignedAt(world, 1);
    for (let revision = 2; revision <= 6; revision++) {
      await world.push({ 'app/a.yaml': configMap('a', String(revision)) });
      const targets = await assignedAt(world, revision);
      expect(targets.map(({ assignment }) => assignment)).toEqual([BigInt(revision), BigInt(revision)]);
    }
    expect((await world.revisions()).map(({ number }) => number)).toEqual([1, 2, 3, 4, 5, 6]);
    const rollouts = await hub.rows<{ revision_number: number }>(
      'SELECT revision_number FROM rollouts WHERE application_id = $1::uuid ORDER BY revision_number',
      [world.applicationId],
    );
    expect(rollouts.map(({ revision_number: number }) => number)).toEqual([1, 2, 3, 4, 5, 6]);
  } finally {
    await other[Symbol.asyncDispose]();
  }
});

test('an application that is deleted goes when its last target has said so', async () => {
  const world = await makeWorld({ 'app/a.yaml': configMap('a', '1') });
  await assignedAt(world, 1);
  expect(await hub.api('DELETE', `/applications/${world.name}?mode=delete`)).toMatchObject({ status: 202 });
  await eventually('removing', async () =>
    (await world.targets()).every(({ state }) => state === 'Removing'),
  );
  await hub.rows(
    `INSERT INTO target_observations (target_id, cluster_id, application_id, fence, seq, digest, assignment, revision_number, bundle, sync, health, state, removal)
     SELECT id, cluster_id, application_id, 1, 1, '', assignment, 1, bundle, 'Synced', 'Healthy', '{}', 'Removed' FROM targets WHERE application_id = $1::uuid`,
    [world.applicationId],
  );
  await eventually(
    'the application to go',
    async () =>
      (await hub.rows('SELECT id FROM applications WHERE id = $1::uuid', [world.applicationId])).length === 0,
  );
  expect((await hub.api('GET', `/applications/${world.name}`)).status).toBe(404);
});
