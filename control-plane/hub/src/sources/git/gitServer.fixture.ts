/** A real Git server for tests: `git http-backend` behind a plain HTTP listener on a free port, and commits made by `git` itself. */
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { env } from 'node:process';

export interface SeenRequest {
  method: string;
  path: string;
  authorization: string | undefined;
}

export interface TestRepository {
  url: string;
  dir: string;
  /** Writes files (null removes one), commits and pushes; gives the commit. */
  push: (
    files: Record<string, string | Buffer | null>,
    options?: { branch?: string; force?: boolean; message?: string },
  ) => string;
  git: (...args: string[]) => string;
  bareDir: string;
}

export interface TestGitServer {
  url: string;
  requests: SeenRequest[];
  /** Answers a request itself by returning true. */
  intercept: ((request: IncomingMessage, response: ServerResponse) => boolean) | null;
  makeRepository: (name: string) => TestRepository;
  close: () => Promise<void>;
}

export async function startGitServer(): Promise<TestGitServer> {
  const root = mkdtempSync(join(tmpdir(), 'flotilla-test-git-'));
  const http = createServer((request, response) => {
    server.requests.push({
      method: request.method ?? '',
      path: request.url ?? '',
      authorization: request.headers.authorization,
    });
    if (server.intercept?.(request, response) === true) return;
    serveBackend(root, request, response);
  });
  await new Promise<void>((done) => http.listen(0, '127.0.0.1', done));
  const server: TestGitServer = {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    requests: [],
    intercept: null,
    makeRepository: (name) => makeRepository(root, server.url, name),
    close: async () => {
      http.closeAllConnections();
      await new Promise((done) => http.close(done));
      rmSync(root, { recursive: true, force: true });
    },
  };
  return server;
}

function serveBackend(root: string, request: IncomingMessage, response: ServerResponse): void {
  const [path = '/', query = ''] = (request.url ?? '/').split('?');
  const child = spawn('git', ['http-backend'], {
    env: {
      PATH: env['PATH'] ?? '',
      GIT_PROJECT_ROOT: join(root, 'bare'),
      GIT_HTTP_EXPORT_ALL: '1',
      PATH_INFO: path,
      QUERY_STRING: query,
      REQUEST_METHOD: request.method ?? 'GET',
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
      CONTENT_LENGTH: request.headers['content-length'] ?? '',
    },
  });
  child.stdin.on('error', () => undefined);
  request.pipe(child.stdin);
  const parts: Buffer[] = [];
  child.stdout.on('data', (part: Buffer) => parts.push(part));
  child.on('close', () => sendCgi(Buffer.concat(parts), response));
}

function sendCgi(output: Buffer, response: ServerResponse): void {
  const end = output.indexOf('\r\n\r\n');
  let status = 200;
  for (const line of output.toString('latin1', 0, end).split('\r\n')) {
    const [name = '', value = ''] = line.split(/:\s*/, 2);
    if (name.toLowerCase() === 'status') status = Number.parseInt(value, 10);
    else response.setHeader(name, value);
  }
  response.writeHead(status);
  response.end(output.subarray(end + 4));
}

function makeRepository(root: string, url: string, name: string): TestRepository {
  const bareDir = join(root, 'bare', `${name}.git`);
  const dir = join(root, 'work', name);
  mkdirSync(dir, { recursive: true });
  run(root, 'init', '-q', '--bare', '-b', 'main', bareDir);
  run(root, 'init', '-q', '-b', 'main', dir);
  const git = (...args: string[]): string => run(dir, ...args);
  git('remote', 'add', 'origin', bareDir);
  const push: TestRepository['push'] = (files, options = {}) => {
    for (const [path, content] of Object.entries(files)) writeOne(join(dir, path), content);
    git('add', '-A');
    git('commit', '-q', '--allow-empty', '-m', options.message ?? 'a change');
    git(
      'push',
      '-q',
      ...(options.force === true ? ['--force'] : []),
      'origin',
      `HEAD:${options.branch ?? 'main'}`,
    );
    return git('rev-parse', 'HEAD').trim();
  };
  return { url: `${url}/${name}.git`, dir, push, git, bareDir };
}

function writeOne(path: string, content: string | Buffer | null): void {
  if (content === null) return rmSync(path, { force: true });
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

function run(cwd: string, ...args: string[]): string {
  return execFileSync('git', args, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: env['PATH'] ?? '',
      HOME: cwd,
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_AUTHOR_NAME: 'Ada',
      GIT_AUTHOR_EMAIL: 'ada@example.com',
      GIT_COMMITTER_NAME: 'Ada',
      GIT_COMMITTER_EMAIL: 'ada@example.com',
    },
  });
}
