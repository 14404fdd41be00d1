/** Simulated clusters over HTTPS, as any client meets them. */
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ApiConnection, APPLY_CONTENT_TYPE } from '../kubelab/api.ts';
import { readKubeconfig } from '../kubelab/kubeconfig.ts';
import { startSimkube, type Simkube } from './simkube.ts';
import type { KubeObject } from './types.ts';

const clusters = [{ name: 'one' }, { name: 'two' }];

let dir: string;
let simkube: Simkube;
let api: ApiConnection;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'simkube-'));
  simkube = await startSimkube({ dir, clusters, audit: true, controllers: false });
  api = await connectTo(0);
});

afterAll(async () => {
  api.close();
  await simkube.stop();
  await rm(dir, { recursive: true });
});

async function connectTo(index: number): Promise<ApiConnection> {
  return new ApiConnection(await readKubeconfig(simkube.clusters[index]?.kubeconfig ?? ''));
}

function configMap(name: string, data: Record<string, string> = {}): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data };
}

async function makeNamespace(name: string): Promise<string> {
  const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
  await api.call('/api/v1/namespaces', { method: 'POST', body });
  return `/api/v1/namespaces/${name}`;
}

function apply(
  path: string,
  manager: string,
  body: object,
  more = '',
): Promise<{ status: number; body: unknown }> {
  const options = { method: 'PATCH', body, contentType: APPLY_CONTENT_TYPE } as const;
  return api.send(`${path}?fieldManager=${manager}${more}`, options);
}

