/**
 * A reverse proxy in front of an API server, for faults at a chosen request: it holds the request before it is forwarded
 * or its answer before it is passed on, or answers by itself. It shows the API server's own certificate.
 */
import { readFile } from 'node:fs/promises';
import { request as requestHttps, Agent, createServer, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';

export interface RequestMatch {
  method?: string;
  /** Against path and query. */
  path?: RegExp;
  userAgent?: RegExp;
  /** The n-th match only, from 1; without it every one. */
  nth?: number;
  /** Before the API server saw the request, or after it answered. */
  when?: 'before' | 'after';
}

export interface SeenRequest {
  method: string;
  path: string;
}

export interface HeldRequest {
  /** Resolves when a request that matches has come. */
  reached: Promise<SeenRequest>;
  /** Lets it and all later ones pass. */
  release: () => void;
  /** Cuts the connection of the held request. */
  cut: () => void;
}

export interface CannedAnswer {
  status: number;
  body?: unknown;
}

type Action = { kind: 'hold'; pass: Promise<'release' | 'cut'> } | ({ kind: 'answer' } & CannedAnswer);

interface Rule {
  match: RequestMatch;
  seen: number;
  reached: (request: SeenRequest) => void;
  action: Action;
}

export interface ApiProxyTarget {
  /** `https://127.0.0.1:PORT` */
  url: string;
  /** Folder with the API server's `apiserver.crt` and `apiserver.key`. */
  certificatesDir: string;
}

export class ApiProxy implements AsyncDisposable {
  readonly url: string;
  /** All requests that came, in order. */
  readonly requests: SeenRequest[] = [];
  readonly #target: string;
  readonly #server: Server;
  readonly #agent: Agent;
  readonly #sockets = new Set<Duplex>();
  #rules: Rule[] = [];
  #refusing = false;

  private constructor(server: Server, target: string, ca: string) {
    this.#server = server;
    this.#target = target;
    this.#agent = new Agent({ keepAlive: true, ca });
    this.url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('connection', (socket) => this.#track(socket));
    server.on('request', (incoming, response) => {
      this.#handle(incoming, response).catch(() => response.destroy());
    });
  }

  static async start(target: ApiProxyTarget): Promise<ApiProxy> {
    const cert = await readFile(join(target.certificatesDir, 'apiserver.crt'), 'utf8');
    const key = await readFile(join(target.certificatesDir, 'apiserver.key'), 'utf8');
    // A watch is a request without end, and an agent may be silent for long.
    const server = createServer({ cert, key, requestTimeout: 0, keepAliveTimeout: 60_000 });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new ApiProxy(server, target.url, cert);
  }

  hold(match: RequestMatch): HeldRequest {
    const { promise: pass, resolve } = Promise.withResolvers<'release' | 'cut'>();
    const { rule, reached } = this.#addRule(match, { kind: 'hold', pass });
    const end = (how: 'release' | 'cut') => () => {
      this.#rules = this.#rules.filter((other) => other !== rule);
      resolve(how);
    };
    return { reached, release: end('release'), cut: end('cut') };
  }

  /** Answers in the API server's place, also where it has done its work (`when: 'after'`). Returns how to stop that. */
  answer(match: RequestMatch, canned: CannedAnswer): { reached: Promise<SeenRequest>; stop: () => void } {
    const { rule, reached } = this.#addRule(match, { kind: 'answer', ...canned });
    return { reached, stop: () => (this.#rules = this.#rules.filter((other) => other !== rule)) };
  }

  /** Ends every connection and refuses new ones until `restore`. */
  cut(): void {
    this.#refusing = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  restore(): void {
    this.#refusing = false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    this.#agent.destroy();
    await closed;
  }

  #addRule(match: RequestMatch, action: Action): { rule: Rule; reached: Promise<SeenRequest> } {
    const { promise: reached, resolve } = Promise.withResolvers<SeenRequest>();
    const rule: Rule = { match, seen: 0, reached: resolve, action };
    this.#rules.push(rule);
    return { rule, reached };
  }

  #track(socket: Duplex): void {
    if (this.#refusing) {
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => this.#sockets.delete(socket));
  }

  async #handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const seen = { method: incoming.method ?? '', path: incoming.url ?? '' };
    this.requests.push(seen);
    const rule = this.#rules.find((candidate) => applies(candidate, incoming));
    if (rule === undefined) return this.#forward(incoming, response);
    if (rule.match.when === 'after') return this.#handleAfter(rule, seen, incoming, response);
    rule.reached(seen);
    if (rule.action.kind === 'answer') return sendCanned(response, rule.action);
    if ((await rule.action.pass) === 'cut') return void response.destroy();
    return this.#forward(incoming, response);
  }

  /** The API server does its work and has answered before the test hears of it. */
  async #handleAfter(
    rule: Rule,
    seen: SeenRequest,
    incoming: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const upstream = await this.#send(incoming);
    const body = await buffer(upstream);
    rule.reached(seen);
    if (rule.action.kind === 'answer') return sendCanned(response, rule.action);
    if ((await rule.action.pass) === 'cut') return void response.destroy();
    response.writeHead(upstream.statusCode ?? 502, upstream.headers).end(body);
  }

  async #forward(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const upstream = await this.#send(incoming);
    response.writeHead(upstream.statusCode ?? 502, upstream.headers);
    response.flushHeaders();
    response.on('close', () => upstream.destroy());
    upstream.on('error', () => response.destroy());
    upstream.pipe(response);
  }

  #send(incoming: IncomingMessage): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const { method, headers } = incoming;
      const outgoing = requestHttps(
        new URL(incoming.url ?? '/', this.#target),
        { agent: this.#agent, ...(method === undefined ? {} : { method }), headers },
        resolve,
      );
      outgoing.on('error', reject);
      incoming.on('error', () => outgoing.destroy());
      incoming.pipe(outgoing);
    });
  }
}

/** Counts as it looks: each request is shown to each rule at most once. */
function applies(rule: Rule, incoming: IncomingMessage): boolean {
  const { method, path, userAgent, nth } = rule.match;
  if (method !== undefined && method !== incoming.method) return false;
  if (path !== undefined && !path.test(incoming.url ?? '')) return false;
  if (userAgent !== undefined && !userAgent.test(incoming.headers['user-agent'] ?? '')) return false;
  rule.seen++;
  return nth === undefined || rule.seen === nth;
}

function sendCanned(response: ServerResponse, { status, body }: CannedAnswer): void {
  const message = body ?? {
    kind: 'Status',
    apiVersion: 'v1',
    status: 'Failure',
    code: status,
    message: 'answered by a test',
  };
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(message));
}
