import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { fakeHub, flotilla, type Answers, type RunOptions } from './hub.fixture.ts';
import { application, cluster, page, target } from './resources.fixture.ts';
import { rollout } from './rollout/rollout.fixture.ts';
import { fresh, halted, soaking, staged } from './stages.fixture.ts';

const views = { halted, soaking, fresh };

async function ran(args: readonly string[], answers: Answers, options: RunOptions = {}) {
  await using hub = await fakeHub(answers);
  const result = await flotilla(args, { ...hub, ...options });
  return { ...result, requests: hub.requests };
}

const get = (stages = halted) => ({ 'GET /applications/web': { body: staged(stages) } });

describe('app stages', () => {
  it.each(['halted', 'soaking', 'fresh'] as const)('"%s" is as agreed', async (name) => {
    const { stdout, code } = await ran(['app', 'stages', 'web'], get(views[name]));
    expect(code).toBe(0);
    await expect(stdout).toMatchFileSnapshot(`golden/stages-${name}.txt`);
  });

  it('in colour says the same, and is as agreed', async () => {
    const { stdout } = await ran(['app', 'stages', 'web'], get(), { isTTY: true });
    const plain = await ran(['app', 'stages', 'web'], get());
    expect(stripVTControlCharacters(stdout)).toBe(plain.stdout);
    await expect(stdout.replaceAll('\u001b', '␛')).toMatchFileSnapshot('golden/stages-halted-colour.txt');
  });

  it('as JSON is what the API has', async () => {
    const { stdout } = await ran(['app', 'stages', 'web', '-o', 'json'], get());
    expect(JSON.parse(stdout)).toEqual(halted);
  });

  it('takes control characters of a commit or a cluster for what they are', async () => {
    const evil = '\u001b[2Jwiped\u0007';
    const [, , production] = structuredClone(halted);
    Object.assign(production!.candidate!.revision, { message: evil, author: evil });
    const { stdout } = await ran(['app', 'stages', 'web'], get([production!]));
    expect(stdout).toContain('1b2c3d4e wiped, by wiped');
    expect(stripVTControlCharacters(stdout)).toBe(stdout);
  });

  it('of an application without any says so, and where they are written', async () => {
    const { code, stderr } = await ran(['app', 'stages', 'web'], {
      'GET /applications/web': { body: application() },
    });
    expect([code, stderr]).toEqual([
      4,
      'error: "web" has no stages\n  give it some in spec.strategy.stages\n',
    ]);
  });
});

describe('app promote', () => {
  const route = 'POST /applications/web/rollout';
  const events = [
    'StagePromoted: revision 8 from staging to production, by ann',
    'Started: revision 8 to 40 targets, by ann',
  ];
  const promoted = { body: { application: 'web', action: 'promoteStage', stage: 'production', events } };

  it.each([
    [[], { action: 'promoteStage', stage: 'production' }],
    [['--revision', '7'], { action: 'promoteStage', stage: 'production', revision: 7 }],
  ])('with %j sends it, says what happened and how to follow it', async (args, body) => {
    const { code, stdout, stderr, requests } = await ran(
      ['app', 'promote', 'web', '--to', 'production', ...args],
      { [route]: promoted },
    );
    expect([code, requests[0]?.body]).toEqual([0, body]);
    expect(stdout).toMatchInlineSnapshot(`
      "production: StagePromoted: revision 8 from staging to production, by ann
      production: Started: revision 8 to 40 targets, by ann
      "
    `);
    expect(stderr).toBe('follow it: flotilla rollout get web --stage production --watch\n');
  });

  it('needs a stage, and passes on why the hub refuses and what to do', async () => {
    const detail =
      'revision 8 is Rejected: start it there by "rollout start --stage production --revision 8"';
    const refused = { status: 409, body: { title: 'conflict', status: 409, detail } };
    const { code, stderr } = await ran(['app', 'promote', 'web', '--to', 'production'], { [route]: refused });
    expect([code, stderr]).toEqual([1, `error: ${detail}\n`]);
    expect((await ran(['app', 'promote', 'web'], {})).code).toBe(64);
  });
});

