import { parseBody, parseHead } from '@flotilla/domain/desired/parse';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { startGitServer, type TestGitServer } from '../sources/git/gitServer.fixture.ts';
import { eventually, startTestHub, type TestHub } from '../worker.fixture.ts';
import { supersededByRecovery } from './recovered.ts';
import { assignedAt, configMap, makeWorld, secret } from '../world.fixture.ts';

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

test('a push becomes a revision, a bundle and an assignment on every cluster, with rising generations', async () => {
  const world = await makeWorld({ hub, git }, { 'app/a.yaml': configMap('a', '1') });
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

test('a hub that is recovering goes on making revisions, and assigns none of them until it has recovered', async () => {
  const world = await makeWorld({ hub, git }, { 'app/a.yaml': configMap('a', '1') });
  await assignedAt(world, 1);
  await hub.rows('UPDATE hub SET recovering = true');
  await world.push({ 'app/a.yaml': configMap('a', '2') });
  await eventually('the revision is rendered', async () =>
    (await world.revisions()).some(({ number, state }) => number === 2 && state === 'Ready'),
  );
  expect((await world.targets()).map((target) => target.revision_number)).toEqual([1, 1]);
  await hub.rows('UPDATE hub SET recovering = false');
  hub.hint('rollout', world.applicationId);
  await assignedAt(world, 2);
});

test('a revision whose rollout a recovery closed on its way is rolled out anew', async () => {
  const world = await makeWorld({ hub, git }, { 'app/a.yaml': configMap('a', '1') });
  const [before] = await assignedAt(world, 1);
  const phases = () =>
    hub.rows(
      'SELECT phase, revision_number FROM rollouts WHERE application_id = $1::uuid ORDER BY created_at',
      [world.applicationId],
    );
  await hub.rows(
    `UPDATE rollouts SET phase = 'Superseded', phase_reason = $2, closed_at = now() WHERE application_id = $1::uuid`,
    [world.applicationId, supersededByRecovery],
  );
  hub.hint('rollout', world.applicationId);
  await eventually('the next assignment', async () =>
    (await world.targets()).every(({ assignment }) => assignment === before!.assignment + 1n),
  );
  expect(await phases()).toEqual([
    { phase: 'Superseded', revision_number: 1 },
    { phase: 'Running', revision_number: 1 },
  ]);
});

test('what a wave did to many targets is one event that names each with its assignment, and is shown with their number', async () => {
  const world = await makeWorld({ hub, git }, { 'app/a.yaml': configMap('a', '1') }, {}, 3);
  const targets = await assignedAt(world, 1);
  const [event, ...more] = await hub.rows<{ rollout_id: string; targets: string[]; assignments: bigint[] }>(
    `SELECT e.rollout_id, e.targets, e.assignments FROM rollout_events e JOIN rollouts r ON r.id = e.rollout_id
     WHERE r.application_id = $1::uuid AND e.message = 'Assigned'`,
    [world.applicationId],
  );
  expect(more).toEqual([]);
  expect(event!.targets.toSorted()).toEqual(targets.map(({ id }) => id).toSorted());
  expect(event!.assignments).toEqual([1n, 1n, 1n]);
  const { body } = await hub.api('GET', `/rollouts/${event!.rollout_id}`);
  expect((body as { events: object[] }).events).toContainEqual(
    expect.objectContaining({
      kind: 'Outcome',
      message: 'Assigned, 3 targets',
      detail: expect.objectContaining({ outcome: 'Assigned', targets: 3 }) as object,
    }),
  );
});

test('an unchanged commit makes no revision and no assignment', async () => {
  const world = await makeWorld({ hub, git }, { 'app/a.yaml': configMap('a', '1') });
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
  const world = await makeWorld({ hub, git }, { 'app/a.yaml': configMap('a', '1') });
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
  const world = await makeWorld({ hub, git }, { 'app/a.yaml': configMap('a', '1') });
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
  const world = await makeWorld(
    { hub, git },
    { 'app/a.yaml': configMap('a', '1'), 'app/README.yaml': '# nothing\n' },
  );
  const before = await assignedAt(world, 1);
  await world.push({ 'app/a.yaml': null });
  const condition = await eventually('a condition', async () =>
    (await world.conditions()).find(({ type }) => type === 'RenderError'),
  );
  expect(condition.message).toContain('has no manifests');
  expect((await world.targets()).map(({ bundle }) => bundle)).toEqual(before.map(({ bundle }) => bundle));
});

test('a deleted branch is told and changes nothing; one that comes back with another history is followed', async () => {
  const world = await makeWorld({ hub, git }, { 'app/a.yaml': configMap('a', '1') });
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
});

test('a force-push is followed and told: which branch, from where to where, until the next commit', async () => {
  const world = await makeWorld({ hub, git }, { 'app/a.yaml': configMap('a', '1') });
  await assignedAt(world, 1);
  const from = await world.push({ 'app/a.yaml': configMap('a', '2') });
  await assignedAt(world, 2);
  expect(await world.conditions()).toEqual([]);
  world.repository.git('reset', '-q', '--hard', 'HEAD~1');
  const to = await world.push({ 'app/a.yaml': configMap('a', 'amended') }, { force: true });
  await assignedAt(world, 3);
  const text = `branch 'main' was rewritten from ${from.slice(0, 12)} to ${to.slice(0, 12)}`;
  expect(await world.conditions()).toEqual([
    { type: 'SourceRewritten', message: `repository ${world.name}: ${text}` },
  ]);
  expect((await hub.api('GET', `/repositories/${world.name}`)).body).toMatchObject({
    error: null,
    refs: [{ ref: 'refs/heads/main', commit: to, rewritten: { from, to } }],
  });
  await world.push({ 'app/a.yaml': configMap('a', '4') });
  await assignedAt(world, 4);
  expect(await world.conditions()).toEqual([]);
  const events = await hub.rows<{ reason: object; changes: unknown }>(
    `SELECT reason, changes FROM audit_events WHERE action = 'repository.rewritten' AND resource_id = $1`,
    [world.repositoryId],
  );
  expect(events).toMatchObject([{ reason: { ref: 'refs/heads/main' } }]);
  expect(JSON.stringify(events[0]?.changes)).toContain(to);
});

test('a repository that is down is told, nothing moves, and it recovers', async () => {
  const world = await makeWorld({ hub, git }, { 'app/a.yaml': configMap('a', '1') });
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
  const world = await makeWorld({ hub, git }, { 'app/a.yaml': configMap('a', '1') });
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
  const world = await makeWorld({ hub, git }, { 'app/a.yaml': configMap('a', '1') });
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

test('a hint that is lost costs a scan, not the commit', async () => {
  const world = await makeWorld({ hub, git }, { 'app/a.yaml': configMap('a', '1') });
  await assignedAt(world, 1);
  world.repository.push({ 'app/a.yaml': configMap('a', '2') });
  await hub.rows('UPDATE repositories SET requested_seq = requested_seq + 1 WHERE id = $1::uuid', [
    world.repositoryId,
  ]);
  await assignedAt(world, 2);
});

test('two workers at once make one revision, one rollout and one assignment of a push', async () => {
  const other = await startTestHub(hub);
  try {
    const world = await makeWorld({ hub, git }, { 'app/a.yaml': configMap('a', '1') });
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
