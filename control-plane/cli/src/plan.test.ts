import type { Plan, PlanDiff, PlanGroup } from '@flotilla/client/types';
import { describe, expect, it } from 'vitest';
import { fakeHub, flotilla, type Answers } from './hub.fixture.ts';
import { page } from './resources.fixture.ts';

const id = '00000000-0000-4000-8000-0000000000b1';
const counts = { fail: 0, unknown: 0, delete: 0, change: 0, create: 0, run: 0, keep: 0, unchanged: 7 };
const tally = {
  clean: 0,
  changes: 0,
  failing: 0,
  incomplete: 0,
  waiting: 0,
  offline: 0,
  noAnswer: 0,
  error: 0,
};

function plan(change: Partial<Plan> = {}): Plan {
  return {
    id,
    application: 'web',
    project: 'default',
    revision: 'feature/x',
    commit: 'c'.repeat(40),
    message: 'Use more replicas\n\nlong',
    author: 'Ada',
    phase: 'Done',
    error: null,
    verdict: 'clean',
    summary: 'no change on 3 clusters',
    bundle: 'b'.repeat(64),
    objects: 8,
    targets: 3,
    answered: 3,
    tally: { ...tally, clean: 3 },
    groups: [],
    groupsOmitted: 0,
    createdBy: 'admin',
    createdAt: '2026-11-24T15:00:00Z',
    finishedAt: '2026-11-24T15:00:02Z',
    ...change,
  };
}

const [same, bad] = ['1'.repeat(64), '2'.repeat(64)] as const;
const groups: PlanGroup[] = [
  {
    digest: bad,
    verdict: 'failing',
    clusters: 1,
    sample: ['us-1'],
    message: 'denied',
    counts: { ...counts, fail: 1 },
  },
  {
    digest: same,
    verdict: 'changes',
    clusters: 812,
    sample: ['eu-1', 'eu-2'],
    message: '',
    counts: { ...counts, change: 2, create: 1, delete: 1 },
  },
];
const web = { group: 'apps', kind: 'Deployment', namespace: 'shop', name: 'web' };
const config = { group: '', kind: 'ConfigMap', namespace: 'shop', name: 'config' };
const diffs: Record<string, PlanDiff> = {
  [same]: {
    digest: same,
    counts,
    omitted: null,
    objects: [
      { object: { ...config, name: 'old' }, action: 'delete' },
      {
        object: config,
        action: 'change',
        fields: [{ path: '/data/app.conf', before: '"a\\nb\\nc"', after: '"a\\nB\\nc"' }],
        omitted: null,
        recreated: false,
        note: '',
      },
      {
        object: web,
        action: 'change',
        fields: [
          { path: '/spec/paused', before: null, after: 'true' },
          { path: '/spec/replicas', before: '2', after: '3' },
        ],
        omitted: { count: 4, digest: same },
        recreated: false,
        note: '',
      },
      {
        object: { ...web, group: 'x.test', kind: 'Widget', name: 'w' },
        action: 'create',
        content: same,
        note: 'not validated: its kind comes with the same bundle',
      },
    ],
  },
  [bad]: {
    digest: bad,
    counts,
    omitted: null,
    objects: [
      { object: web, action: 'fail', reason: 'Refused', message: 'admission webhook "policy" denied' },
      { object: { ...web, kind: 'Job', name: 'migrate' }, action: 'run', phase: 'PreSync', note: '' },
      { object: config, action: 'keep', reason: 'PruneDisabled' },
    ],
  },
};

const failing = plan({
  verdict: 'failing',
  summary: 'same change on 812 clusters; 1 would fail: denied; 1 offline',
  targets: 814,
  answered: 814,
  tally: { ...tally, changes: 812, failing: 1, offline: 1 },
  groups,
});