describe('verbs of a rollout', () => {
  const route = 'POST /applications/web/rollout';

  it.each([
    [['start', '--revision', '3'], { action: 'start', revision: 3 }],
    [['pause', '--reason', 'slow'], { action: 'pause', reason: 'slow' }],
    [['resume'], { action: 'resume' }],
    [['approve', '--wave', 'canary'], { action: 'approve', wave: 'canary' }],
    [['promote'], { action: 'promote' }],
    [['abort'], { action: 'abort', reason: '' }],
    [['rollback'], { action: 'rollback', reason: '' }],
    [['resume-lane'], { action: 'resumeLane' }],
  ])(
    '%j goes to the stage that is named, and says in which it was done',
    async ([verb = '', ...args], body) => {
      const done = { body: { application: 'web', action: verb, stage: 'staging', events: ['Done: by ann'] } };
      const { requests, stdout } = await ran(['rollout', verb, 'web', ...args, '--stage', 'staging'], {
        [route]: done,
      });
      expect([requests[0]?.body, stdout]).toEqual([{ ...body, stage: 'staging' }, 'staging: Done: by ann\n']);
    },
  );

  it('asked for a stage says how it is named', async () => {
    const problem = {
      status: 422,
      body: { title: 'cannot be done', status: 422, detail: 'say in which stage: dev, staging' },
    };
    const { code, stderr } = await ran(['rollout', 'pause', 'web'], { [route]: problem });
    expect([code, stderr]).toEqual([
      64,
      'error: say in which stage: dev, staging\n  add --stage NAME; how they stand: flotilla app stages web\n',
    ]);
  });
});

describe('rollouts of stages', () => {
  const { id } = rollout();
  const open = soaking.map((one) => (one.name === 'production' ? one : { ...one, rollout: null }));

  it('are listed with their stage, or those of one', async () => {
    const rows = [rollout({ stage: 'staging' }), rollout({ stage: 'dev' })];
    const stages: (string | null)[] = [];
    const answers: Answers = {
      'GET /applications/web/rollouts': (_body, query) => {
        stages.push(query.get('stage'));
        return { body: page(rows) };
      },
    };
    const { stdout } = await ran(['rollout', 'list', 'web'], answers);
    expect(stdout).toMatchInlineSnapshot(`
      "STAGE     REVISION   KIND      PHASE     WAVES   BY           AGE   REASON
      staging   42         forward   Running   4       automation   3h
      dev       42         forward   Running   4       automation   3h
      "
    `);
    await ran(['rollout', 'list', 'web', '--stage', 'dev'], answers);
    expect(stages).toEqual([null, 'dev']);
  });

  it('get: the one that moves, with its stage in its title and in what can be said to it', async () => {
    const paused = rollout({ stage: 'production', phase: 'Paused', waitsFor: 'paused: slow' });
    const { stdout } = await ran(['rollout', 'get', 'web'], {
      ...get(open),
      'GET /rollouts/00000000-0000-4000-8000-0000000000e2': { body: paused },
    });
    expect(stdout).toMatch(/^Rollout of web to revision 42 in production: 432 of 2000 +Paused/);
    expect(stdout).toContain('flotilla rollout resume web --stage production\n');
  });

  it('get: where several move says which, and takes the one that is named', async () => {
    const both = [...halted.slice(0, 2), ...open.slice(2)];
    const answers = {
      ...get(both),
      'GET /rollouts/00000000-0000-4000-8000-0000000000e1': { body: rollout({ stage: 'staging' }) },
    };
    const { code, stderr } = await ran(['rollout', 'get', 'web'], answers);
    expect([code, stderr]).toEqual([
      64,
      'error: "web" moves in several stages: staging, production\n  add --stage NAME; all of them: flotilla app stages web\n',
    ]);
    const named = await ran(['rollout', 'get', 'web', '--stage', 'staging'], answers);
    expect(named.stdout).toContain('in staging');
  });

  it('get: of a stage in which nothing moves the newest, and a name that is none is refused', async () => {
    const asked: string[] = [];
    const answers: Answers = {
      ...get(halted),
      'GET /applications/web/rollouts': (_body, query) => {
        asked.push(query.get('stage') ?? '-');
        return { body: page([rollout({ stage: 'dev' })]) };
      },
      [`GET /rollouts/${id}`]: { body: rollout({ stage: 'dev' }) },
    };
    expect((await ran(['rollout', 'get', 'web', '--stage', 'dev'], answers)).stdout).toContain('in dev');
    expect(asked).toEqual(['dev']);
    const { code, stderr } = await ran(['rollout', 'get', 'web', '--stage', 'prod'], answers);
    expect([code, stderr]).toEqual([
      4,
      'error: "web" has no stage "prod"\n  it has dev, staging, production\n',
    ]);
    const plain = { 'GET /applications/web': { body: application() } };
    expect((await ran(['rollout', 'get', 'web', '--stage', 'prod'], plain)).stderr).toContain(
      'leave --stage out',
    );
  });

  it('of a commit: the furthest that it has come, or that of the stage that is named', async () => {
    const asked: string[] = [];
    const answers: Answers = {
      ...get(halted),
      'GET /applications/web/revisions': { body: page([{ ...staged(halted).revision, sources: [] }]) },
      'GET /applications/web/rollouts': (_body, query) => {
        asked.push(query.get('stage') ?? '-');
        return { body: page([rollout({ stage: 'staging', revisionNumber: 9 })]) };
      },
      [`GET /rollouts/${id}`]: { body: rollout({ stage: 'staging', revisionNumber: 9 }) },
    };
    const args = ['rollout', 'get', 'web', '--commit', '3fa9c1d0'];
    expect((await ran(args, answers)).stdout).toContain('to revision 9 in staging');
    await ran([...args, '--stage', 'staging'], answers);
    expect(asked).toEqual(['-', 'staging']);
  });
});

