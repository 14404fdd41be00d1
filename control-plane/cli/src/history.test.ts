import type { Run, Transition } from '@flotilla/client/types';
import { expect, it } from 'vitest';
import { timelineOf } from './commands/timeline.ts';
import { fakeHub, flotilla } from './hub.fixture.ts';
import { page } from './resources.fixture.ts';

const target = '00000000-0000-4000-8000-0000000000f1';

function transition(at: string, cluster: string, change: Partial<Transition> = {}): Transition {
  const row = { at: `2026-11-24T${at}Z`, agentAt: null, target, application: 'web', cluster };
  return { ...row, kind: 'Applied', from: '6', to: '7', detail: {}, ...change };
}

function run(change: Partial<Run> = {}): Run {
  return {
    target,
    application: 'web',
    cluster: 'eu-1',
    revisionNumber: 7,
    commit: 'c'.repeat(40),
    bundle: 'b'.repeat(64),
    assignment: 3,
    from: '2026-11-24T12:00:00Z',
    to: null,
    agentAt: null,
    ...change,
  };
}

const drift = {
  kind: 'Drift',
  from: null,
  to: null,
  detail: {
    fields: [{ path: '/spec/replicas', manager: 'kubectl', time: '2026-11-24T12:20:00Z' }],
    reverted: true,
  },
};
const happened = [
  transition('12:30:00', 'us-1', drift),
  transition('12:20:02', 'eu-3'),
  transition('12:20:01', 'eu-2', { kind: 'Health', from: 'Progressing', to: 'Healthy' }),
  transition('12:20:00', 'eu-2'),
  transition('12:19:00', 'eu-1'),
  transition('11:00:00', 'eu-9'),
];

it('the timeline of an application says once what happened to many clusters on one occasion', async () => {
  await using hub = await fakeHub({ 'GET /applications/web/history': { body: page(happened) } });
  expect((await flotilla(['history', 'app', 'web'], hub)).stdout).toMatchInlineSnapshot(`
    "AT                     CLUSTERS           KIND      FROM          TO        DETAIL
    2026-11-24T12:30:00Z   us-1               Drift                             /spec/replicas by kubectl at 2026-11-24T12:20:00Z: reverted
    2026-11-24T12:20:02Z   eu-3, eu-2, eu-1   Applied   6             7
    2026-11-24T12:20:01Z   eu-2               Health    Progressing   Healthy
    2026-11-24T11:00:00Z   eu-9               Applied   6             7
    "
  `);
  const each = await flotilla(['history', 'app', 'web', '--each'], hub);
  expect(each.stdout.trimEnd().split('\n')).toHaveLength(7);
  const json = await flotilla(['history', 'app', 'web', '-o', 'json'], hub);
  expect(JSON.parse(json.stdout)).toEqual({ items: happened, next: null });
});

it('an occasion goes on as long as nothing of it is ten minutes before the rest', () => {
  const rows = ['12:20:00', '12:12:00', '12:04:00', '11:50:00'].map((at, number) =>
    transition(at, `eu-${number}`),
  );
  expect(timelineOf(rows).map(({ clusters }) => clusters.length)).toEqual([3, 1]);
});

it('says how to see more', async () => {
  await using hub = await fakeHub({ 'GET /applications/web/history': { body: page(happened) } });
  const { stderr } = await flotilla(['history', 'app', 'web', '--limit', '2'], hub);
  expect(stderr).toBe('there is more: --limit, or --until 2026-11-24T12:19:00Z\n');
});

it('asks for times as they are, or as long ago', async () => {
  const queries: string[] = [];
  const noting = (_body: unknown, query: URLSearchParams) => {
    queries.push(['since', 'until', 'at', 'cluster', 'kind'].map((name) => query.get(name) ?? '-').join(' '));
    return { body: page([run()]) };
  };
  await using hub = await fakeHub({
    'GET /applications/web/history': { body: page([]) },
    'GET /applications/web/runs': noting,
    'GET /clusters/eu-1/history': noting,
  });
  const shown = await flotilla(['history', 'cluster', 'eu-1', '--at', '2h'], hub);
  await flotilla(['history', 'app', 'web', '--at', '2026-11-24', '--cluster', 'eu-1'], hub);
  expect(queries).toEqual(['- - 2026-11-24T13:00:00.000Z - -', '- - 2026-11-24T00:00:00.000Z eu-1 -']);
  expect(shown.stdout).toMatchInlineSnapshot(`
    "CLUSTER   APPLICATION   REVISION   COMMIT     FROM                   TO
    eu-1      web           7          cccccccc   2026-11-24T12:00:00Z   now
    "
  `);
  expect((await flotilla(['history', 'app', 'web', '--since', 'yesterday'], hub)).code).toBe(64);
});
