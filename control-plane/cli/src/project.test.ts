import { expect, it } from 'vitest';
import { fakeHub, flotilla } from './hub.fixture.ts';
import { page } from './resources.fixture.ts';

const project = {
  id: '01a20ed4-b48b-7590-aa57-a4597c73eb71',
  name: 'team-a',
  spec: {
    allowed: { namespaces: ['a-*'], clusterKinds: [], namespacedKindsDenied: ['Secret'] },
    syncWindows: [
      {
        kind: 'deny',
        schedule: '0 22 * * 5',
        duration: '60h',
        timeZone: 'Europe/Berlin',
        manualSync: true,
        applications: ['*'],
        namespaces: ['shop'],
        clusters: { selector: {} },
      },
    ],
    strategies: { careful: { soak: '30m' } },
  },
  version: 4,
  createdAt: '2026-11-24T14:50:00Z',
};

it('shows projects, and what their applications may write', async () => {
  await using hub = await fakeHub({ 'GET /projects': { body: page([project]) } });
  const { stdout, code } = await flotilla(['project', 'list'], hub);
  expect(code).toBe(0);
  expect(stdout).toMatchInlineSnapshot(`
    "NAME     NAMESPACES   CLUSTER KINDS   DENIED KINDS   AGE
    team-a   a-*          none            Secret         10m
    "
  `);
});

it('shows one project', async () => {
  await using hub = await fakeHub({ 'GET /projects/team-a': { body: project } });
  expect((await flotilla(['project', 'get', 'team-a'], hub)).stdout).toMatchInlineSnapshot(`
    "Name:           team-a
    Version:        4
    Namespaces:     a-*
    Cluster kinds:  none
    Denied kinds:   Secret
    Strategy:       careful: {"soak":"30m"}
    Sync window:    deny from 0 22 * * 5 for 60h (Europe/Berlin); namespaces shop; a person may pass
    "
  `);
  const json = await flotilla(['project', 'get', 'team-a', '-o', 'json'], hub);
  expect(JSON.parse(json.stdout)).toEqual(project);
});

it('replaces the lists that are given, with an empty value for none, and only the version that was named', async () => {
  await using hub = await fakeHub({ 'PATCH /projects/team-a': { body: project } });
  const flags = [
    '--allow-namespace',
    'a-*',
    '--allow-namespace',
    'b',
    '--deny-kind',
    '',
    '--if-version',
    '3',
  ];
  const { code } = await flotilla(['project', 'set', 'team-a', ...flags], hub);
  expect(code).toBe(0);
  expect(hub.requests).toMatchObject([
    {
      body: { spec: { allowed: { namespaces: ['a-*', 'b'], namespacedKindsDenied: [] } } },
      headers: { 'if-match': '"3"' },
    },
  ]);
});

it('replaces the sync windows by those of a file, and refuses a file that holds no list', async () => {
  await using hub = await fakeHub({ 'PATCH /projects/team-a': { body: project } });
  const list = '- kind: allow\n  schedule: 0 8 * * 1-5\n  duration: 9h\n';
  const { code } = await flotilla(['project', 'set', 'team-a', '--sync-windows', '-'], {
    ...hub,
    stdin: list,
  });
  expect(code).toBe(0);
  const windows = [{ kind: 'allow', schedule: '0 8 * * 1-5', duration: '9h' }];
  expect(hub.requests).toMatchObject([{ body: { spec: { syncWindows: windows } } }]);
  const single = await flotilla(['project', 'set', 'team-a', '--sync-windows', '-'], {
    ...hub,
    stdin: 'kind: allow\n',
  });
  expect(single).toMatchObject({ code: 64, stderr: expect.stringContaining('not a list of sync windows') });
});

it('says what to give when nothing is to be set, and what to do when it was changed meanwhile', async () => {
  await using hub = await fakeHub({
    'PATCH /projects/team-a': { status: 412, body: { title: 'it was changed', status: 412 } },
  });
  const nothing = await flotilla(['project', 'set', 'team-a'], hub);
  expect(nothing).toMatchObject({ code: 64, stderr: expect.stringContaining('give --allow-namespace') });
  const late = await flotilla(
    ['project', 'set', 'team-a', '--allow-namespace', 'x', '--if-version', '1'],
    hub,
  );
  expect(late).toMatchObject({ code: 1, stderr: expect.stringContaining('read it again') });
});

it('replaces the strategies by those of a file, and refuses a file that holds no map', async () => {
  await using hub = await fakeHub({ 'PATCH /projects/team-a': { body: project } });
  const written = { ...hub, stdin: 'careful:\n  soak: 30m\n' };
  expect((await flotilla(['project', 'set', 'team-a', '--strategies', '-'], written)).code).toBe(0);
  expect(hub.requests).toMatchObject([{ body: { spec: { strategies: { careful: { soak: '30m' } } } } }]);
  const list = await flotilla(['project', 'set', 'team-a', '--strategies', '-'], { ...hub, stdin: '- a\n' });
  expect(list.code).toBe(64);
  expect(list.stderr).toContain('is not a map of strategies');
});
