/** A hub that answers what a test says, a terminal that remembers, and one run of the CLI against both. */
import { mkdtemp } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { run } from './program.ts';

export interface Answer {
  status?: number;
  body: unknown;
  /** Instead of the body: the answer stays open, and this is called with it. */
  stream?: (response: ServerResponse) => void;
}

/** By `GET /path`; a function sees the parsed body. */
export type Answers = Record<string, Answer | ((body: unknown, query: URLSearchParams) => Answer)>;

export interface FakeHub extends AsyncDisposable {
  url: string;
  requests: { route: string; body: unknown; headers: NodeJS.Dict<string | string[]> }[];
}

export async function fakeHub(answers: Answers): Promise<FakeHub> {
  const requests: FakeHub['requests'] = [];
  const server: Server = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://hub');
    const route = `${request.method} ${url.pathname.replace('/api/v1', '')}`;
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString();
      const body: unknown = text === '' ? undefined : JSON.parse(text);
      requests.push({ route, body, headers: request.headers });
      const given = answers[route] ?? { status: 404, body: { title: `no such page ${route}`, status: 404 } };
      const answer = typeof given === 'function' ? given(body, url.searchParams) : given;
      if (answer.stream !== undefined) {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.flushHeaders();
        return answer.stream(response);
      }
      response.writeHead(answer.status ?? 200, { 'content-type': 'application/json' });
      response.end(answer.status === 204 ? undefined : JSON.stringify(answer.body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  url?: string;
  token?: string;
  configHome?: string;
  /** As it comes, piece by piece. */
  stdin?: string | readonly string[];
  isTTY?: boolean;
  isDumb?: boolean;
  /** Of the terminal. */
  columns?: number;
  rows?: number;
  /** Somebody sits before standard input. */
  isAsked?: boolean;
  signal?: AbortSignal;
  /** The clock goes on; otherwise it stands, so that ages are always the same. */
  ticking?: boolean;
}

export const now = new Date('2026-11-24T15:00:00Z');

export async function flotilla(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const { columns = 80, rows = 24 } = options;
  const stdout = Object.assign(
    memory(options.isTTY ?? false),
    options.isTTY === true ? { columns, rows } : {},
  );
  const stderr = memory(false);
  const configHome = options.configHome ?? (await mkdtemp(join(tmpdir(), 'flotilla-cli-')));
  const started = Date.now();
  const code = await run(args, {
    environment: {
      url: options.url,
      token: options.token,
      caFile: undefined,
      context: undefined,
      configPath: join(configHome, 'config.json'),
      noColor: options.isDumb ?? false,
      isDumb: options.isDumb ?? false,
    },
    stdout,
    stderr,
    stdin: Object.assign(
      (async function* () {
        yield* [options.stdin ?? ''].flat();
      })(),
      { isTTY: options.isAsked ?? false },
    ),
    now: () => new Date(now.getTime() + (options.ticking ? Date.now() - started : 0)),
    signal: options.signal ?? new AbortController().signal,
  });
  return { code, stdout: stdout.text(), stderr: stderr.text() };
}

function memory(isTTY: boolean) {
  let text = '';
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString();
      done();
    },
  });
  return Object.assign(stream, { isTTY, text: () => text });
}