/** Lines of a watch until it ends. */
async function watchLines(path: string): Promise<{ type: string; object: KubeObject & { code?: number } }[]> {
  const { url, ca, token } = api.access;
  const text = await new Promise<string>((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}` };
    const outgoing = request(new URL(path, url), { ca, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
    });
    outgoing.on('error', reject).end();
  });
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as { type: string; object: KubeObject });
}

test('an unchanged apply changes nothing, another manager is a conflict until it is forced', async () => {
  const path = `${await makeNamespace('apply')}/configmaps/c`;
  const first = await apply(path, 'first', configMap('c', { a: '1' }));
  expect(first.status).toBe(201);
  const again = await apply(path, 'first', configMap('c', { a: '1' }));
  expect(again.body).toEqual(first.body);
  const other = await apply(path, 'second', configMap('c', { a: '2' }));
  expect(other).toMatchObject({ status: 409, body: { reason: 'Conflict' } });
  const forced = await apply(path, 'second', configMap('c', { a: '2' }), '&force=true&dryRun=All');
  expect(forced).toMatchObject({ status: 200, body: { data: { a: '2' } } });
  expect((await api.send(path)).body).toEqual(first.body);
});

test('a collection comes page by page and a watch goes on from it', async () => {
  const path = `${await makeNamespace('pages')}/configmaps`;
  for (const name of ['a', 'b', 'c']) await api.call(path, { method: 'POST', body: configMap(name) });
  interface Page {
    metadata: { continue: string; resourceVersion: string };
    items: KubeObject[];
  }
  const page = await api.call<Page>(`${path}?limit=2`);
  expect(page.items.length).toBe(2);
  const rest = await api.call<Page>(`${path}?limit=2&continue=${page.metadata.continue}`);
  expect(rest.items.map(({ metadata }) => metadata.name)).toEqual(['c']);
  await api.call(`${path}/a`, { method: 'DELETE' });
  const query = `watch=true&timeoutSeconds=1&resourceVersion=${page.metadata.resourceVersion}`;
  const told = (await watchLines(`${path}?${query}`)).filter(({ type }) => type !== 'BOOKMARK');
  expect(told.map(({ type, object }) => `${type} ${object.metadata.name}`)).toContain('DELETED a');
});

test('a watch from a version that is forgotten is told 410', async () => {
  const path = `${await makeNamespace('gone')}/configmaps`;
  await api.call('/simkube/faults', { method: 'POST', body: { kind: 'compact' } });
  const told = await watchLines(`${path}?watch=true&resourceVersion=1`);
  expect(told).toMatchObject([{ type: 'ERROR', object: { code: 410, reason: 'Expired' } }]);
});

test('an object with a finalizer waits for it, and a wrong UID deletes nothing', async () => {
  const path = `${await makeNamespace('finalizers')}/configmaps`;
  const held = { ...configMap('held'), metadata: { name: 'held', finalizers: ['test.dev/hold'] } };
  await api.call(path, { method: 'POST', body: held });
  const wrong = { preconditions: { uid: 'other' } };
  expect((await api.send(`${path}/held`, { method: 'DELETE', body: wrong })).status).toBe(409);
  const waiting = await api.call<KubeObject>(`${path}/held`, { method: 'DELETE' });
  expect(waiting.metadata.deletionTimestamp).toBeDefined();
  const body = { metadata: { finalizers: null } };
  const contentType = 'application/merge-patch+json';
  await api.call(`${path}/held`, { method: 'PATCH', body, contentType });
  expect((await api.send(`${path}/held`)).status).toBe(404);
});

test('a stale replacement is a conflict', async () => {
  const path = `${await makeNamespace('stale')}/configmaps`;
  const made = await api.call<KubeObject>(path, { method: 'POST', body: configMap('c') });
  await api.call(`${path}/c`, { method: 'PUT', body: { ...made, data: { a: '1' } } });
  const stale = await api.send(`${path}/c`, { method: 'PUT', body: { ...made, data: { a: '2' } } });
  expect(stale).toMatchObject({ status: 409, body: { reason: 'Conflict' } });
});

test('faults come on demand: busy with Retry-After, and an answer that is lost after the change', async () => {
  const path = `${await makeNamespace('faults')}/configmaps`;
  const fault = (body: object) => api.call('/simkube/faults', { method: 'POST', body });
  await fault({ kind: 'busy', times: 1, userAgent: 'kubelab-admin', retryAfterSeconds: 7 });
  expect(await api.send(path)).toMatchObject({ status: 429, body: { details: { retryAfterSeconds: 7 } } });
  await fault({ kind: 'error-after-commit', verb: 'create', times: 1 });
  expect((await api.send(path, { method: 'POST', body: configMap('lost') })).status).toBe(500);
  expect((await api.send(`${path}/lost`)).status).toBe(200);
});

test('who shows nothing may only ask what is served', async () => {
  const anonymous = new ApiConnection({ ...api.access, token: 'wrong' });
  expect((await anonymous.send('/api/v1/namespaces')).status).toBe(401);
  anonymous.close();
});

test('clusters are apart, and each continues where it was stopped', async () => {
  await makeNamespace('kept');
  const two = await connectTo(1);
  expect((await two.send('/api/v1/namespaces/kept')).status).toBe(404);
  two.close();
  const before = await api.send('/api/v1/namespaces/kept');
  const urls = simkube.clusters.map(({ url }) => url);
  api.close();
  await simkube.stop();
  await writeFile(join(dir, 'two', 'snapshot.json'), '{"format":"simk');
  const said: string[] = [];
  const say = (message: string) => said.push(message);
  simkube = await startSimkube({ dir, clusters, audit: true, controllers: false, say });
  api = await connectTo(0);
  expect(simkube.clusters.map(({ url }) => url)).toEqual(urls);
  expect(await api.send('/api/v1/namespaces/kept')).toEqual(before);
  const { resourceVersion = '' } = (before.body as KubeObject).metadata;
  const told = await watchLines(`/api/v1/namespaces?watch=true&resourceVersion=${resourceVersion}`);
  expect(told).toMatchObject([{ type: 'ERROR', object: { code: 410 } }]);
  expect(said).toEqual([expect.stringContaining('cluster two starts empty: its snapshot cannot be used')]);
  const kept = (await readdir(join(dir, 'two'))).find((name) => name.includes('.broken-'));
  expect(await readFile(join(dir, 'two', kept ?? ''), 'utf8')).toBe('{"format":"simk');
});
