import type { Question } from '@flotilla/client/rollouts';
import { expect, it } from 'vitest';
import { fakeHub, flotilla, type RunOptions } from './hub.fixture.ts';
import { page } from './resources.fixture.ts';

const drop: Question = {
  application: 'web',
  applicationId: '00000000-0000-4000-8000-0000000000a1',
  project: 'default',
  kind: 'drop',
  revision: {
    number: 43,
    state: 'Ready',
    commit: '3fa9c1d09a7b',
    message: 'Remove old services\n\nlong',
    author: 'Ada <a@b>',
  },
  count: 11,
  of: 12,
  removal: null,
  clusters: [],
  since: '2026-11-24T14:55:00Z',
  message: 'revision 43 drops 11 of 12 objects',
};
const leaving: Question = {
  ...drop,
  kind: 'leaving',
  revision: null,
  count: 12,
  of: 40,
  removal: 'delete',
  clusters: ['eu-1', 'eu-2'],
  message: '12 of 40 targets left the placement',
};

async function confirm(questions: Question[], args: string[] = [], options: RunOptions = {}) {
  await using hub = await fakeHub({
    'GET /questions': { body: page(questions) },
    'POST /applications/web/rollout': (body) => ({
      status: 202,
      body: { application: 'web', action: 'x', stage: '', events: [`Confirmed: ${JSON.stringify(body)}`] },
    }),
  });
  const ran = await flotilla(['confirm', ...args], { ...hub, ...options });
  return {
    ...ran,
    posted: hub.requests.filter(({ route }) => route.startsWith('POST')).map(({ body }) => body),
  };
}

it('lists what waits for a person, over all applications', async () => {
  expect((await confirm([drop, leaving])).stdout).toMatchInlineSnapshot(`
    "APPLICATION   PROJECT   QUESTION                              COMMIT     ASKED    ANSWER
    web           default   revision 43 drops 11 of 12 objects    3fa9c1d0   5m ago   flotilla confirm web
    web           default   12 of 40 targets left the placement   -          5m ago   flotilla confirm web
    "
  `);
  expect((await confirm([{ ...drop, project: 'team' }])).stdout).toContain(
    'flotilla confirm web --project team\n',
  );
  expect((await confirm([])).stdout).toBe('nothing waits for a person\n');
});

it('shows the numbers, asks, and answers for what was shown', async () => {
  const { code, stderr, stdout, posted } = await confirm([drop], ['web'], { isAsked: true, stdin: 'y\n' });
  expect([code, posted]).toEqual([0, [{ action: 'confirmDrop', revision: 43 }]]);
  expect(stdout).toBe('Confirmed: {"action":"confirmDrop","revision":43}\n');
  expect(stderr).toMatchInlineSnapshot(`
    "web: revision 43 drops 11 of 12 objects, asked 5m ago
      3fa9c1d0 Remove old services, by Ada
      yes: what the revision no longer has is deleted, on every cluster that gets it
    Confirm? [y/N] "
  `);
});

it('names the clusters that targets leave, and what becomes of their objects', async () => {
  const { posted, stderr } = await confirm([leaving], ['web', '--yes']);
  expect(posted).toEqual([{ action: 'confirmLeaving', targets: 12 }]);
  expect(stderr).toMatchInlineSnapshot(`
    "web: 12 of 40 targets left the placement, asked 5m ago
      eu-1, eu-2 and 10 more
      yes: the application and its objects are deleted there
    "
  `);
});

it('asks once for the clusters that rebuilt their inventory', async () => {
  const rebuilt: Question = {
    ...leaving,
    kind: 'inventory',
    removal: null,
    count: 2,
    clusters: ['eu-1', 'eu-2'],
    message: '2 of 40 clusters lost their inventory and rebuilt it: 7 objects wait to be deleted',
  };
  const { posted, stderr } = await confirm([rebuilt], ['web', '--yes']);
  expect(posted).toEqual([{ action: 'confirmInventory', targets: 2 }]);
  expect(stderr).toMatchInlineSnapshot(`
    "web: 2 of 40 clusters lost their inventory and rebuilt it: 7 objects wait to be deleted, asked 5m ago
      eu-1, eu-2
      yes: what Git no longer has is deleted there, by the inventory that was rebuilt
    "
  `);
});

it('asks one after the other, and stops at the first no', async () => {
  const answers = { isAsked: true, stdin: ['y\n', 'n\n'] };
  const { code, posted } = await confirm([drop, leaving, drop], ['web'], answers);
  expect([code, posted]).toEqual([2, [{ action: 'confirmDrop', revision: 43 }]]);
});

it.each(['\n', 'n\n', 'yeah\n', ''])('takes %j for no, ends with 2 and changes nothing', async (stdin) => {
  const { code, posted, stdout } = await confirm([drop], ['web'], { isAsked: true, stdin });
  expect([code, posted, stdout]).toEqual([2, [], '']);
});

it('does not answer where nobody can be asked, and says how', async () => {
  const { code, posted, stderr } = await confirm([drop], ['web'], { stdin: 'y\n' });
  expect([code, posted]).toEqual([64, []]);
  expect(stderr).toContain('pass --yes');
});

it('has nothing to do where nothing is asked', async () => {
  const { code, posted, stdout } = await confirm([], ['web', '--yes']);
  expect([code, posted, stdout]).toEqual([0, [], 'nothing of web waits for a person\n']);
});
