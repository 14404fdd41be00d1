import { expect, it } from 'vitest';
import { fakeHub, flotilla } from './hub.fixture.ts';
import { application, cluster, page, target } from './resources.fixture.ts';

const fleet = {
  clusters: { total: 2, states: { Active: 2 }, connections: { Connected: 1, Offline: 1 } },
  applications: { total: 1 },
  targets: { total: 2, sync: { Synced: 1, Unknown: 1 }, health: { Healthy: 1, Unknown: 1 } },
  rollouts: { Running: 1 },
};
const offline = cluster({
  name: 'us-1',
  connection: 'Offline',
  lastSeenAt: '2026-11-24T12:30:00Z',
  labels: {},
});
const lost = target({
  cluster: 'us-1',
  sync: 'Unknown',
  health: 'Unknown',
  healthMessage: 'the cluster is not connected; last reported Healthy',
  revisionNumber: 2,
  observedRevision: 1,
  currency: { state: 'Held', behind: 0, reason: 'offline' },
});

const answers = {
  'GET /fleet': { body: fleet },
  'GET /clusters': { body: page([cluster(), offline]) },
  'GET /clusters/eu-1': { body: cluster() },
  'GET /clusters/eu-1/targets': { body: page([target()]) },
  'GET /applications': { body: page([application()]) },
  'GET /applications/web': {
    body: application({ conditions: [{ type: 'RenderError', message: 'web/a.yaml:3: not YAML' }] }),
  },
  'GET /applications/web/targets': { body: page([lost, target()]) },
  'GET /targets': (_body: unknown, query: URLSearchParams) => ({
    body: page(query.get('health') === 'Unknown' ? [lost] : []),
  }),
};

it('shows clusters', async () => {
  await using hub = await fakeHub(answers);
  const { stdout, code } = await flotilla(['cluster', 'list'], hub);
  expect(code).toBe(0);
  expect(stdout).toMatchInlineSnapshot(`
    "NAME   STATE    CONNECTION   SEEN   KUBERNETES   TARGETS   HEALTH                  LABELS
    eu-1   Active   Connected    5s     v1.36.3      2         1 Degraded, 1 Healthy   env=prod
    us-1   Active   Offline      2h     v1.36.3      2         1 Degraded, 1 Healthy   -
    "
  `);
});

it('shows one cluster and what runs on it', async () => {
  await using hub = await fakeHub(answers);
  expect((await flotilla(['cluster', 'get', 'eu-1'], hub)).stdout).toMatchInlineSnapshot(`
    "Name:        eu-1
    Project:     default
    State:       Active
    Connection:  Connected, seen 5s ago
    Labels:      env=prod
    Kubernetes:  v1.36.3
    Agent:       0.1.0
    Desired:     generation 4, accepted 4

    APPLICATION   SYNC     HEALTH    REVISION   CURRENCY   CHANGED   MESSAGE
    web           Synced   Healthy   2          Current    10m
    "
  `);
});

it('shows an application: its conditions, and each target with what a person should read first', async () => {
  await using hub = await fakeHub(answers);
  expect((await flotilla(['app', 'get', 'web'], hub)).stdout).toMatchInlineSnapshot(`
    "Name:         web
    Project:      default
    Source:       config · branch main · web
    Namespace:    web
    Sync:         Synced
    Health:       Healthy
    Currency:     Current
    Revision:     2 (cccccccc) Use more replicas
    Rollout:      -
    RenderError:  web/a.yaml:3: not YAML

    CLUSTER   SYNC      HEALTH    REVISION   CURRENCY        CHANGED   MESSAGE
    eu-1      Synced    Healthy   2          Current         10m
    us-1      Unknown   Unknown   1 → 2      Held(offline)   10m       the cluster is not connected; last reported Healthy
    "
  `);
});

it('shows what of each cluster decided its bundle, where they get different ones', async () => {
  const reads = { 'cluster.labels.region': 'eu', 'cluster.facts.kubernetes': 'v1.36.3', overrides: '0,2' };
  const none = { 'cluster.labels.region': null, 'cluster.name': 'b' };
  const targets = [target({ cluster: 'a', reads }), target({ cluster: 'b', reads: none })];
  await using hub = await fakeHub({ ...answers, 'GET /applications/web/targets': { body: page(targets) } });
  const { stdout } = await flotilla(['app', 'get', 'web'], hub);
  expect(stdout).toMatch(/REVISION +VARIANT +CURRENCY/);
  expect(stdout).toMatch(/a .* 2 +kubernetes=v1\.36\.3, overrides=0,2, region=eu +Current/);
  expect(stdout).toMatch(/b .* 2 +name=b, no region +Current/);
});

