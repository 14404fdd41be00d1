import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { systemClock } from '../clock.ts';
import { createKubeClient } from './client.ts';
import type { Credential } from './connection.ts';

const credential: Credential = {
  ca: null,
  cert: null,
  key: null,
  servername: null,
  skipVerify: false,
  authorization: 'Bearer one',
};

/** A server that answers with these statuses in turn, the last one for ever, and remembers who asked. */
async function serve(statuses: number[]) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(
      `${request.method} ${request.headers.authorization} ${request.headers['impersonate-user'] ?? '-'}`,
    );
    const status = statuses.length > 1 ? statuses.shift() : statuses[0];
    const wish = status === 429 ? { 'retry-after': '1' } : {};
    response.writeHead(status ?? 200, { 'content-type': 'application/json', ...wish });
    response.end(JSON.stringify({ message: `status ${status}` }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  let current = credential;
  const connection = { server: url, namespace: 'default', readCredential: () => Promise.resolve(current) };
  const kube = createKubeClient({ connection, clock: systemClock(), random: () => 0 });
  return {
    asked,
    kube,
    rotate: (authorization: string) => {
      current = { ...credential, authorization };
    },
    [Symbol.asyncDispose]: async () => {
      await kube.close();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test('a busy or broken server is asked again, a refusal is not', async () => {
  await using busy = await serve([503, 500, 200]);
  expect(await busy.kube.json({ method: 'PATCH', path: '/x', body: '{}' })).toEqual({
    message: 'status 200',
  });
  expect(busy.asked.length).toBe(3);
  await using refusing = await serve([403]);
  await expect(refusing.kube.json({ method: 'PATCH', path: '/x', body: '{}' })).rejects.toMatchObject({
    code: 'Forbidden',
    message: 'status 403',
  });
  expect(refusing.asked.length).toBe(1);
});

test('Flux: no back-off on 429: here a server that says when is not asked before', async () => {
  await using busy = await serve([429, 200]);
  const beganMs = performance.now();
  await busy.kube.send({ method: 'PATCH', path: '/x', body: '{}' });
  expect(performance.now() - beganMs).toBeGreaterThanOrEqual(990);
  expect(busy.asked.length).toBe(2);
});

test('who may write no longer repeats nothing', async () => {
  await using server = await serve([503]);
  const request = { method: 'PATCH' as const, path: '/x', body: '{}', mayRetry: () => false };
  await expect(server.kube.send(request)).rejects.toMatchObject({ code: 'Unavailable' });
  expect(server.asked.length).toBe(1);
});

test('a credential that was rotated is read again once it is refused', async () => {
  await using server = await serve([200, 401, 200]);
  await server.kube.send({ method: 'GET', path: '/x' });
  server.rotate('Bearer two');
  await server.kube.send({ method: 'GET', path: '/x' });
  expect(server.asked).toEqual(['GET Bearer one -', 'GET Bearer one -', 'GET Bearer two -']);
});

test('a call on behalf of an application names its service account', async () => {
  await using server = await serve([200]);
  await server.kube.send({ method: 'GET', path: '/x', impersonate: 'shop/deployer' });
  expect(server.asked).toEqual(['GET Bearer one system:serviceaccount:shop:deployer']);
});

test('no answer at all is Unavailable, with the reason kept', async () => {
  const server = await serve([200]);
  await server[Symbol.asyncDispose]();
  const connection = {
    server: 'http://127.0.0.1:1',
    namespace: 'default',
    readCredential: () => Promise.resolve(credential),
  };
  const kube = createKubeClient({ connection, clock: systemClock() });
  await expect(kube.send({ method: 'GET', path: '/x', retriesMax: 0 })).rejects.toMatchObject({
    code: 'Unavailable',
  });
  await kube.close();
});
