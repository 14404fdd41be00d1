/** Gates on the way of a commit: a real server says whether a wave may open. */
import type { ServerResponse } from 'node:http';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';

import type { Locks } from '../../platform/lock.ts';
import { Loggers } from '../../platform/logger.ts';
import { Transactions } from '../../platform/transaction.ts';
import { startGitServer, type TestGitServer } from '../../sources/git/gitServer.fixture.ts';
import { eventually, startTestHub, type TestHub } from '../../worker.fixture.ts';
import { assignedAt, configMap, makeWorld, type World, reportDone } from '../../world.fixture.ts';
import { GateChecker } from './checker.ts';
import { answerVector, startSite, type Site } from './site.fixture.ts';

let hub: TestHub;
let git: TestGitServer;
let site: Site;
let prometheus: Site;

beforeAll(async () => {
  git = await startGitServer();
  hub = await startTestHub();
  site = await startSite();
  prometheus = await startSite();
});

afterEach(() => {
  site.seen.length = 0;
  prometheus.seen.length = 0;
});

afterAll(async () => {
  await hub[Symbol.asyncDispose]();
  await site[Symbol.asyncDispose]();
  await prometheus[Symbol.asyncDispose]();
  await git.close();
});

function httpGate(more: object = {}): object {
  return { name: 'smoke', http: { url: `${site.url}/health` }, interval: '1s', timeout: '5s', ...more };
}

function errorRate(more: object = {}): object {
  const query = { address: prometheus.url, query: 'error_rate', threshold: { max: 0.05 } };
  return { name: 'error-rate', prometheus: query, interval: '1s', timeout: '5s', ...more };
}

interface RolloutRow {
  id: string;
  phase: string;
  phase_reason: string | null;
  state: { waves: { name: string; gates?: { name: string; passed: number; failed: number }[] }[] };
}

async function newest(world: World): Promise<RolloutRow | undefined> {
  const [row] = await hub.rows<RolloutRow>(
    'SELECT * FROM rollouts WHERE application_id = $1::uuid ORDER BY created_at DESC LIMIT 1',
    [world.applicationId],
  );
  return row;
}

async function checksOf(world: World): Promise<string[]> {
  const rows = await hub.rows<{ message: string }>(
    `SELECT e.message FROM rollout_events e JOIN rollouts r ON r.id = e.rollout_id
     WHERE r.application_id = $1::uuid AND e.kind = 'GateChecked' ORDER BY e.at, e.id`,
    [world.applicationId],
  );
  return rows.map(({ message }) => message);
}

function act(world: World, action: object) {
  return hub.api('POST', `/applications/${world.name}/rollout`, action);
}

function world(strategy: object): Promise<World> {
  return makeWorld({ hub, git }, { 'app/a.yaml': configMap('a', '1') }, { strategy });
}

const bad = (response: ServerResponse) => void response.writeHead(500).end();

