/**
 * One API server over kept-alive connections. Requests and watches have dispatchers of their own, so that a thousand
 * watches never starve a write; both are replaced when the credential's TLS part changes and closed once drained.
 *
 * A request is tried again by the one retry policy when the server was busy (429, honouring Retry-After) or the answer
 * is unknown (5xx, broken connection): every call made through here is harmless to repeat, since writes are
 * server-side apply, or carry a resourceVersion or UID.
 */
import type { Dispatcher } from 'undici';
import type { Clock } from '../clock.ts';
import { Agent, request as sendRequest } from '../http.ts';
import type { Connection, Credential } from './connection.ts';
import { KubeError, errorFromAnswer, isKubeError } from './error.ts';
import { parseJson } from './json.ts';
import { requestRetryDelayMs } from './retry.ts';

export type HttpMethod = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface KubeRequest {
  method: HttpMethod;
  /** Path and query, from the server's root. */
  path: string;
  body?: string | Uint8Array;
  contentType?: string;
  accept?: string;
  /** `namespace/name` of a service account to act as. */
  impersonate?: string | undefined;
  headers?: Record<string, string>;
  timeoutMs?: number;
  signal?: AbortSignal | undefined;
  /** Tries after the first one, 4 by default. */
  retriesMax?: number;
  /** Asked before another try: a write must not be repeated by who may write no longer. */
  mayRetry?: (() => boolean) | undefined;
}

export interface KubeResponse {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
}

export interface KubeClient {
  readonly server: string;
  /** Rejects with a KubeError on any answer of 400 and above. */
  send(request: KubeRequest): Promise<KubeResponse>;
  /** As `send`, parsed; 64-bit integers survive. */
  json(request: KubeRequest): Promise<unknown>;
  /** An answer that goes on: a watch or a log. Never retried here. `idleTimeoutMs` ends a silent stream. */
  stream(request: KubeRequest, idleTimeoutMs: number): Promise<AsyncIterable<Buffer>>;
  close(): Promise<void>;
}

export interface KubeClientOptions {
  connection: Connection;
  clock: Clock;
  /** Requests in flight at once; watches are not counted. */
  connectionsMax?: number;
  /** As the server's audit log shows it, 'flotilla-agent' by default. */
  userAgent?: string;
  /** Random number in [0, 1), for jitter. */
  random?: () => number;
}

const credentialTtlMs = 30_000;
const defaultTimeoutMs = 30_000;
const defaultRetriesMax = 4;

interface Session {
  credential: Credential;
  /** The server's URL, which may end in a path where it is behind a proxy. */
  origin: string;
  basePath: string;
  requests: Agent;
  watches: Agent;
}

interface Client extends KubeClientOptions {
  userAgent: string;
  random: () => number;
  session: Session | null;
  opening: Promise<Session> | null;
  checkedMs: number;
}

export function createKubeClient(options: KubeClientOptions): KubeClient {
  const client: Client = {
    random: Math.random,
    userAgent: 'flotilla-agent',
    ...options,
    session: null,
    opening: null,
    checkedMs: 0,
  };
  return {
    server: options.connection.server,
    send: (request) => sendWithRetry(client, request),
    json: async (request) => parseJson((await sendWithRetry(client, request)).text),
    stream: (request, idleTimeoutMs) => openStream(client, request, idleTimeoutMs),
    close: async () => {
      await client.opening?.catch(() => undefined);
      const session = client.session;
      client.session = null;
      if (session) await Promise.all([session.requests.destroy(), session.watches.destroy()]);
    },
  };
}

async function sendWithRetry(client: Client, request: KubeRequest): Promise<KubeResponse> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await sendOnce(client, request);
    } catch (error) {
      if (request.signal?.aborted) throw request.signal.reason as Error;
      if (isKubeError(error, 'Unauthorized') && attempt === 1) {
        client.checkedMs = -Infinity;
        continue;
      }
      const delayMs = requestRetryDelayMs(
        error,
        attempt,
        request.retriesMax ?? defaultRetriesMax,
        client.random(),
      );
      if (delayMs === null || request.mayRetry?.() === false) throw error;
      await client.clock.sleep(delayMs, request.signal);
      if (request.mayRetry?.() === false) throw error;
    }
  }
}

