import 'reflect-metadata';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AppModule } from '../app.module.ts';
import { createHttpApplication, listen } from '../http/server.ts';
import { loadConfig } from '../platform/config.ts';
import { Loggers } from '../platform/logger.ts';
import { Lifecycle } from '../platform/lifecycle.ts';
import { Observations } from '../platform/observations.ts';
import { Database } from '../platform/prisma.ts';
import { createTestDatabase, type TestDatabase } from '../platform/testDatabase.fixture.ts';
import { batchOf, seedFleet, stateOf, type SeededFleet } from './fleet.fixture.ts';
import { Ingest } from './ingest.ts';
import { makePartitions, settleHealth } from './history.store.ts';
import { findMiscountedOf, recount } from './counters.store.ts';

let test: TestDatabase;
let app: NestFastifyApplication;
let database: Database;
let base: string;
let admin: string;
let folder: string;
let fleet: SeededFleet;

beforeAll(async () => {
  test = await createTestDatabase();
  folder = await mkdtemp(join(tmpdir(), 'flotilla-api-'));
  const config = loadConfig({
    DATABASE_URL: test.url,
    HUB_ROLES: 'api',
    HUB_GRPC_PUBLIC_URL: 'https://elsewhere',
    HUB_HTTP_TLS: 'off',
    HUB_HTTP_LISTEN: '127.0.0.1:0',
    HUB_KEY_FILE: join(folder, 'key'),
    HUB_BOOTSTRAP_TOKEN_FILE: join(folder, 'token'),
    HUB_LOG_LEVEL: 'silent',
  });
  app = await createHttpApplication(AppModule.with(config), config, {
    logger: new Loggers('silent').for('nest'),
  });
  await app.init();
  base = `http://${await listen(app, config.http)}/api/v1`;
  admin = (await readFile(join(folder, 'token'), 'utf8')).trim();
  database = app.get(Database);
  fleet = await seedFleet(database, { applications: 1, clusters: 3 });
  await database.query(`UPDATE applications SET spec = $2 WHERE id = $1`, [
    fleet.applicationIds[0],
    JSON.stringify(spec),
  ]);
});

afterAll(async () => {
  await app.get(Lifecycle).stop();
  await app.close();
  await rm(folder, { recursive: true });
  await test[Symbol.asyncDispose]();
});

const spec = {
  sources: [{ repository: 'config', ref: { branch: 'main' }, path: 'web' }],
  placement: { clusters: { selector: {} } },
  destination: { namespace: 'web' },
};

interface Reply {
  status: number;
  body: Record<string, unknown> & { items: Record<string, unknown>[]; next: string | null };
  headers: Headers;
}

async function call(
  method: string,
  path: string,
  options: { body?: unknown; token?: string; headers?: object } = {},
): Promise<Reply> {
  const response = await fetch(`${base}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${options.token ?? admin}`,
      ...(options.body === undefined ? {} : { 'content-type': 'application/json' }),
      ...options.headers,
    },
    ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    body: (text === '' ? {} : JSON.parse(text)) as Reply['body'],
    headers: response.headers,
  };
}

const get = (path: string, options = {}) => call('GET', path, options);
const report = (cluster: number, change: object, more: object = {}) =>
  app
    .get(Ingest)
    .ingest(
      fleet.clusterIds[cluster]!,
      1n,
      batchOf({ ...more, states: [stateOf(fleet.targetIds[0]![cluster]!, change)] }),
    );
const application = () => fleet.applicationIds[0]!;