it('shows what a target has to say for itself before what is said of all of them', async () => {
  const conditions = [{ type: 'RenderError', message: 'web/a.yaml:3: not YAML' }];
  const targets = [
    target({ cluster: 'a', health: 'Degraded', healthMessage: 'crash loop', conditions }),
    target({ cluster: 'b', conditions: [...conditions, { type: 'Conflict', message: 'two managers' }] }),
    target({ cluster: 'c', conditions }),
  ];
  await using hub = await fakeHub({ ...answers, 'GET /applications/web/targets': { body: page(targets) } });
  const { stdout } = await flotilla(['app', 'get', 'web'], hub);
  expect(stdout.split('\n').flatMap((line) => /10m +(.*)$/.exec(line)?.[1] ?? [])).toEqual([
    'crash loop',
    'Conflict: two managers',
    'RenderError: web/a.yaml:3: not YAML',
  ]);
});

it('shows the fleet on one screen', async () => {
  await using hub = await fakeHub(answers);
  expect((await flotilla(['status'], hub)).stdout).toMatchInlineSnapshot(`
    "Clusters      2: 1 Connected, 1 Offline
    Applications  1, rollouts: 1 Running
    Targets       2: 1 Unknown, 1 Synced · 1 Unknown, 1 Healthy

    NAME   PROJECT   SYNC     HEALTH    CURRENCY   REVISION   COMMIT     TARGETS     ROLLOUT
    web    default   Synced   Healthy   Current    2          cccccccc   1 Healthy   -

    CLUSTER   STATE    CONNECTION   SEEN   TARGETS                 LABELS
    eu-1      Active   Connected    5s     1 Degraded, 1 Healthy   env=prod
    us-1      Active   Offline      2h     1 Degraded, 1 Healthy   -

    Not well

    APPLICATION   CLUSTER   SYNC      HEALTH    REVISION   CURRENCY        MESSAGE
    web           us-1      Unknown   Unknown   1 → 2      Held(offline)   the cluster is not connected; last reported Healthy
    "
  `);
});

it("prints the API's own resource as JSON and YAML, and a list with its cursor", async () => {
  await using hub = await fakeHub(answers);
  expect(JSON.parse((await flotilla(['app', 'get', 'web', '-o', 'json'], hub)).stdout)).toMatchObject({
    name: 'web',
  });
  const list = JSON.parse((await flotilla(['-o', 'json', 'app', 'list'], hub)).stdout) as unknown;
  expect(list).toEqual({ items: [application()], next: null });
  expect((await flotilla(['status', '-o', 'yaml'], hub)).stdout).toContain('applications:\n  total: 1\n');
});

it('colours for terminals only', async () => {
  await using hub = await fakeHub(answers);
  const escape = String.fromCharCode(27);
  expect((await flotilla(['cluster', 'list'], { ...hub, isTTY: true })).stdout).toContain(escape);
  expect((await flotilla(['cluster', 'list'], hub)).stdout).not.toContain(escape);
});

it('reads every page of a list, and no more than --limit', async () => {
  const clusters = Array.from({ length: 5 }, (_, at) => cluster({ name: `c${at}` }));
  await using hub = await fakeHub({
    'GET /clusters': (_body, query) => {
      const from = Number(query.get('cursor') ?? 0);
      const to = from + Math.min(2, Number(query.get('limit')));
      return { body: page(clusters.slice(from, to), to < clusters.length ? String(to) : null) };
    },
  });
  const names = async (...args: string[]) =>
    (
      JSON.parse((await flotilla(['cluster', 'list', '-o', 'json', ...args], hub)).stdout) as {
        items: { name: string }[];
      }
    ).items.map(({ name }) => name);
  expect(await names()).toEqual(['c0', 'c1', 'c2', 'c3', 'c4']);
  expect(await names('--limit', '3')).toEqual(['c0', 'c1', 'c2']);
});