async function sendOnce(client: Client, request: KubeRequest): Promise<KubeResponse> {
  const session = await currentSession(client);
  const timeoutMs = request.timeoutMs ?? defaultTimeoutMs;
  try {
    const answer = await dispatch(client, session, session.requests, request, timeoutMs);
    const text = await answer.body.text();
    if (answer.statusCode >= 400)
      throw errorFromAnswer(answer.statusCode, text, header(answer.headers['retry-after']));
    return { status: answer.statusCode, headers: answer.headers, text };
  } catch (error) {
    throw asKubeError(error, request);
  }
}

async function openStream(
  client: Client,
  request: KubeRequest,
  idleTimeoutMs: number,
): Promise<AsyncIterable<Buffer>> {
  const session = await currentSession(client);
  try {
    const answer = await dispatch(client, session, session.watches, request, idleTimeoutMs);
    if (answer.statusCode < 400) return answer.body as AsyncIterable<Buffer>;
    const text = await answer.body.text();
    if (answer.statusCode === 401) client.checkedMs = -Infinity;
    throw errorFromAnswer(answer.statusCode, text, header(answer.headers['retry-after']));
  } catch (error) {
    throw asKubeError(error, request);
  }
}

function dispatch(
  client: Client,
  session: Session,
  dispatcher: Agent,
  request: KubeRequest,
  timeoutMs: number,
): Promise<Dispatcher.ResponseData> {
  return sendRequest(dispatcher, {
    origin: session.origin,
    path: session.basePath + request.path,
    method: request.method,
    headers: headersOf(client.userAgent, session.credential, request),
    body: request.body ?? null,
    signal: request.signal ?? null,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
  });
}

function headersOf(userAgent: string, credential: Credential, request: KubeRequest): Record<string, string> {
  const headers: Record<string, string> = {
    accept: request.accept ?? 'application/json',
    'user-agent': userAgent,
  };
  if (credential.authorization !== null) headers['authorization'] = credential.authorization;
  if (request.body !== undefined) headers['content-type'] = request.contentType ?? 'application/json';
  if (request.impersonate !== undefined) headers['impersonate-user'] = impersonatedUser(request.impersonate);
  return request.headers ? { ...headers, ...request.headers } : headers;
}

function impersonatedUser(serviceAccount: string): string {
  return `system:serviceaccount:${serviceAccount.replace('/', ':')}`;
}

function header(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}

function asKubeError(error: unknown, request: KubeRequest): Error {
  if (isKubeError(error) || request.signal?.aborted) return error as Error;
  const words = error instanceof Error ? error.message : String(error);
  return new KubeError('Unavailable', `no answer from the api server: ${words}`, { cause: error });
}

/** One open at a time; the same session while the credential stays the same. */
async function currentSession(client: Client): Promise<Session> {
  const fresh = client.clock.monotonicMs() - client.checkedMs < credentialTtlMs;
  if (client.session && fresh) return client.session;
  client.opening ??= openSession(client).finally(() => {
    client.opening = null;
  });
  return client.opening;
}

async function openSession(client: Client): Promise<Session> {
  const credential = await client.connection.readCredential();
  const old = client.session;
  client.checkedMs = client.clock.monotonicMs();
  if (old && sameTls(old.credential, credential)) {
    old.credential = credential;
    return old;
  }
  const connect = tlsOptionsOf(credential);
  // HTTP/1.1 on purpose: one HTTP/2 connection costs more CPU a request here, and one lost connection would end all watches.
  const common = { connect, allowH2: false, pipelining: 1 };
  const { origin, pathname } = new URL(client.connection.server);
  const session: Session = {
    credential,
    origin,
    basePath: pathname === '/' ? '' : pathname,
    requests: new Agent({ ...common, connections: client.connectionsMax ?? 16, keepAliveTimeout: 60_000 }),
    watches: new Agent({ ...common, keepAliveTimeout: 10_000 }),
  };
  client.session = session;
  if (old) void Promise.all([old.requests.close(), old.watches.destroy()]);
  return session;
}

function sameTls(left: Credential, right: Credential): boolean {
  return (
    left.ca === right.ca &&
    left.cert === right.cert &&
    left.key === right.key &&
    left.servername === right.servername &&
    left.skipVerify === right.skipVerify
  );
}

function tlsOptionsOf(credential: Credential): Record<string, unknown> {
  const options: Record<string, unknown> = { rejectUnauthorized: !credential.skipVerify, keepAlive: true };
  if (credential.ca !== null) options['ca'] = credential.ca;
  if (credential.cert !== null) options['cert'] = credential.cert;
  if (credential.key !== null) options['key'] = credential.key;
  if (credential.servername !== null) options['servername'] = credential.servername;
  return options;
}