describe('what is shown', () => {
  it('is what the live session reported, and Unknown for what it did not', async () => {
    await report(0, {});
    await report(1, { sync: 'OutOfSync', health: { status: 'Degraded', message: 'crash loop' } });
    const { body } = await get(`/applications/${application()}/targets`);
    const shown = Object.fromEntries(
      body.items.map((item) => [item['clusterId'], `${item['sync']}/${item['health']}`]),
    );
    expect(shown).toEqual({
      [fleet.clusterIds[0]!]: 'Synced/Healthy',
      [fleet.clusterIds[1]!]: 'OutOfSync/Degraded',
      [fleet.clusterIds[2]!]: 'Unknown/Unknown',
    });
  });

  it('turns Unknown, with when it was last seen, as soon as another session takes over without confirming', async () => {
    await report(0, {}, { seq: 2n });
    await database.query('UPDATE clusters SET fence = 2 WHERE id = $1', [fleet.clusterIds[0]]);
    const path = `/targets/${fleet.targetIds[0]![0]}`;
    expect((await get(path)).body).toMatchObject({ sync: 'Unknown', health: 'Unknown', live: false });
    expect((await get(path)).body['lastSeenAt']).toEqual(expect.any(String));
    await database.query('UPDATE clusters SET confirmed_fence = 2 WHERE id = $1', [fleet.clusterIds[0]]);
    expect((await get(path)).body).toMatchObject({ sync: 'Synced', health: 'Healthy', live: true });
    await database.query('UPDATE clusters SET fence = 1, confirmed_fence = 0 WHERE id = $1', [
      fleet.clusterIds[0],
    ]);
  });

  it('is OutOfSync and Progressing after an assignment that was not reported yet, never Synced', async () => {
    const target = fleet.targetIds[0]![0];
    await database.query('UPDATE targets SET assignment = 2 WHERE id = $1', [target]);
    expect((await get(`/targets/${target}`)).body).toMatchObject({
      sync: 'OutOfSync',
      health: 'Progressing',
    });
    await database.query('UPDATE targets SET assignment = 1 WHERE id = $1', [target]);
  });

  it('is filtered and paged', async () => {
    await countEverything();
    const degraded = await get(`/targets?health=Degraded&application=${application()}`);
    expect(degraded.body.items.map((item) => item['clusterId'])).toEqual([fleet.clusterIds[1]]);
    const first = await get(`/targets?limit=2&application=${application()}`);
    const rest = await get(`/targets?limit=2&application=${application()}&cursor=${first.body.next}`);
    expect([first.body.items.length, rest.body.items.length, rest.body.next]).toEqual([2, 1, null]);
    expect((await get('/targets?cursor=nonsense')).status).toBe(400);
    expect((await get('/targets?cluster=nonsense')).status).toBe(404);
  });

  it('is summed up for application and fleet from counters', async () => {
    await countEverything();
    const shown = (await get(`/applications/${application()}`)).body;
    expect(shown).toMatchObject({ sync: 'OutOfSync', health: 'Degraded', status: { total: 3 } });
    expect((await get('/fleet')).body).toMatchObject({
      targets: { total: 3, health: { Healthy: 1, Degraded: 1, Unknown: 1 } },
      clusters: { total: 3, connections: { Connected: 3 } },
    });
  });

  it('costs nothing to ask for again', async () => {
    const first = await get('/fleet');
    const again = await get('/fleet', { headers: { 'if-none-match': first.headers.get('etag') } });
    expect(again.status).toBe(304);
  });
});