test('a wave is assigned when its gates have passed as often as they must, and every check is an event and audited', async () => {
  site.answer = (response) => void response.end();
  prometheus.answer = answerVector('0.01');
  const made = await world({ gates: [httpGate({ count: 2 }), errorRate()] });
  await eventually('a check', async () => (await checksOf(made)).length > 0);
  expect((await made.targets()).map(({ state }) => state)).toEqual(['Unassigned', 'Unassigned']);
  const view = await hub.api('GET', `/rollouts/${(await newest(made))?.id ?? ''}`);
  expect(JSON.stringify(view.body)).toMatch(/wave all waits for gate smoke \(. of 2 passed/);
  await assignedAt(made, 1);
  expect((await checksOf(made)).toSorted()).toEqual([
    'wave all: gate error-rate passed a check: 0.01 at most 0.05 (1 of 1 passed, 0 failed of 0 allowed)',
    'wave all: gate smoke passed a check: status 200 (1 of 2 passed, 0 failed of 0 allowed)',
    'wave all: gate smoke passed a check: status 200 (2 of 2 passed, 0 failed of 0 allowed)',
  ]);
  const audited = await hub.rows<{ reason: { gate: string; message: string } }>(
    `SELECT reason FROM audit_events WHERE action = 'rollout.gate' AND resource_id = $1`,
    [made.applicationId],
  );
  expect(audited.filter(({ reason }) => reason.gate === 'smoke')).toHaveLength(2);
});

test('a gate that fails too often halts the rollout with its reason; resume checks it again', async () => {
  prometheus.answer = answerVector('0.07');
  const made = await world({ gates: [errorRate({ failureLimit: 1 })] });
  const paused = await eventually('a halt', async () => {
    const row = await newest(made);
    return row?.phase === 'Paused' ? row : null;
  });
  expect(paused.phase_reason).toBe('wave all: gate error-rate failed 2 of 2 checks: 0.07 above 0.05');
  expect(await act(made, { action: 'approve', wave: 'all' })).toMatchObject({ status: 202 });
  expect(prometheus.seen).toHaveLength(2);
  prometheus.answer = answerVector('0.02');
  expect(await act(made, { action: 'resume' })).toMatchObject({ status: 202 });
  await assignedAt(made, 1);
});

test('a query without a result fails, and promote lets the wave past its gate', async () => {
  prometheus.answer = answerVector();
  const made = await world({ gates: [errorRate({ failureLimit: 100 })] });
  await eventually('a check', async () => (await checksOf(made)).length > 0);
  expect((await checksOf(made))[0]).toContain('failed a check: the query has no result');
  expect(await act(made, { action: 'promote' })).toMatchObject({
    status: 202,
    body: { events: ['Promoted: wave all past gate error-rate, by bootstrap'] },
  });
  await assignedAt(made, 1);
});

test('a gate that fails rolls back where the strategy says so', async () => {
  site.answer = (response) => void response.end();
  const made = await world({ onFailure: 'rollback', gates: [httpGate()] });
  await assignedAt(made, 1);
  await reportDone(hub, made);
  await eventually('revision 1 completed', async () => (await newest(made))?.phase === 'Completed');
  site.answer = bad;
  await made.push({ 'app/a.yaml': configMap('a', '2') });
  await eventually('revision 2 rejected', async () => (await made.revisions())[1]?.state === 'Rejected');
  expect((await made.targets()).map(({ revision_number: number }) => number)).toEqual([1, 1]);
});

test('workers that make the same check count it once, and one that dies between asking and counting counts nothing', async () => {
  const held: ServerResponse[] = [];
  site.answer = (response) => void held.push(response);
  const made = await world({ gates: [httpGate({ count: 3, timeout: '60s' })] });
  await eventually('a check under way', () => Promise.resolve(held.length === 1));
  const wanted = { rollout: (await newest(made))?.id ?? '', wave: 'all', gate: 'smoke', run: 0, check: 1 };
  const stop = new AbortController();
  const [one, two, dying] = [new AbortController(), new AbortController(), stop].map(({ signal }) => {
    const checker = checkerWithoutLock(signal);
    checker.want(made.applicationId, [wanted]);
    return checker;
  });
  await eventually('everybody asks', () => Promise.resolve(held.length === 4));
  stop.abort();
  await dying?.close();
  expect(await checksOf(made)).toEqual([]);
  site.answer = (response) => void response.end();
  for (const response of held) response.end();
  await Promise.all([one?.close(), two?.close()]);
  await assignedAt(made, 1);
  expect((await checksOf(made)).map((message) => message.split('(')[1])).toEqual([
    '1 of 3 passed, 0 failed of 0 allowed)',
    '2 of 3 passed, 0 failed of 0 allowed)',
    '3 of 3 passed, 0 failed of 0 allowed)',
  ]);
  // The first was asked four times, and each of the others once.
  expect(site.seen).toHaveLength(6);
});

/** As one of another process whose lock went with its connection. */
function checkerWithoutLock(signal: AbortSignal): GateChecker {
  const locks = {
    tryLock: async <T>(_: string, fn: () => Promise<T>) => ({ held: true, value: await fn() }),
  } as unknown as Locks;
  const logger = new Loggers('error').for('test');
  const transactions = hub.app.get(Transactions);
  return new GateChecker({
    database: hub.database,
    transactions,
    locks,
    allow: ['127.0.0.1'],
    signal,
    logger,
  });
}
