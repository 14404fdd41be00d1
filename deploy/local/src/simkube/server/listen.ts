/**
 * One HTTPS server answers for all clusters of the process: each cluster is a bare port whose connections are handed to
 * it, so that one more cluster costs a socket and no TLS context.
 */
import { createServer as createHttps, type Server as HttpsServer } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { ApiError, statusOf } from './apiError.ts';
import type { Certificates } from './certificates.ts';
import { answerJson, type Exchange, type ServedCluster } from './exchange.ts';
import { userOf } from './identity.ts';
import { requestInfoOf } from './requestInfo.ts';
import { route } from './route.ts';

export interface Listener {
  /** Listens for one cluster and returns its port; 0 asks for any. */
  add(cluster: ServedCluster, port: number): Promise<number>;
  stop(): Promise<void>;
}

export function startListener({ serverCert, serverKey, caCert }: Certificates): Listener {
  const clusters = new Map<number, ServedCluster>();
  const ports: Server[] = [];
  const sockets = new Set<Socket>();
  const https = createHttps(
    { cert: serverCert, key: serverKey, ca: caCert, requestCert: true, rejectUnauthorized: false },
    (request, response) => {
      const cluster = clusters.get(request.socket.localPort ?? 0);
      if (cluster === undefined) response.destroy();
      else void answer(cluster, request, response);
    },
  );
  https.keepAliveTimeout = 120_000;
  https.requestTimeout = 0;
  https.on('tlsClientError', (_error, socket) => socket.destroy());
  return {
    add: async (cluster, port) => {
      const server = createServer({ noDelay: true }, (socket) => adopt(https, sockets, socket));
      const bound = await listenOn(server, port);
      ports.push(server);
      clusters.set(bound, cluster);
      return bound;
    },
    stop: async () => {
      const closed = ports.map((server) => new Promise((resolve) => server.close(resolve)));
      for (const socket of sockets) socket.destroy();
      https.closeAllConnections?.();
      await Promise.all(closed);
    },
  };
}

function adopt(https: HttpsServer, sockets: Set<Socket>, socket: Socket): void {
  sockets.add(socket);
  socket.on('error', () => undefined);
  socket.once('close', () => sockets.delete(socket));
  https.emit('connection', socket);
}

function listenOn(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', 256, () => resolve((server.address() as AddressInfo).port));
  });
}

async function answer(
  cluster: ServedCluster,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const receivedMs = Date.now();
  const info = requestInfoOf(request.method ?? 'GET', request.url ?? '/');
  const user = { name: '', groups: [] };
  const exchange: Exchange = { cluster, request, response, info, user, warnings: [], body: undefined };
  try {
    exchange.user = userOf(cluster.store, cluster.credentials, request);
    await withFaults(exchange);
  } catch (error) {
    await answerError(exchange, error);
  }
  const stage = info.verb === 'watch' && !response.writableEnded ? 'ResponseStarted' : 'ResponseComplete';
  cluster.audit?.record(exchange, stage, receivedMs);
  // Readers of the log count a watch when it starts, whether or not it has ended by now.
  if (info.verb === 'watch' && stage === 'ResponseComplete')
    cluster.audit?.record(exchange, 'ResponseStarted', receivedMs);
}

async function withFaults(exchange: Exchange): Promise<void> {
  const { cluster, info, request, response } = exchange;
  const userAgent = request.headers['user-agent'] ?? '';
  if (info.path.startsWith('/simkube/')) return route(exchange);
  const slow = cluster.faults.take('latency', info, userAgent);
  if (slow) await delay(slow.latencyMs ?? 100);
  const busy = cluster.faults.take('busy', info, userAgent);
  if (busy) {
    response.setHeader('retry-after', String(busy.retryAfterSeconds ?? 1));
    const words = 'too many requests, please try again later';
    throw new ApiError(429, 'TooManyRequests', words, { retryAfterSeconds: busy.retryAfterSeconds ?? 1 });
  }
  if (!cluster.faults.take('error-after-commit', info, userAgent)) return route(exchange);
  // What the handler answers goes nowhere: the change is made, and the client does not hear of it.
  const silent = Object.assign(Object.create(response) as ServerResponse, {
    writeHead: () => silent,
    end: () => silent,
  });
  await route({ ...exchange, response: silent });
  throw new ApiError(500, 'InternalError', 'Internal error occurred: the answer was lost on demand');
}

async function answerError(exchange: Exchange, error: unknown): Promise<void> {
  if (exchange.response.headersSent) {
    exchange.response.destroy();
    return;
  }
  const known = error instanceof ApiError ? error : internal(error);
  await answerJson(exchange, known.code, statusOf(known));
}

function internal(error: unknown): ApiError {
  const words = error instanceof Error ? (error.stack ?? error.message) : String(error);
  console.error(JSON.stringify({ msg: 'request failed inside simkube', error: words }));
  return new ApiError(500, 'InternalError', 'Internal error occurred: see the log of simkube');
}