describe('history', () => {
  const applied = (number: bigint, revision: number) => ({
    number,
    fact: {
      type: 'Applied',
      target: fleet.targetIds[0]![2]!,
      assignment: revision,
      fromRevision: null,
      revision,
      bundle: `bundle ${revision}`,
    } as const,
  });

  it('answers what ran on a cluster at a time', async () => {
    const cluster = fleet.clusterIds[2]!;
    for (const revision of [1, 2, 3]) {
      await app.get(Ingest).ingest(cluster, 1n, batchOf({ facts: [applied(BigInt(revision), revision)] }));
    }
    const all = (await get(`/clusters/${cluster}/history`)).body.items;
    expect(all.map((run) => run['revisionNumber'])).toEqual([3, 2, 1]);
    const at = all[1]!['from'] as string;
    const then = await get(`/clusters/${cluster}/history?at=${encodeURIComponent(at)}`);
    expect(then.body.items.map((run) => run['revisionNumber'])).toEqual([2]);
    const before = await get(`/targets/${fleet.targetIds[0]![2]}/history?at=2020-01-01T00:00:00Z`);
    expect(before.body.items).toEqual([]);
  });

  it('answers on which clusters an application ran what at a time, page by page', async () => {
    const cluster = fleet.clusterIds[2]!;
    const path = `/applications/${application()}/runs`;
    const first = await get(`${path}?cluster=${cluster}&limit=2`);
    const rest = await get(`${path}?cluster=${cluster}&limit=2&cursor=${first.body.next}`);
    const found = [...first.body.items, ...rest.body.items];
    expect(found.map((run) => run['revisionNumber'])).toEqual([3, 2, 1]);
    const [, second] = found;
    const at = encodeURIComponent(second!['from'] as string);
    const then = (await get(`${path}?at=${at}`)).body.items;
    expect(then.find((run) => run['target'] === second!['target'])).toMatchObject({ revisionNumber: 2 });
    expect((await get(`${path}?at=2020-01-01T00:00:00Z`)).body.items).toEqual([]);
  });

  it('still answers after target and application are gone', async () => {
    const seeded = await seedFleet(database, { applications: 1, clusters: 1 });
    const [target, cluster] = [seeded.targetIds[0]![0]!, seeded.clusterIds[0]!];
    await app.get(Ingest).ingest(cluster, 1n, batchOf({ states: [stateOf(target)] }));
    await database.query('DELETE FROM targets WHERE id = $1', [target]);
    await database.query('DELETE FROM applications WHERE id = $1', [seeded.applicationIds[0]]);
    const [run] = (await get(`/clusters/${cluster}/history`)).body.items;
    expect(run?.['application']).toMatch(/^application-/);
  });

  it('tells what happened to the targets of an application, newest first, by kind and cluster', async () => {
    const all = (await get(`/applications/${application()}/history`)).body.items;
    expect(all[0]).toMatchObject({ kind: 'Applied', to: '3' });
    const health = await get(
      `/applications/${application()}/history?kind=Health&cluster=${fleet.clusterIds[1]}`,
    );
    expect(health.body.items).toMatchObject([{ kind: 'Health', to: 'Degraded' }]);
    const at = encodeURIComponent(all[0]!['at'] as string);
    const inTime = async (query: string) =>
      (await get(`/applications/${application()}/history?${query}`)).body.items;
    expect(await inTime(`since=${at}&until=${at}`)).toEqual([all[0]]);
    expect(await inTime('until=2020-01-01T00:00:00Z')).toEqual([]);
    expect(await inTime('since=2020-01-01T00:00:00Z')).toEqual(all);
  });

  it('takes a flap in once it has lasted', async () => {
    const target = fleet.targetIds[0]![1]!;
    await report(1, {}, { seq: 9n });
    const recorded = async () =>
      (
        await database.query(
          `SELECT "to" FROM target_transitions WHERE target_id = $1 AND kind = 'Health' ORDER BY id`,
          [target],
        )
      ).map((row) => (row as { to: string }).to);
    expect(await recorded()).toEqual(['Degraded']);
    await database.query(
      `UPDATE target_observations SET health_since = now() - interval '31 seconds' WHERE target_id = $1`,
      [target],
    );
    expect(await settleHealth(database)).toBe(1);
    expect(await recorded()).toEqual(['Degraded', 'Healthy']);
    expect(await settleHealth(database)).toBe(0);
  });

  it('lies in partitions that are made ahead and take over what came before them', async () => {
    const before = await database.query('SELECT count(*) FROM target_transitions');
    expect(await makePartitions(database, new Date())).toHaveLength(3);
    expect(await makePartitions(database, new Date())).toEqual([]);
    expect(await database.query('SELECT count(*) FROM target_transitions')).toEqual(before);
    expect(await database.query('SELECT 1 FROM target_transitions_default')).toEqual([]);
    await report(1, { health: { status: 'Missing', message: '' } }, { seq: 11n });
  });

  it('gets each partition once, also where replicas start together', async () => {
    const other = new Database(test.url, 1);
    for (const year of [2040, 2041, 2042, 2043]) {
      const now = new Date(Date.UTC(year, 5));
      const made = await Promise.all([makePartitions(database, now), makePartitions(other, now)]);
      expect(made.flat().toSorted()).toHaveLength(3);
    }
    await other.close();
  });
});

