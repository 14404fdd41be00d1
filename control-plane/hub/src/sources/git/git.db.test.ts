import { randomUUID } from 'node:crypto';
import { symlinkSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';

import { decodeTree, type Tree } from '../trees.ts';
import { GitClient, GitError } from './client.ts';
import { startGitServer, type TestGitServer, type TestRepository } from './gitServer.fixture.ts';
import type { Look, Remote } from './messages.ts';

let server: TestGitServer;
let client: GitClient;

beforeAll(async () => {
  server = await startGitServer();
  client = new GitClient();
});

afterEach(() => {
  server.intercept = null;
});

afterAll(async () => {
  await client.close();
  await server.close();
});

let repositories = 0;

function makeRepository(files: Record<string, string>): {
  repository: TestRepository;
  remote: Remote;
  commit: string;
} {
  const name = `r${++repositories}`;
  const repository = server.makeRepository(name);
  const commit = repository.push(files);
  return {
    repository,
    commit,
    remote: { repositoryId: name, url: repository.url, credential: null, allow: ['127.0.0.1'] },
  };
}

async function lookAt(
  remote: Remote,
  ref: string,
  options: { paths?: string[]; have?: string; last?: string | null } = {},
): Promise<Look> {
  const [look] = await client.look(remote, [
    { ref, paths: options.paths ?? ['app'], have: options.have ?? null, last: options.last ?? null },
  ]);
  return look!;
}

function treeOf(look: Look, path = 'app'): Tree {
  const found = look.outcome === 'read' ? look.paths.find((read) => read.path === path) : undefined;
  if (found?.ok !== true) throw new Error(`not read: ${JSON.stringify(look)}`);
  return decodeTree(found.tree.frames.map(({ bytes }) => bytes));
}

test('a branch, an annotated tag and a commit are read; what has not moved costs one request', async () => {
  const { repository, remote, commit } = makeRepository({ 'app/a.yaml': 'a: 1\n' });
  repository.git('tag', '-a', 'v1', '-m', 'first');
  repository.git('push', '-q', 'origin', 'v1');
  const later = repository.push({ 'app/a.yaml': 'a: 2\n' });
  expect(await lookAt(remote, 'refs/tags/v1')).toMatchObject({
    outcome: 'read',
    commit,
    meta: { author: 'Ada', message: 'a change\n' },
  });
  expect(await lookAt(remote, commit)).toMatchObject({ outcome: 'read', commit });
  const branch = await lookAt(remote, 'refs/heads/main');
  expect(branch).toMatchObject({ outcome: 'read', commit: later });
  expect(treeOf(branch).files[0]?.bytes.toString()).toBe('a: 2\n');
  server.requests.length = 0;
  expect(await lookAt(remote, 'refs/heads/main', { have: later })).toEqual({
    ref: 'refs/heads/main',
    outcome: 'unchanged',
    commit: later,
  });
  expect(server.requests).toHaveLength(1);
});

test('a force-push to another history is followed', async () => {
  const { repository, remote } = makeRepository({ 'app/a.yaml': 'a: 1\n' });
  await lookAt(remote, 'refs/heads/main');
  repository.git('checkout', '-q', '--orphan', 'fresh');
  const forced = repository.push({ 'app/a.yaml': 'a: forced\n' }, { force: true });
  expect(await lookAt(remote, 'refs/heads/main')).toMatchObject({ outcome: 'read', commit: forced });
});

test('a commit on the last one continues it, an amended one and a step back rewrite it, also for a fresh cache', async () => {
  const { repository, remote, commit: first } = makeRepository({ 'app/a.yaml': 'a: 1\n' });
  const historyFrom = async (last: string | null): Promise<unknown> => {
    const told = await lookAt(remote, 'refs/heads/main', { last });
    const fresh = await lookAt({ ...remote, repositoryId: randomUUID() }, 'refs/heads/main', { last });
    expect(fresh).toMatchObject({ history: (told as { history?: unknown }).history });
    return (told as { history?: unknown }).history;
  };
  expect(await historyFrom(null)).toBe('first');
  const second = repository.push({ 'app/a.yaml': 'a: 2\n' });
  expect(await historyFrom(first)).toBe('continued');
  repository.git('reset', '-q', '--hard', 'HEAD~1');
  const amended = repository.push({ 'app/a.yaml': 'a: amended\n' }, { force: true });
  expect(await historyFrom(second)).toBe('rewritten');
  repository.git('reset', '-q', '--hard', 'HEAD~1');
  repository.git('push', '-q', '--force', 'origin', 'HEAD:main');
  expect(await historyFrom(amended)).toBe('rewritten');
});

test('a deleted branch is missing; others of the repository are read all the same', async () => {
  const { repository, remote } = makeRepository({ 'app/a.yaml': 'a: 1\n' });
  repository.push({}, { branch: 'other' });
  const looks = await client.look(remote, [
    { ref: 'refs/heads/gone', paths: ['app'], have: null, last: null },
    { ref: 'refs/heads/other', paths: ['app'], have: null, last: null },
  ]);
  expect(looks.map(({ outcome }) => outcome)).toEqual(['missing', 'read']);
});

test('a canary outside of the repository never shows, whatever links lead to it', async () => {
  const canary = join(tmpdir(), `flotilla-canary-${process.pid}.yaml`);
  writeFileSync(canary, 'the canary\n');
  const { repository, remote } = makeRepository({ 'app/a.yaml': 'a: 1\n' });
  mkdirSync(join(repository.dir, 'links'));
  symlinkSync(canary, join(repository.dir, 'app/absolute.yaml'));
  symlinkSync(`../../../../../../..${canary}`, join(repository.dir, 'app/relative.yaml'));
  symlinkSync(tmpdir(), join(repository.dir, 'links/folder'));
  symlinkSync('folder', join(repository.dir, 'links/chain'));
  repository.push({});
  const paths = ['app', 'links/folder', `links/chain/${canary.split('/').at(-1)}`];
  const look = await lookAt(remote, 'refs/heads/main', { paths });
  expect(treeOf(look)).toEqual({
    files: [{ path: 'a.yaml', bytes: Buffer.from('a: 1\n') }],
    links: [
      { path: 'absolute.yaml', link: 'symlink' },
      { path: 'relative.yaml', link: 'symlink' },
    ],
  });
  const reasons = look.outcome === 'read' ? look.paths.slice(1) : [];
  expect(reasons).toEqual([
    {
      path: paths[1],
      ok: false,
      reason: `the path '${paths[1]}' leads through a symlink, which is not followed`,
    },
    {
      path: paths[2],
      ok: false,
      reason: `the path '${paths[2]}' leads through a symlink, which is not followed`,
    },
  ]);
  expect(JSON.stringify(look)).not.toContain(Buffer.from('the canary').toString('base64').slice(0, 8));
});

test('a cache with flipped bits is thrown away and made anew', async () => {
  const { repository, remote } = makeRepository({ 'app/a.yaml': 'a: 1\n' });
  await lookAt(remote, 'refs/heads/main');
  const root = readdirSync(tmpdir()).find((name) => name.startsWith(`flotilla-sources-${process.pid}-`))!;
  const packs = join(tmpdir(), root, remote.repositoryId, 'objects/pack');
  for (const pack of readdirSync(packs)) writeFileSync(join(packs, pack), 'broken');
  const commit = repository.push({ 'app/a.yaml': 'a: 2\n' });
  const look = await lookAt(remote, 'refs/heads/main', { paths: ['app', '.'] });
  expect(look).toMatchObject({ outcome: 'read', commit });
  expect(treeOf(look).files[0]?.bytes.toString()).toBe('a: 2\n');
});

async function problemOf(remote: Remote): Promise<unknown> {
  return lookAt(remote, 'refs/heads/main').then(
    () => null,
    (error: unknown) => (error instanceof GitError ? error.problem : error),
  );
}

test('what is wrong with a server is said in words that help', async () => {
  const { remote } = makeRepository({ 'app/a.yaml': 'a: 1\n' });
  const answer = (status: number, headers: Record<string, string> = {}, body = ''): void => {
    server.intercept = (_request, response) => {
      response.writeHead(status, headers).end(body);
      return true;
    };
  };
  answer(401);
  expect(await problemOf(remote)).toEqual({
    kind: 'Unauthorized',
    message: 'the Git server refused the credential (HTTP 401)',
  });
  answer(500);
  expect(await problemOf(remote)).toMatchObject({
    kind: 'Unreachable',
    message: expect.stringContaining('HTTP 500'),
  });
  answer(200, { 'content-type': 'text/html' }, '<html>sign in</html>');
  expect(await problemOf(remote)).toMatchObject({ kind: 'NotARepository' });
  server.intercept = null;
  expect(await problemOf({ ...remote, url: `${server.url}/none.git` })).toMatchObject({
    kind: 'NotARepository',
    message: expect.stringContaining('404'),
  });
  expect(await problemOf({ ...remote, url: 'http://127.0.0.1:1/a.git' })).toMatchObject({
    kind: 'Unreachable',
  });
  expect(await problemOf({ ...remote, allow: [] })).toMatchObject({ kind: 'Refused' });
});

test('a server that hangs costs its own operation only', async () => {
  const { remote } = makeRepository({ 'app/a.yaml': 'a: 1\n' });
  const other = makeRepository({ 'app/a.yaml': 'a: 1\n' });
  server.intercept = (request) => request.url?.includes(remote.repositoryId) === true;
  const impatient = new GitClient({ operationTimeoutMs: 500, graceMs: 500 });
  const hanging = impatient.look(remote, [
    { ref: 'refs/heads/main', paths: ['app'], have: null, last: null },
  ]);
  const going = impatient.look(other.remote, [
    { ref: 'refs/heads/main', paths: ['app'], have: null, last: null },
  ]);
  // On a busy machine it may be over its time as well.
  const gone = going.catch((error: unknown) => error);
  await expect(hanging).rejects.toMatchObject({ problem: { kind: 'Timeout' } });
  expect(await gone).toBeDefined();
  server.intercept = null;
  expect(
    await impatient.look(remote, [{ ref: 'refs/heads/main', paths: ['app'], have: null, last: null }]),
  ).toMatchObject([{ outcome: 'read' }]);
  await impatient.close();
});
