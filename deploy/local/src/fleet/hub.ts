/**
 * A hub as a process of its own, on loopback. Its folder holds what it must find again: its key, the admin token, its
 * CA's certificate. Ready means that it listens; until then nothing is returned.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createClient, type FlotillaClient } from '@flotilla/client/client';
import { ProgramError, startProgram, type Exit, type Program } from '../processes/program.ts';
import { root } from '../root.ts';
import { fetchAuthority } from './authority.ts';
import { lastMessageOf } from './lastMessage.ts';
import { readyLineOf } from './readyLine.ts';

export interface HubOptions {
  dir: string;
  databaseUrl: string;
  /** 0 for any. */
  httpPort?: number;
  grpcPort?: number;
  /** Further variables, or others than these; undefined takes one away. */
  env?: Record<string, string | undefined>;
  /** Without it the output is kept in memory. */
  logFile?: string;
}

export interface Hub extends AsyncDisposable {
  /** Of its REST API. */
  url: string;
  http: string;
  grpc: string;
  /** PEM file of the CA that signed its certificates. */
  caFile: string;
  /** SHA-256 of that certificate, for agents to pin. */
  caSha256: string;
  token: string;
  client: FlotillaClient;
  program: Program;
  stop: () => Promise<Exit>;
  /** As the kernel or a power cut would. */
  crash: () => Promise<Exit>;
}

const READY_TIMEOUT_MS = 120_000;
const HUB_PROGRAM = join(root, 'control-plane/hub/dist/main.js');

/** Runs the hub's own migrations. */
export async function migrateHub(databaseUrl: string): Promise<void> {
  const program = startProgram({
    name: 'hub migrate',
    command: process.execPath,
    args: [HUB_PROGRAM, 'migrate'],
    env: { DATABASE_URL: databaseUrl },
  });
  const { code } = await program.exited;
  if (code !== 0) throw new HubError(`hub migrate failed: ${lastMessageOf(program.output())}`);
}

/** `hub recover`, beside a hub of this folder: its exit code, and one line of JSON a cluster. */
export async function recoverHub(
  { dir, databaseUrl }: Pick<HubOptions, 'dir' | 'databaseUrl'>,
  ...args: string[]
): Promise<{ code: number | null; clusters: Record<string, unknown>[] }> {
  const program = startProgram({
    name: 'hub recover',
    command: process.execPath,
    args: [HUB_PROGRAM, 'recover', ...args],
    env: { DATABASE_URL: databaseUrl, HUB_KEY_FILE: join(dir, 'hub.key') },
  });
  const { code } = await program.exited;
  const lines = program.output().split('\n');
  const clusters = lines.filter((line) => line.startsWith('{"cluster"'));
  return { code, clusters: clusters.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

export class HubError extends Error {
  override readonly name = 'HubError';
}

export async function startHub(options: HubOptions): Promise<Hub> {
  await mkdir(options.dir, { recursive: true, mode: 0o700 });
  const tokenFile = join(options.dir, 'admin.token');
  const program = startProgram({
    name: 'hub',
    command: process.execPath,
    args: [HUB_PROGRAM, 'serve'],
    env: {
      DATABASE_URL: options.databaseUrl,
      HUB_HTTP_LISTEN: `127.0.0.1:${options.httpPort ?? 0}`,
      HUB_GRPC_LISTEN: `127.0.0.1:${options.grpcPort ?? 0}`,
      HUB_KEY_FILE: join(options.dir, 'hub.key'),
      HUB_BOOTSTRAP_TOKEN_FILE: tokenFile,
      // Local repositories are on loopback and without TLS, which a hub otherwise refuses to fetch from.
      HUB_SOURCES_ALLOW: '127.0.0.1',
      NODE_OPTIONS: undefined,
      ...options.env,
    },
    ...(options.logFile === undefined ? {} : { logFile: options.logFile }),
  });
  try {
    return await describe(program, options.dir, tokenFile);
  } catch (error) {
    const { code } = await program.stop({ signal: 'SIGKILL' });
    if (!(error instanceof ProgramError) || code === null) throw error;
    throw new HubError(`the hub does not start: ${lastMessageOf(program.output())}`, { cause: error });
  }
}

async function describe(program: Program, dir: string, tokenFile: string): Promise<Hub> {
  const ready = await readyLineOf(program, READY_TIMEOUT_MS);
  const http = String(ready['http']);
  const authority = await fetchAuthority(http);
  const caFile = join(dir, 'ca.pem');
  await writeFile(caFile, authority.pem);
  const token = (await readFile(tokenFile, 'utf8')).trim();
  const url = `https://${http}`;
  const stop = (signal: NodeJS.Signals) => program.stop({ signal });
  return {
    url,
    http,
    grpc: String(ready['grpc'] ?? ''),
    caFile,
    caSha256: authority.sha256,
    token,
    client: createClient({ url, token, caFile }),
    program,
    stop: () => stop('SIGTERM'),
    crash: () => stop('SIGKILL'),
    [Symbol.asyncDispose]: async () => void (await stop('SIGTERM')),
  };
}
