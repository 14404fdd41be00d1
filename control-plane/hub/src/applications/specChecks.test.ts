import { describe, expect, it } from 'vitest';
import { applicationSpec, fetchedPath, refText } from './spec.ts';
import { dependencyIssues, issuesOfStages, issuesOfStrategy, repositoryIssues } from './specChecks.ts';

const minimal = {
  sources: [{ repository: 'config', ref: { branch: 'main' }, path: 'envs//prod/./' }],
  placement: { clusters: { selector: {} } },
  destination: { namespace: 'guestbook' },
};

const issuesOf = (change: object) =>
  applicationSpec.safeParse({ ...minimal, ...change }).error?.issues.map((issue) => issue.path.join('.'));

describe('a spec', () => {
  it('is complete after parsing, and reading it again changes nothing', () => {
    const spec = applicationSpec.parse(minimal);
    expect(spec.sources[0]).toEqual({
      repository: 'config',
      ref: { branch: 'main' },
      path: 'envs/prod',
      template: false,
      directory: { recurse: false, include: [], exclude: [] },
    });
    expect(spec.syncPolicy).toMatchObject({
      automated: false,
      prune: false,
      selfHeal: false,
      onUnplace: 'orphan',
    });
    expect(applicationSpec.parse(spec)).toEqual(spec);
  });

  it('refuses a misspelt field instead of ignoring it', () => {
    expect(issuesOf({ syncPolicy: { automatd: true } })).toEqual(['syncPolicy']);
    expect(issuesOf({ palcement: {} })).toEqual(['']);
  });

  it('refuses a placement that says nothing, since it could be read as everywhere', () => {
    expect(issuesOf({ placement: { clusters: {} } })).toEqual(['placement']);
  });

  it.each(['../other', 'a/../../b', '/etc', 'a\\..\\b', 'a\0b'])('refuses the path %j', (path) => {
    expect(issuesOf({ sources: [{ ...minimal.sources[0], path }] })).toEqual(['sources.0.path']);
  });

  it.each<[string, object, string[] | undefined]>([
    ['a template in the path', { path: 'a/{{ cluster.name }}', template: true }, undefined],
    ['one that is not asked for', { path: 'a/{{ cluster.name }}' }, ['sources.0.path']],
    ['one that is wrong', { path: 'a/{{ cluster.nmae }}', template: true }, ['sources.0.path']],
    ['one that leads out', { path: '{{ cluster.name }}/../..', template: true }, ['sources.0.path']],
  ])('reads %s', (_what, source, issues) => {
    expect(issuesOf({ sources: [{ ...minimal.sources[0], ...source }] })).toEqual(issues);
  });

  it('fetches what is before the first folder with a template', () => {
    const path = 'apps/web/x-{{ cluster.labels["a/b"] }}/y';
    const [source] = applicationSpec.parse({
      ...minimal,
      sources: [{ ...minimal.sources[0], path, template: true }],
    }).sources;
    expect([source?.path, source && fetchedPath(source)]).toEqual([path, 'apps/web']);
  });

  const target = { kind: 'Deployment', name: 'web' };
  it.each<[string, object, boolean]>([
    ['a merge', { spec: { replicas: 3, paused: null } }, true],
    [
      'operations',
      [
        { op: 'add', path: '/spec/x', value: null },
        { op: 'remove', path: '/spec/y' },
      ],
      true,
    ],
    ['an operation without its value', [{ op: 'add', path: '/spec/x' }], false],
    ['one that is none', [{ op: 'move', path: '/spec/x', from: '/spec/y' }], false],
    ['a path that is none', [{ op: 'remove', path: 'spec/y' }], false],
    ['no operations', [], false],
  ])('takes a patch of %s: %s', (_what, patch, isRight) => {
    const override = { clusters: { names: ['eu-*'] }, patches: [{ target, patch }] };
    expect(issuesOf({ overrides: [override] }) === undefined).toBe(isRight);
  });

  it('refuses an override that picks nothing or patches nothing', () => {
    const patches = [{ target, patch: {} }];
    expect(issuesOf({ overrides: [{ clusters: {}, patches }] })).toEqual(['overrides.0.clusters']);
    expect(issuesOf({ overrides: [{ clusters: { selector: {} }, patches: [] }] })).toEqual([
      'overrides.0.patches',
    ]);
  });

  it.each(['-upload-pack=x', 'a b', 'a..b', 'x.lock', 'a~1', '', 'refs/@{1}'])(
    'refuses the branch %j',
    (branch) => {
      expect(issuesOf({ sources: [{ ...minimal.sources[0], ref: { branch } }] })).toBeDefined();
    },
  );

  it('wants exactly one of branch, tag and commit', () => {
    const both = { branch: 'main', tag: 'v1' };
    expect(issuesOf({ sources: [{ ...minimal.sources[0], ref: both }] })).toBeDefined();
    expect(refText({ tag: 'v1' })).toBe('refs/tags/v1');
  });
});

