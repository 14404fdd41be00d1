/**
 * h: what a person looks at, in a fleet with very many targets and audit events: pages of both through the API, beside the
 * same pages in plain SQL, and the summary of the fleet beside a scan that counts it.
 */
import type { Bench } from '../bench/bench.ts';
import type { Measured, Row } from '../bench/row.ts';
import { median, percentile } from '../bench/statistics.ts';
import {
  applicationRows,
  auditRows,
  clusterRows,
  counterRows,
  observationRows,
  targetRows,
  unchecked,
} from '../hub/seed.ts';
import { specOf, startWorld, type World } from '../hub/world.ts';

const requests = 100;
const pageSize = 50;
const applications = 1000;
/** 25 ms to a page's 0.2 ms, 5 ms to a scan's 117 ms, where the budgets were set. */
const p99Budget = 25 / 0.2;
const summaryBudget = 5 / 117;
const targetsOfBudget = 1_000_000;

interface Times {
  floorP50: number;
  p50: number;
  p99: number;
}

export const row: Row = {
  name: 'h',
  title: 'the API over many targets and audit events',
  run: async (bench) => {
    // Its rows belong to no agent and no commit: nobody may work on them.
    await using world = await startWorld({ roles: 'api,agents' });
    await seed(bench, world);
    const { client } = world.hub();
    const pages = await timesOf(bench, world, targetPageSql, (cursor) =>
      client.targets.list({ limit: pageSize, ...(cursor === undefined ? {} : { cursor }) }),
    );
    const audit = await timesOf(bench, world, auditPageSql, (cursor) =>
      client.audit.list({ limit: pageSize, ...(cursor === undefined ? {} : { cursor }) }),
    );
    const summary = await bench.rounds(async () => ({
      floor: (await timed(() => world.query(rollupSql))).ms,
      ours: (await timed(() => client.fleet())).ms,
    }));
    const { targets, auditRows: events } = bench.options;
    return [
      ...linesOf('h1', 'page of targets', targets, pages),
      ...linesOf('h2', 'page of audit events', events, audit),
      {
        id: 'h3',
        what: 'summary of the fleet',
        n: targets,
        floors: summary.map((s) => s.floor),
        ours: summary.map((s) => s.ours),
        unit: 'ms',
        // Against a scan that is as long as the one it was set beside: what is maintained costs the same at every size.
        budget: targets >= targetsOfBudget ? summaryBudget : null,
        aim: '≤ 5 ms',
      },
    ];
  },
};

function linesOf(id: string, what: string, n: number, times: Times[]): Measured[] {
  const floors = times.map((t) => t.floorP50);
  return [
    { id, what: `${what}, p50`, n, floors, ours: times.map((t) => t.p50), unit: 'ms', budget: 3 },
    {
      id: `${id}p`,
      what: `${what}, p99`,
      n,
      floors,
      ours: times.map((t) => t.p99),
      unit: 'ms',
      budget: p99Budget,
      aim: '≤ 25 ms',
    },
  ];
}

async function seed(bench: Bench, world: World): Promise<void> {
  const { targets, auditRows: events } = bench.options;
  bench.say(`writing ${targets} targets and ${events} audit events`);
  const clusters = Math.max(1, Math.round(targets / applications));
  await unchecked(world, [
    clusterRows(clusters, 'api-', { api: 'yes' }),
    applicationRows(applications, 'api-', specOf({ api: 'yes' })),
    targetRows('api-', `SELECT id FROM clusters WHERE name LIKE 'api-%'`),
    [observationRows],
    ...counterRows.map((text): [string] => [text]),
    auditRows(events),
  ]);
  await world.query('ANALYZE');
}

/** The rows of a page, from a random place. */
const targetPageSql = `
  SELECT t.*, o.*, a.name, c.name FROM
    (SELECT id FROM targets WHERE id > $1::uuid ORDER BY id LIMIT ${pageSize}) page
    JOIN targets t ON t.id = page.id JOIN target_observations o ON o.target_id = t.id
    JOIN applications a ON a.id = t.application_id JOIN clusters c ON c.id = t.cluster_id ORDER BY t.id`;
const auditPageSql = `
  SELECT e.* FROM audit_events e WHERE e.id > $1::uuid ORDER BY e.id LIMIT ${pageSize}`;
const rollupSql = 'SELECT sync, health, count(*) FROM target_observations GROUP BY 1, 2';

/** Pages one after the other, as somebody who scrolls asks for them. */
async function timesOf(
  bench: Bench,
  world: World,
  sql: string,
  list: (cursor: string | undefined) => Promise<{ next?: string | null; items: { id: string }[] }>,
): Promise<Times[]> {
  return bench.rounds(async () => {
    const floors: number[] = [];
    const ours: number[] = [];
    let cursor: string | undefined;
    let after = '00000000-0000-0000-0000-000000000000';
    for (let count = 0; count < requests; count++) {
      const raw = await timed(() => world.query<{ id: string }>(sql, [after]));
      floors.push(raw.ms);
      const page = await timed(() => list(cursor));
      ours.push(page.ms);
      cursor = page.result.next ?? undefined;
      after = page.result.items.at(-1)?.id ?? after;
    }
    return { floorP50: median(floors), p50: median(ours), p99: percentile(ours, 0.99) };
  });
}

async function timed<T>(work: () => Promise<T>): Promise<{ ms: number; result: T }> {
  const startMs = performance.now();
  const result = await work();
  return { ms: performance.now() - startMs, result };
}
