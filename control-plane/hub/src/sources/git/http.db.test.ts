import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { request } from 'undici';
import { makeDispatcher } from '../../platform/outbound.ts';
import { sourcesAllowSetting } from '../url.ts';
import { gitHttp, gitHttpDefaults } from './http.ts';

interface Site {
  url: string;
  server: Server;
  seen: { method: string; url: string; authorization: string | undefined }[];
  answer: (request: IncomingMessage, response: ServerResponse) => void;
}

async function startSite(): Promise<Site> {
  const site: Site = {
    url: '',
    server: createServer(),
    seen: [],
    answer: (_request, response) => response.end('ok'),
  };
  site.server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    site.seen.push({
      method: request.method ?? '',
      url: request.url ?? '',
      authorization: request.headers.authorization,
    });
    site.answer(request, response);
  });
  await new Promise<void>((done) => site.server.listen(0, '127.0.0.1', done));
  site.url = `http://127.0.0.1:${(site.server.address() as AddressInfo).port}`;
  return site;
}

let here: Site;
let there: Site;

beforeAll(async () => {
  here = await startSite();
  there = await startSite();
});

beforeEach(() => {
  for (const site of [here, there]) {
    site.seen.length = 0;
    site.answer = (_request, response) => response.end('ok');
  }
});

afterAll(() => {
  here.server.close();
  there.server.close();
});

async function get(
  url: string,
  options: { allow?: string[]; limits?: Partial<typeof gitHttpDefaults>; signal?: AbortSignal } = {},
): Promise<string> {
  const http = gitHttp(
    options.allow ?? ['127.0.0.1'],
    { ...gitHttpDefaults, ...options.limits },
    options.signal ?? new AbortController().signal,
  );
  try {
    const response = await http.request({ url, headers: { Authorization: 'Basic c2VjcmV0' } });
    let text = '';
    for await (const part of response.body!) text += Buffer.from(part).toString();
    return text;
  } finally {
    await http.close();
  }
}

function redirect(location: string): Site['answer'] {
  return (_request, response) => response.writeHead(301, { location }).end();
}

test('a redirect on the same origin keeps the credential', async () => {
  here.answer = (request, response) =>
    request.url === '/a' ? redirect('/b')(request, response) : response.end('b');
  expect(await get(`${here.url}/a`)).toBe('b');
  expect(here.seen.map(({ authorization }) => authorization)).toEqual(['Basic c2VjcmV0', 'Basic c2VjcmV0']);
});

test('a redirect to another host never sees the credential', async () => {
  here.answer = redirect(`${there.url}/stolen`);
  expect(await get(`${here.url}/a`)).toBe('ok');
  expect(there.seen).toEqual([{ method: 'GET', url: '/stolen', authorization: undefined }]);
});

test.each([
  ['http://169.254.169.254/latest/meta-data', /plain http is refused/],
  ['https://10.0.0.1/', /private address/],
  ['https://[::1]/', /private address/],
  ['file:///etc/passwd', /scheme 'file'/],
  ['https://user:password@example.com/', /with credentials/],
])('a redirect to %s is refused', async (location, message) => {
  here.answer = redirect(location);
  await expect(get(`${here.url}/a`)).rejects.toThrow(message);
});

test('redirects have an end', async () => {
  here.answer = redirect('/again');
  await expect(get(`${here.url}/a`)).rejects.toThrow(/more than 5 redirects/);
  expect(here.seen).toHaveLength(6);
});

test('a host that is not listed is not connected to, though the URL was once accepted', async () => {
  await expect(get(`${here.url}/a`, { allow: [] })).rejects.toThrow(/plain http is refused/);
  await expect(get(`https://localhost:${new URL(here.url).port}/a`, { allow: [] })).rejects.toThrow(
    /this machine/,
  );
  expect(here.seen).toHaveLength(0);
});

test('an answer over its limit is cut off, as is one that is compressed', async () => {
  here.answer = (_request, response) => response.end(Buffer.alloc(2_000_000));
  await expect(get(here.url, { limits: { responseBytesMax: 1_000_000 } })).rejects.toThrow(
    /more than 1000000 bytes/,
  );
  here.answer = (_request, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end('x');
  await expect(get(here.url)).rejects.toThrow(/compressed, which was not asked for/);
});

test('a server that stops sending, or never answers, is given up', async () => {
  here.answer = (_request, response) => void response.writeHead(200).write('a');
  await expect(get(here.url, { limits: { bodyTimeoutMs: 300 } })).rejects.toMatchObject({
    code: 'UND_ERR_BODY_TIMEOUT',
  });
  here.answer = () => undefined;
  await expect(get(here.url, { limits: { headersTimeoutMs: 300 } })).rejects.toMatchObject({
    code: 'UND_ERR_HEADERS_TIMEOUT',
  });
});

test('a name that resolves to a private address is refused when it is connected to', async () => {
  const dispatcher = makeDispatcher(false, gitHttpDefaults, sourcesAllowSetting);
  const { port } = new URL(here.url);
  await expect(request(`http://localhost:${port}/`, { dispatcher })).rejects.toMatchObject({
    name: 'OutboundRefused',
  });
  await dispatcher.destroy();
  expect(here.seen).toHaveLength(0);
  const listed = makeDispatcher(true, gitHttpDefaults, sourcesAllowSetting);
  const response = await request(`http://localhost:${port}/`, { dispatcher: listed });
  expect(response.statusCode).toBe(200);
  await response.body.dump();
  await listed.destroy();
});