describe('a write', () => {
  it('is refused when the version has moved on, and needs one', async () => {
    const path = `/applications/${application()}`;
    expect((await call('PUT', path, { body: { spec } })).status).toBe(428);
    expect((await call('PUT', path, { body: { spec }, headers: { 'if-match': '"77"' } })).status).toBe(412);
  });

  it('says everything that is wrong with a spec, each with its place', async () => {
    const body = { name: 'web', spec: { ...spec, dependsOn: ['nobody'], strategy: { wavez: 1 } } };
    const reply = await call('POST', '/applications', { body });
    expect(reply.status).toBe(422);
    expect((reply.body['issues'] as { path: string }[]).map(({ path }) => path)).toEqual([
      'spec.sources.0.repository',
      'spec.strategy.wavez',
      'spec.dependsOn.0',
    ]);
    expect(reply.headers.get('content-type')).toContain('application/problem+json');
  });

  it('makes, changes, syncs and removes an application, each with one audit event', async () => {
    await database.query(
      `INSERT INTO repositories (project_id, name, kind, url) SELECT id, 'config', 'git', 'https://git' FROM projects WHERE name = 'default'`,
    );
    const created = await call('POST', '/applications', { body: { name: 'web', spec } });
    expect([created.status, created.body['version']]).toEqual([201, 1]);
    const changed = await call('PUT', '/applications/web', {
      body: { spec: { ...spec, syncPolicy: { automated: true } } },
      headers: { 'if-match': created.headers.get('etag') ?? '"1"' },
    });
    expect([changed.status, changed.body['version']]).toEqual([200, 2]);
    expect((await call('POST', '/applications/web/sync', { body: {} })).status).toBe(409);
    expect((await call('DELETE', '/applications/web?mode=delete')).body['removal']).toBe('delete');
    expect((await call('DELETE', '/applications/web?mode=delete')).status).toBe(202);
    const events = await database.query<{ action: string }>(
      `SELECT action FROM audit_events WHERE resource_kind = 'application' ORDER BY at`,
    );
    expect(events.map(({ action }) => action)).toEqual([
      'application.create',
      'application.update',
      'application.delete',
    ]);
  });

  it('is not for a viewer, whose attempt is on record', async () => {
    const created = await call('POST', '/api-tokens', { body: { name: 'viewer', role: 'viewer' } });
    const token = created.body['token'] as string;
    expect((await get('/fleet', { token })).status).toBe(200);
    expect((await call('DELETE', '/applications/web', { token })).status).toBe(403);
    expect((await get('/api-tokens', { token })).status).toBe(403);
    const denied = await database.query(
      `SELECT 1 FROM audit_events WHERE outcome = 'denied' AND action = 'application.delete'`,
    );
    expect(denied).toHaveLength(1);
  });
});

describe('the event stream', () => {
  it('resumes after the event that was seen last, in the order of the chain', async () => {
    for (const name of ['a', 'b', 'c', 'd'])
      await call('POST', '/api-tokens', { body: { name, role: 'viewer' } });
    await sealAll();
    const all = await eventsAfter('0', 4);
    expect(all.map(({ id }) => id)).toEqual(['1', '2', '3', '4']);
    expect((await eventsAfter('2', 2)).map(({ id }) => id)).toEqual(['3', '4']);
  });

  it('says which applications to read again', async () => {
    const events = streamOf(String(2 ** 40), 1);
    await new Promise((resolve) => setTimeout(resolve, 200));
    await report(1, { health: { status: 'Degraded', message: '' } }, { seq: 20n });
    const [event] = await events;
    expect(JSON.parse(event?.data ?? '{}')).toEqual({ applications: [application()], clusters: [] });
  });

  it('ends within seconds when its token is revoked', async () => {
    const created = await call('POST', '/api-tokens', { body: { name: 'short', role: 'viewer' } });
    const token = created.body['token'] as string;
    const response = await fetch(`${base}/events`, { headers: { authorization: `Bearer ${token}` } });
    await call('DELETE', `/api-tokens/${created.body['id']}`);
    const started = performance.now();
    for await (const _chunk of response.body as unknown as AsyncIterable<Uint8Array>);
    expect(performance.now() - started).toBeLessThan(9_000);
  });
});

interface ServerEvent {
  id: string | undefined;
  data: string;
}

const eventsAfter = (id: string, count: number) => streamOf(id, count);

async function streamOf(lastEventId: string, count: number): Promise<ServerEvent[]> {
  const stop = new AbortController();
  const response = await fetch(`${base}/events`, {
    headers: { authorization: `Bearer ${admin}`, 'last-event-id': lastEventId },
    signal: stop.signal,
  });
  const events: ServerEvent[] = [];
  let text = '';
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    text += new TextDecoder().decode(chunk);
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) {
      const data = /^data: (.*)$/m.exec(block)?.[1];
      if (data !== undefined) events.push({ id: /^id: (.*)$/m.exec(block)?.[1], data });
    }
    if (events.length >= count) break;
  }
  stop.abort();
  return events.slice(0, count);
}

async function sealAll(): Promise<void> {
  const { sealOnce } = await import('../audit/seal.ts');
  await sealOnce(app.get(Observations), true);
}

async function countEverything(): Promise<void> {
  const sql = <T>(text: string, params?: unknown[]) => database.query<T>(text, params);
  const ids = await findMiscountedOf({ sql }, { clusterIds: fleet.clusterIds, applicationIds: [] });
  await app.get(Observations).write((tx) => recount(tx, ids));
}