/** A hub on which the plan is asked for, once seen under way, and then as it is given. */
function hubWith(done: Plan): Answers {
  const asking = { ...done, phase: 'Asking', verdict: 'incomplete', answered: 1 };
  let reads = 0;
  const base = `/applications/web/plans`;
  return {
    [`POST ${base}`]: { status: 202, body: { ...asking, phase: 'Rendering', verdict: null } },
    [`GET ${base}/${id}`]: () => ({ body: (reads += 1) === 1 ? asking : done }),
    [`GET ${base}/${id}/results`]: (_body, query) => ({
      body: page(
        query.get('state') === 'Offline' && done.tally.offline > 0
          ? [
              {
                cluster: 'ap-1',
                clusterId: id,
                state: 'Offline',
                verdict: null,
                digest: null,
                counts: null,
                message: 'it is not connected',
                answeredAt: null,
              },
            ]
          : [],
      ),
    }),
    ...Object.fromEntries(
      Object.entries(diffs).map(([digest, diff]) => [`GET ${base}/${id}/diffs/${digest}`, { body: diff }]),
    ),
  };
}

const args = ['app', 'plan', 'web', '--revision', 'feature/x'];

describe('app plan', () => {
  it('shows the sentence, each group once with what would change, and who could not say', async () => {
    await using hub = await fakeHub(hubWith(failing));
    const { stdout, code } = await flotilla(args, hub);
    expect(code).toBe(1);
    expect(stdout).toMatchInlineSnapshot(`
      "web at feature/x (cccccccc Use more replicas, by Ada)
      same change on 812 clusters; 1 would fail: denied; 1 offline

      ● 1 cluster: us-1
        fail    apps/Deployment shop/web
                admission webhook "policy" denied
        run     apps/Job shop/migrate (PreSync hook)
        keep    ConfigMap shop/config (left the sources, would stay: PruneDisabled)
        7 unchanged

      ● 812 clusters: eu-1, eu-2, …
        delete  ConfigMap shop/old
        change  ConfigMap shop/config
                /data/app.conf
                  - b
                  + B
        change  apps/Deployment shop/web
                /spec/paused  + true
                /spec/replicas  2 → 3
                and 4 more fields
        create  x.test/Widget shop/w (not validated: its kind comes with the same bundle)
        7 unchanged

      Not known
        Offline  ap-1: it is not connected
      "
    `);
    expect(hub.requests[0]?.body).toEqual({ revision: 'feature/x', answerTimeoutMs: 60_000 });
  });

  it.each<[string, Partial<Plan>, string[], number]>([
    ['nothing changes', {}, [], 0],
    ['something changes', { verdict: 'changes', tally: { ...tally, changes: 3 } }, [], 2],
    ['it would fail', { verdict: 'failing', tally: { ...tally, changes: 2, failing: 1 } }, [], 1],
    ['not all could say', { verdict: 'incomplete', tally: { ...tally, clean: 2, noAnswer: 1 } }, [], 3],
    ['one is offline', { verdict: 'incomplete', tally: { ...tally, changes: 2, offline: 1 } }, [], 3],
    [
      'offline ones are ignored',
      { verdict: 'incomplete', tally: { ...tally, changes: 2, offline: 1 } },
      ['--ignore-offline'],
      2,
    ],
    ['it does not render', { phase: 'Failed', verdict: 'failing', error: 'app/a.yaml: not YAML' }, [], 1],
  ])('ends so that a check can tell: %s', async (_what, change, more, expected) => {
    await using hub = await fakeHub(hubWith(plan(change)));
    expect((await flotilla([...args, ...more], hub)).code).toBe(expected);
  });

  it("prints the API's own resource as JSON", async () => {
    await using hub = await fakeHub(hubWith(failing));
    const { stdout, code } = await flotilla([...args, '-o', 'json'], hub);
    expect(JSON.parse(stdout)).toEqual(failing);
    expect(code).toBe(1);
  });

  it('says why a plan could not even be made', async () => {
    const error = 'repository "config" has no branch and no tag "feature/x": push it first';
    await using hub = await fakeHub(
      hubWith(plan({ phase: 'Failed', verdict: 'failing', commit: null, error, tally })),
    );
    expect((await flotilla(args, hub)).stdout).toContain(error);
  });

  it('wants a revision', async () => {
    await using hub = await fakeHub({});
    const { code, stderr } = await flotilla(['app', 'plan', 'web'], hub);
    expect(code).toBe(64);
    expect(stderr).toContain('--revision');
  });
});
