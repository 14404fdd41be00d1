/**
 * A Git server on loopback: bare repositories in one folder, over smart HTTP by git's own `http-backend`, so that what
 * clients meet is what they meet elsewhere. With an account every request needs it (HTTP basic).
 */
import { spawn } from 'node:child_process';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { readCgiHead } from './git/cgi.ts';
import { GitRepository } from './git/repository.ts';

export interface GitAccount {
  username: string;
  password: string;
}

/** What becomes of a request: it is served, answered with a status, or its connection is cut. */
export type Verdict = 'serve' | 'cut' | { status: number };

export interface GitServerOptions {
  /** Folder of the bare repositories. */
  dir: string;
  account?: GitAccount;
  /** A port to ask for first, so that a restart keeps its URLs. */
  port?: number;
  /** Asked before each request; for tests of servers that misbehave. */
  decide?: (request: IncomingMessage) => Verdict | Promise<Verdict>;
  /** A client has pushed to this repository. */
  onPush?: (repository: string) => void;
}

export interface GitServer {
  port: number;
  /** Where a client clones a repository from, without the account. */
  urlOf: (repository: string) => string;
  createRepository: (name: string) => Promise<GitRepository>;
  stop: () => Promise<void>;
}

export async function startGitServer(options: GitServerOptions): Promise<GitServer> {
  const server = createServer((request, response) => {
    handle(options, request, response).catch(() => response.destroy());
  });
  await listen(server, options.port ?? 0);
  const { port } = server.address() as AddressInfo;
  return {
    port,
    urlOf: (repository) => `http://127.0.0.1:${port}/${repository}.git`,
    createRepository: (name) => GitRepository.create(options.dir, name),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function listen(server: Server, port: number): Promise<void> {
  const attempt = (chosen: number) =>
    new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(chosen, '127.0.0.1', () => {
        server.off('error', reject);
        resolve();
      });
    });
  try {
    await attempt(port);
  } catch (error) {
    if (port === 0 || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    await attempt(0);
  }
}

async function handle(
  options: GitServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const verdict = (await options.decide?.(request)) ?? 'serve';
  if (verdict === 'cut') return void response.destroy();
  if (verdict !== 'serve') return answer(response, verdict.status);
  if (options.account !== undefined && !isAccount(request, options.account)) {
    response.setHeader('www-authenticate', 'Basic realm="git"');
    return answer(response, 401);
  }
  await serve(options.dir, request, response);
  const pushed = /^\/(.+)\.git\/git-receive-pack$/.exec(request.url ?? '')?.[1];
  if (pushed !== undefined) options.onPush?.(pushed);
}

function answer(response: ServerResponse, status: number): void {
  response.writeHead(status, { 'content-type': 'text/plain' }).end(`${status}\n`);
}

function isAccount(request: IncomingMessage, { username, password }: GitAccount): boolean {
  const expected = Buffer.from(`${username}:${password}`).toString('base64');
  return request.headers.authorization === `Basic ${expected}`;
}

/** One request by one `git http-backend`, which speaks CGI. */
async function serve(dir: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const backend = spawn('git', ['http-backend'], { env: cgiEnvironment(dir, request) });
  response.on('close', () => backend.kill());
  backend.on('error', () => response.destroy());
  backend.stderr.resume();
  // A client that goes away early, or a backend that has read enough, is not a failure of the server.
  pipeline(request, backend.stdin).catch(() => {});
  const { status, headers, rest } = await readCgiHead(backend.stdout);
  response.writeHead(status, headers);
  response.write(rest);
  await pipeline(backend.stdout, response);
}

function cgiEnvironment(dir: string, request: IncomingMessage): Record<string, string> {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const header = (name: string) => String(request.headers[name] ?? '');
  return {
    PATH: process.env['PATH'] ?? '',
    GIT_PROJECT_ROOT: dir,
    GIT_HTTP_EXPORT_ALL: '1',
    // The person's own configuration must not decide how this server behaves.
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    PATH_INFO: decodeURIComponent(url.pathname),
    QUERY_STRING: url.search.slice(1),
    REQUEST_METHOD: request.method ?? 'GET',
    CONTENT_TYPE: header('content-type'),
    ...(request.headers['content-length'] === undefined ? {} : { CONTENT_LENGTH: header('content-length') }),
    HTTP_CONTENT_ENCODING: header('content-encoding'),
    GIT_PROTOCOL: header('git-protocol'),
    REMOTE_ADDR: '127.0.0.1',
  };
}