describe('wherever targets are', () => {
  const targets = [
    target({ cluster: 'a-prod', stage: 'production' }),
    target({ cluster: 'b-dev', stage: 'dev' }),
  ];
  const answers = { ...get(), 'GET /applications/web/targets': { body: page(targets) } };

  it('app get has the stages, and its targets in their order', async () => {
    const { stdout } = await ran(['app', 'get', 'web'], answers);
    await expect(stdout).toMatchFileSnapshot('golden/stages-app-get.txt');
  });

  it('cluster get says which stage of an application it is in', async () => {
    const other = target({ application: 'plain' });
    const { stdout } = await ran(['cluster', 'get', 'eu-1'], {
      'GET /clusters/eu-1': { body: cluster() },
      'GET /clusters/eu-1/targets': { body: page([targets[0], other]) },
    });
    expect(stdout).toMatch(/^APPLICATION +STAGE +SYNC/m);
    expect(stdout).toMatch(/^web +production +Synced/m);
    expect(stdout).toMatch(/^plain +- +Synced/m);
  });

  it('history says which stage its clusters are in now', async () => {
    const row = { at: '2026-11-24T12:00:00Z', agentAt: null, target: targets[0]!.id, application: 'web' };
    const change = { kind: 'Applied', from: '6', to: '7', detail: {} };
    const happened = ['a-prod', 'b-dev', 'gone'].map((cluster) => ({ ...row, cluster, ...change }));
    const { stdout } = await ran(['history', 'app', 'web', '--each'], {
      ...answers,
      'GET /applications/web/history': { body: page(happened) },
    });
    expect(stdout).toMatchInlineSnapshot(`
      "AT                     CLUSTERS   STAGE NOW    KIND      FROM   TO   DETAIL
      2026-11-24T12:00:00Z   a-prod     production   Applied   6      7
      2026-11-24T12:00:00Z   b-dev      dev          Applied   6      7
      2026-11-24T12:00:00Z   gone       -            Applied   6      7
      "
    `);
  });

  it('app wait ends where the rollout of any stage is paused, with the way on in that stage', async () => {
    const { code, stdout, stderr } = await ran(['app', 'wait', 'web', '--timeout', '60s'], answers);
    expect([code, stdout]).toEqual([
      2,
      expect.stringMatching(/^web: the rollout in staging is paused: wave all: 1 of 4 failed/),
    ]);
    expect(stderr).toContain('go on: flotilla rollout resume web --stage staging');
  });
});
