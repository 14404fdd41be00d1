import { mkdtemp, readFile, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { fakeHub, flotilla, type Answers } from './hub.fixture.ts';
import { application, page, target } from './resources.fixture.ts';

const problem = (status: number, more: object = {}) => ({
  status,
  body: { title: 'no', status, code: 'x', ...more },
});

async function codeOf(args: string[], answers: Answers): Promise<number> {
  await using hub = await fakeHub(answers);
  return (await flotilla(args, hub)).code;
}

describe('exit codes', () => {
  it('0 when it is done', async () => {
    expect(await codeOf(['app', 'list'], { 'GET /applications': { body: page([]) } })).toBe(0);
    expect((await flotilla(['--help'])).code).toBe(0);
    expect((await flotilla(['--version'])).stdout).toBe('0.1.0\n');
  });

  it('1 when the hub fails or cannot be reached', async () => {
    expect(await codeOf(['app', 'list'], { 'GET /applications': problem(500) })).toBe(1);
    expect((await flotilla(['app', 'list'], { url: 'http://127.0.0.1:1' })).code).toBe(1);
  });

  it('4 when there is none, with what was looked for and where to look', async () => {
    await using hub = await fakeHub({
      'GET /applications/nope': problem(404, { title: 'no such application' }),
    });
    const { code, stderr, stdout } = await flotilla(['app', 'get', 'nope'], hub);
    expect([code, stdout]).toEqual([4, '']);
    expect(stderr).toBe('error: no such application\n  looked for "nope"; see: flotilla app list\n');
  });

  it.each([401, 403])('5 when it is not allowed (%i)', async (status) => {
    expect(await codeOf(['app', 'list'], { 'GET /applications': problem(status) })).toBe(5);
  });

  it.each([
    [['nonsense']],
    [['app', 'list', '--nonsense']],
    [['app', 'get']],
    [['app', 'list', '-o', 'xml']],
    [['app', 'wait', 'web', '--timeout', 'soon']],
    [['app', 'delete', 'web', '--mode', 'burn']],
    [['token', 'create', '--label', 'novalue']],
    [['app', 'create', 'web', '--repo', 'config']],
    [['app', 'create', 'web', '--repo', 'config', '--tag', 'a', '--branch', 'b', '--all-clusters']],
    [['app', 'list', '--context', 'unknown']],
  ])('64 for a command line that is wrong: %j', async (args) => {
    await using hub = await fakeHub({});
    const { code, stderr, stdout } = await flotilla(args, hub);
    expect([code, stdout, hub.requests]).toEqual([64, '', []]);
    expect(stderr).not.toBe('');
  });

  it.each([
    ['Good', 0],
    ['Tampered', 2],
    ['Incomplete', 3],
  ])('of an audit chain that is %s: %i', async (result, code) => {
    const body = { result, checked: 3, unsealed: 0, firstBadSeq: null, message: 'so it is' };
    expect(await codeOf(['audit', 'verify'], { 'GET /audit-events/verify': { body } })).toBe(code);
  });
});

describe('app wait', () => {
  const wait = async (app: object, targets: unknown[], ...args: string[]) => {
    await using hub = await fakeHub({
      'GET /applications/web': { body: application(app as never) },
      'GET /applications/web/targets': { body: page(targets) },
    });
    return await flotilla(['app', 'wait', 'web', '--timeout', '100ms', ...args], { ...hub, ticking: true });
  };

  it('ends with 0 when every target is Synced and Healthy at the newest revision', async () => {
    const { code, stdout } = await wait({}, [target()]);
    expect([code, stdout]).toEqual([0, 'web: 1 targets Synced and Healthy at revision 2\n']);
  });

  it.each([
    [{ health: 'Progressing' }],
    [{ sync: 'OutOfSync' }],
    [{ sync: 'Unknown', health: 'Unknown', live: false }],
    [{ observedRevision: 1 }],
  ])('ends with 6 when time is up and a target is %j', async (change) => {
    expect((await wait({}, [target(), target(change as never)])).code).toBe(6);
  });

  it('does not take an application without targets or of another commit for well', async () => {
    expect((await wait({}, [])).code).toBe(6);
    expect((await wait({}, [target()], '--commit', 'ddd')).code).toBe(6);
    expect((await wait({}, [target()], '--commit', 'ccc')).code).toBe(0);
  });

  it('ends with 2, at once, when the revision does not render or its rollout was halted', async () => {
    const revision = { ...application().revision, state: 'Failed' };
    const conditions = [{ type: 'RenderError', message: 'a.yaml:3: bad' }];
    const failed = await wait({ revision, conditions }, [target()], '--timeout', '60s');
    expect([failed.code, failed.stdout]).toEqual([2, 'web: RenderError: a.yaml:3: bad\n']);
    const rollout = { id: 'r', revisionNumber: 2, kind: 'forward', phase: 'Paused', phaseReason: 'failures' };
    expect((await wait({ rollout }, [target({ health: 'Degraded' })], '--timeout', '60s')).code).toBe(2);
  });
});

it('app sync --wait takes only what was reported of the new assignment', async () => {
  let assignment = 3;
  let looks = 0;
  await using hub = await fakeHub({
    'GET /applications/web': { body: application() },
    'GET /applications/web/targets': () => {
      if (++looks === 3) assignment = 4;
      return { body: page([target({ assignment, observedAssignment: assignment })]) };
    },
    'POST /applications/web/sync': {
      status: 202,
      body: { application: 'web', action: 'Reapplied', revisionNumber: 2, targets: 1 },
    },
  });
  const { code } = await flotilla(['app', 'sync', 'web', '--wait'], { ...hub, ticking: true });
  expect([code, looks]).toEqual([0, 3]);
});

describe('rollout', () => {
  const result = { body: { application: 'web', action: 'x', stage: '', events: ['paused by me: too slow'] } };

  it.each([
    [['pause', 'web', '--reason', 'too slow'], { action: 'pause', reason: 'too slow' }],
    [['resume', 'web'], { action: 'resume' }],
    [['start', 'web', '--revision', '3'], { action: 'start', revision: 3 }],
    [['retry', 'web', '--cluster', 'eu-1'], { action: 'retry', cluster: 'eu-1' }],
  ])('sends %j', async (args, body) => {
    await using hub = await fakeHub({ 'POST /applications/web/rollout': result });
    const { code, stdout } = await flotilla(['rollout', ...args], hub);
    expect([code, stdout]).toEqual([0, 'paused by me: too slow\n']);
    expect(hub.requests[0]?.body).toEqual(body);
  });

  it('asks for what a verb needs before it asks the hub', async () => {
    await using hub = await fakeHub({});
    expect((await flotilla(['rollout', 'start', 'web'], hub)).code).toBe(64);
    expect(hub.requests).toEqual([]);
  });
});

describe('login', () => {
  const whoami = { body: { kind: 'token', id: 'x', name: 'me', role: 'admin' } };

  it('keeps a token that the hub knows, in a file that only its owner reads, and later commands use it', async () => {
    await using hub = await fakeHub({ 'GET /whoami': whoami, 'GET /applications': { body: page([]) } });
    const configHome = await mkdtemp(join(tmpdir(), 'flotilla-cli-'));
    const args = ['login', '--url', hub.url, '--token-file', '-', '--name', 'local'];
    const { code, stdout } = await flotilla(args, { configHome, stdin: 'secret\n' });
    expect([code, stdout]).toEqual([0, '']);
    expect((await stat(join(configHome, 'config.json'))).mode & 0o777).toBe(0o600);
    expect((await flotilla(['app', 'list'], { configHome })).code).toBe(0);
    expect(hub.requests.at(-1)?.headers['authorization']).toBe('Bearer secret');
    expect((await flotilla(['context', 'list'], { configHome })).stdout).toContain('*   local');
  });

  it('keeps nothing when the hub refuses', async () => {
    await using hub = await fakeHub({ 'GET /whoami': problem(401) });
    const configHome = await mkdtemp(join(tmpdir(), 'flotilla-cli-'));
    expect((await flotilla(['login', '--url', hub.url, '--token', 'x'], { configHome })).code).toBe(5);
    await expect(readFile(join(configHome, 'config.json'))).rejects.toThrow();
  });

  it('yields to flags and the environment, each value for itself', async () => {
    await using hub = await fakeHub({ 'GET /whoami': whoami, 'GET /applications': { body: page([]) } });
    const configHome = await mkdtemp(join(tmpdir(), 'flotilla-cli-'));
    await flotilla(['login', '--url', hub.url, '--token', 'of-context'], { configHome });
    const tokenOf = async (args: string[], token?: string) => {
      await flotilla(['app', 'list', ...args], { configHome, ...(token === undefined ? {} : { token }) });
      return hub.requests.at(-1)?.headers['authorization'];
    };
    expect(await tokenOf([])).toBe('Bearer of-context');
    expect(await tokenOf([], 'of-environment')).toBe('Bearer of-environment');
    expect(await tokenOf(['--token', 'of-flag'], 'of-environment')).toBe('Bearer of-flag');
  });
});

describe('app create', () => {
  it('makes a spec from flags', async () => {
    await using hub = await fakeHub({ 'POST /applications': (body) => ({ status: 201, body }) });
    const flags = [
      '--repo',
      'config',
      '--path',
      'web',
      '--tag',
      'v1',
      '--selector',
      'env=prod',
      '--automated',
    ];
    await flotilla(['app', 'create', 'web', ...flags], hub);
    expect(hub.requests[0]?.body).toMatchObject({
      name: 'web',
      spec: {
        sources: [{ repository: 'config', ref: { tag: 'v1' }, path: 'web' }],
        placement: { clusters: { selector: { matchLabels: { env: 'prod' } } } },
        destination: { namespace: 'web' },
        syncPolicy: { automated: true, prune: false },
      },
    });
  });

  it('takes a spec from a file, and shows every field that the hub refuses', async () => {
    await using hub = await fakeHub({
      'POST /applications': problem(400, {
        detail: 'bad spec',
        issues: [{ path: 'spec.sources', message: 'is empty' }],
      }),
    });
    const file = join(await mkdtemp(join(tmpdir(), 'flotilla-cli-')), 'app.yaml');
    await writeFile(file, 'spec:\n  sources: []\n');
    const { code, stderr } = await flotilla(['app', 'create', 'web', '-f', file], hub);
    expect([code, stderr]).toEqual([1, 'error: bad spec\n  spec.sources: is empty\n']);
    expect(hub.requests[0]?.body).toEqual({ name: 'web', spec: { sources: [] } });
  });
});

it('prints a manifest that pins the CA and runs the agent without privileges', async () => {
  await using hub = await fakeHub({
    'POST /registration-tokens': {
      status: 201,
      body: { token: 'flt_reg_x', caSha256: 'ab', expiresAt: 'soon', maxUses: 1 },
    },
  });
  const { stdout } = await flotilla(
    ['agent', 'manifest', '--cluster', 'eu', '--hub-url', 'https://hub'],
    hub,
  );
  const objects = parseAllDocuments(stdout).map((document) => document.toJS() as { kind: string });
  expect(objects.map(({ kind }) => kind)).toEqual([
    'Namespace',
    'ServiceAccount',
    'ClusterRole',
    'ClusterRoleBinding',
    'Secret',
    'PersistentVolumeClaim',
    'Deployment',
  ]);
  expect(stdout).toContain('AGENT_HUB_CA_SHA256\n              value: ab');
  expect(stdout).toContain('readOnlyRootFilesystem: true');
  expect(hub.requests[0]?.body).toMatchObject({ clusterName: 'eu' });
});
