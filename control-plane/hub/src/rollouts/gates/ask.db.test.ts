import { parseStrategy } from '@flotilla/domain/rollout/parseStrategy';
import type { NetworkProbe, Verdict } from '@flotilla/domain/gate/gate';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { ask } from './ask.ts';
import { answerVector, startSite, type Site } from './site.fixture.ts';

let site: Site;

beforeAll(async () => {
  site = await startSite();
});

beforeEach(() => {
  site.seen.length = 0;
  site.answer = (response) => response.end('ok');
});

afterAll(() => site[Symbol.asyncDispose]());

function probeOf(gate: object): NetworkProbe {
  const parsed = parseStrategy({ gates: [{ name: 'gate', ...gate }] });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  const [found] = parsed.strategy.waves[0]?.gates ?? [];
  if (found === undefined || found.probe.type === 'plan') throw new Error('no gate');
  return found.probe;
}

function askSite(gate: object, allow = ['127.0.0.1']): Promise<Verdict> {
  return ask(probeOf(gate), 1_000, { allow, signal: new AbortController().signal });
}

test('an HTTP gate sends what it is told and reads status and JSON', async () => {
  site.answer = (response) => response.writeHead(201).end('{"status":"ok"}');
  const http = {
    url: `${site.url}/health?deep=1`,
    method: 'POST',
    headers: { 'X-From': 'fleet', 'Accept-Encoding': 'gzip' },
    expectedStatus: 201,
    json: { pointer: '/status', equals: 'ok' },
  };
  expect(await askSite({ http })).toEqual({ isSuccess: true, message: '/status is "ok"' });
  expect(site.seen).toMatchObject([
    { method: 'POST', headers: { 'x-from': 'fleet', 'accept-encoding': 'identity' } },
  ]);
  expect(site.seen[0]?.url.search).toBe('?deep=1');
});

test('a Prometheus gate asks its query and compares the value', async () => {
  const query = 'sum(rate(errors_total{app="shop"}[5m])) / 2';
  const prometheus = { address: `${site.url}/prom/`, query, threshold: { max: 0.05 } };
  site.answer = answerVector('0.07');
  expect(await askSite({ prometheus })).toEqual({ isSuccess: false, message: '0.07 above 0.05' });
  expect(site.seen[0]?.url.pathname).toBe('/prom/api/v1/query');
  expect(site.seen[0]?.url.searchParams.get('query')).toBe(query);
  site.answer = answerVector('0.01');
  expect(await askSite({ prometheus })).toEqual({ isSuccess: true, message: '0.01 at most 0.05' });
});

test('no redirect is followed', async () => {
  site.answer = (response) => response.writeHead(302, { location: `${site.url}/other` }).end();
  expect(await askSite({ http: { url: site.url } })).toEqual({
    isSuccess: false,
    message: 'status 302, not 200 to 299',
  });
  expect(site.seen).toHaveLength(1);
});

test.each([
  ['plain http', (url: string) => url, /^plain http is refused: .*HUB_GATES_ALLOW$/],
  [
    'this machine',
    (url: string) => url.replace('http://127.0.0.1', 'https://localhost'),
    /^the URL names this machine/,
  ],
  ['a private address', () => 'https://169.254.169.254/latest', /^the URL names a private address/],
])('%s that is not listed is not connected to', async (_, address, message) => {
  const verdict = await askSite({ http: { url: address(site.url) } }, []);
  expect(verdict).toEqual({ isSuccess: false, message: expect.stringMatching(message) as string });
  expect(site.seen).toEqual([]);
});

test('an answer that is too long, compressed, late or none is a failure that says so', async () => {
  const http = { url: site.url };
  site.answer = (response) => response.end(Buffer.alloc((1 << 20) + 1));
  expect((await askSite({ http })).message).toBe('the answer has more than 1048576 bytes');
  site.answer = (response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end('x');
  expect((await askSite({ http })).message).toBe('the answer is compressed, which was not asked for');
  site.answer = () => undefined;
  expect((await askSite({ http })).message).toBe('no answer within 1 s');
  site.answer = (response) => void response.writeHead(200).write('a');
  expect((await askSite({ http })).message).toBe('no answer within 1 s');
  site.answer = (response) => void response.destroy();
  expect((await askSite({ http })).message).toBe('no answer: UND_ERR_SOCKET');
  expect((await askSite({ http: { url: 'http://127.0.0.1:1' } })).message).toBe('no answer: ECONNREFUSED');
});

test('a hub that stops knows nothing of a gate that was being asked', async () => {
  site.answer = () => undefined;
  const stop = new AbortController();
  const asked = ask(probeOf({ http: { url: site.url } }), 1_000, {
    allow: ['127.0.0.1'],
    signal: stop.signal,
  });
  stop.abort();
  await expect(asked).rejects.toThrow();
});