describe('checks of a spec', () => {
  const spec = (change: object) => applicationSpec.parse({ ...minimal, ...change });

  it('say which repository is missing and how to add it', () => {
    const [issue] = repositoryIssues(spec({}), 'default', new Map());
    expect(issue?.path).toBe('spec.sources.0.repository');
    expect(issue?.message).toContain('flotilla repo add config');
  });

  it('find a circle of dependencies of any length, and a missing one', () => {
    const others = new Map([
      ['b', ['c']],
      ['c', ['a']],
      ['d', []],
    ]);
    expect(dependencyIssues('a', spec({ dependsOn: ['b', 'd'] }), others).map((issue) => issue.path)).toEqual(
      ['spec.dependsOn.0'],
    );
    expect(dependencyIssues('a', spec({ dependsOn: ['a'] }), others)).toHaveLength(1);
    expect(dependencyIssues('a', spec({ dependsOn: ['zzz'] }), others)[0]?.message).toContain(
      'create it first',
    );
  });

  it('refuse a strategy that rollouts do not understand', () => {
    expect(issuesOfStrategy(spec({}).strategy, {}, [])).toEqual([]);
    expect(issuesOfStrategy(spec({ strategy: { wavs: [] } }).strategy, {}, [])[0]?.path).toContain(
      'spec.strategy',
    );
  });

  it('refuse a gate that asks what the hub may not reach, once, however many waves take it over', () => {
    const gates = (url: string) =>
      spec({
        strategy: {
          gates: [{ name: 'smoke', http: { url } }],
          waves: [{ name: 'a', clusters: { percent: 5 } }],
        },
      });
    expect(issuesOfStrategy(gates('https://shop.example.com/').strategy, {}, [])).toEqual([]);
    expect(issuesOfStrategy(gates('http://10.0.0.1:9090/').strategy, {}, ['10.0.0.1:9090'])).toEqual([]);
    const refused = issuesOfStrategy(gates('https://169.254.169.254/latest').strategy, {}, []);
    expect(refused.map(({ message }) => message)).toEqual([
      'gate "smoke" asks what it may not: the URL names a private address: list the host in HUB_GATES_ALLOW',
    ]);
    const staged = (url: string) => ({
      stages: [
        { name: 'dev', clusters: { names: ['dev-*'] } },
        { name: 'production', strategy: gates(url).strategy },
      ],
    });
    expect(issuesOfStages(staged('https://shop.example.com/'), {}, [])).toEqual([]);
    expect(issuesOfStages(staged('https://169.254.169.254/latest'), {}, []).map(({ path }) => path)).toEqual([
      'spec.strategy.stages[1].strategy',
    ]);
  });

  it('refuse stages by what is wrong with them, and know the strategies of the project that they go by', () => {
    const stages = [
      { name: 'dev', clusters: { names: ['dev-*'] } },
      { name: 'production', strategy: { named: 'careful' } },
    ];
    expect(issuesOfStages({ stages }, { careful: {} }, [])).toEqual([]);
    expect(issuesOfStages({ stages, offline: 'wait' }, {}, []).map(({ path }) => path)).toEqual([
      'spec.strategy.offline',
      'spec.strategy.stages[1].strategy.named',
    ]);
    expect(issuesOfStrategy({ stages }, {}, [], 'spec.strategies.careful')[0]).toMatchObject({
      path: 'spec.strategies.careful.stages',
      message: 'belongs to the strategy of an application, where it stands alone',
    });
  });
});
