/** The hub's worker and REST surface in this process, on a database of its own: for tests of the way of a commit. */
import { createHmac, randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';

import { AppModule } from './app.module.ts';
import { createHttpApplication } from './http/server.ts';
import { HubConfig } from './platform/config.ts';
import { Hints, type HintKind } from './platform/hints.ts';
import { Lifecycle } from './platform/lifecycle.ts';
import { Loggers } from './platform/logger.ts';
import { Database } from './platform/prisma.ts';
import { createTestDatabase } from './platform/testDatabase.fixture.ts';

export interface Answer {
  status: number;
  body: never;
}

export interface TestHub extends AsyncDisposable {
  config: HubConfig;
  database: Database;
  app: NestFastifyApplication;
  api: (
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ) => Promise<Answer>;
  webhook: (
    repositoryId: string,
    secret: string,
    body: string,
    headers?: Record<string, string>,
  ) => Promise<Answer>;
  /** A cluster whose agent is connected, as far as rows say so. */
  makeCluster: (name: string, labels?: Record<string, string>) => Promise<string>;
  /** As whoever changes such a row would send it. */
  hint: (kind: HintKind, id: string) => void;
  rows: <T>(sql: string, params?: unknown[]) => Promise<T[]>;
}

/** `beside`: another replica, on the same database. `more`: other than what tests want as a rule. */
export async function startTestHub(beside?: TestHub, more: Partial<HubConfig> = {}): Promise<TestHub> {
  const own = beside === undefined ? await createTestDatabase() : null;
  const folder = await mkdtemp(join(tmpdir(), 'flotilla-test-hub-'));
  const config = Object.assign(new HubConfig(), beside?.config ?? configOf(own?.url ?? '', folder), more);
  const app = await createHttpApplication(AppModule.with(config), config, {
    logger: new Loggers('error').for('test'),
  });
  await app.init();
  await app.getHttpAdapter().getInstance().ready();
  const token = (await readFile(config.bootstrapTokenFile ?? '', 'utf8')).trim();
  const database = app.get(Database);
  const rows: TestHub['rows'] = (sql, params = []) => database.query(sql, params);
  return {
    app,
    config,
    database,
    rows,
    hint: (kind, id) => app.get(Hints).send(kind, [id]),
    api: apiOf(app, token),
    webhook: webhookOf(app),
    makeCluster: async (name, labels = {}) => {
      const id = await insertCluster(rows, name, labels);
      app.get(Hints).send('cluster', [id]);
      return id;
    },
    [Symbol.asyncDispose]: async () => {
      await app.get(Lifecycle).stop();
      await app.close();
      await rm(folder, { recursive: true, force: true });
      await own?.[Symbol.asyncDispose]();
    },
  };
}

function configOf(databaseUrl: string, folder: string): HubConfig {
  return Object.assign(new HubConfig(), {
    databaseUrl,
    databaseDirectUrl: databaseUrl,
    roles: ['api', 'worker'],
    httpTls: false,
    keyFile: join(folder, 'hub.key'),
    bootstrapTokenFile: join(folder, 'token'),
    sourcesAllow: ['127.0.0.1'],
    gatesAllow: ['127.0.0.1'],
    grpcPublicUrl: 'https://127.0.0.1:1',
    logLevel: 'error',
  });
}

function apiOf(app: NestFastifyApplication, token: string): TestHub['api'] {
  return async (method, path, body, headers = {}) => {
    const contentType = body === undefined ? {} : { 'content-type': 'application/json' };
    const response = await app.inject({
      method,
      url: `/api/v1${path}`,
      headers: { authorization: `Bearer ${token}`, ...contentType, ...headers },
      ...(body !== undefined && { payload: JSON.stringify(body) }),
    });
    return {
      status: response.statusCode,
      body: (response.body === '' ? null : response.json()) as never,
    };
  };
}

function webhookOf(app: NestFastifyApplication): TestHub['webhook'] {
  return async (repositoryId, secret, body, headers = {}) => {
    const signature = `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
    const response = await app.inject({
      method: 'POST',
      url: `/api/v1/repositories/${repositoryId}/webhook`,
      headers: { 'content-type': 'application/json', 'x-hub-signature-256': signature, ...headers },
      payload: body,
    });
    return { status: response.statusCode, body: response.json() as never };
  };
}

async function insertCluster(
  rows: TestHub['rows'],
  name: string,
  labels: Record<string, string>,
): Promise<string> {
  const [cluster] = await rows<{ id: string }>(
    `INSERT INTO clusters (id, name, project_id, labels, state, fence, confirmed_fence, connected_at, last_seen_at)
     SELECT $1::uuid, $2, id, $3::jsonb, 'Active', 1, 1, now(), now() + interval '1 day' FROM projects
     WHERE name = 'default' RETURNING id`,
    [randomUUID(), name, JSON.stringify(labels)],
  );
  return cluster?.id ?? '';
}

/** One bound for everything; what was seen last is in the error. */
export async function eventually<T>(
  what: string,
  check: () => Promise<T | null | undefined | false>,
  timeoutMs = 20_000,
): Promise<T> {
  const until = Date.now() + timeoutMs;
  let last: unknown = null;
  for (;;) {
    try {
      const value = await check();
      if (value !== null && value !== undefined && value !== false) return value;
      last = value;
    } catch (error) {
      last = error;
    }
    if (Date.now() > until)
      throw new Error(`${what} did not happen in ${timeoutMs} ms; last: ${String(last)}`);
    await new Promise((resume) => setTimeout(resume, 25));
  }
}
