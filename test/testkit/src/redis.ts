/** A real Redis of its own, for the tests that are about it. Nothing is kept; `FLUSHALL` is the test's to give. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { allocatePort, withPortRetry } from '@flotilla/local/ports';
import { startProgram, untilReady } from '@flotilla/local/processes/program';

const run = promisify(execFile);

export interface Redis extends AsyncDisposable {
  url: string;
  /** One command without spaces in its words; the reply's first line. */
  command: (...words: string[]) => Promise<string>;
}

export class RedisMissingError extends Error {
  override readonly name = 'RedisMissingError';
}

const READY_TIMEOUT_MS = 10_000;

export async function startRedis(): Promise<Redis> {
  const binary = await ensureRedis();
  const dir = await mkdtemp(join(tmpdir(), 'flotilla-redis-'));
  const { program, port } = await withPortRetry(async () => {
    const chosen = await allocatePort();
    const args = [
      '--port',
      String(chosen),
      '--bind',
      '127.0.0.1',
      '--save',
      '',
      '--appendonly',
      'no',
      '--dir',
      dir,
    ];
    const started = startProgram({ name: 'redis-server', command: binary, args });
    await untilReady(started, async () => (await send(chosen, ['PING'])) === '+PONG', READY_TIMEOUT_MS);
    return { program: started, port: chosen };
  });
  return {
    url: `redis://127.0.0.1:${port}`,
    command: (...words) => send(port, words),
    async [Symbol.asyncDispose]() {
      await program.stop({ signal: 'SIGKILL' });
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Path of the program; on Debian root may install it. */
async function ensureRedis(): Promise<string> {
  const found = await which();
  if (found !== undefined) return found;
  if (process.getuid?.() === 0 && existsSync('/etc/debian_version')) {
    await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'redis-server'], {
      // The package would start a server of the system's own.
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
    }).catch(() =>
      run('apt-get', ['update', '-qq']).then(() => run('apt-get', ['install', '-y', '-qq', 'redis-server'])),
    );
    const installed = await which();
    if (installed !== undefined) return installed;
  }
  throw new RedisMissingError(
    'this test needs redis-server on the PATH: install it (Debian: apt-get install redis-server)',
  );
}

async function which(): Promise<string | undefined> {
  return run('sh', ['-c', 'command -v redis-server']).then(
    ({ stdout }) => stdout.trim(),
    () => undefined,
  );
}

function send(port: number, words: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(port, '127.0.0.1');
    let reply = '';
    socket.setEncoding('utf8');
    socket.on('error', reject);
    socket.on('data', (text: string) => {
      reply += text;
      if (!reply.includes('\r\n')) return;
      socket.destroy();
      resolve(reply.slice(0, reply.indexOf('\r\n')));
    });
    socket.on('close', () => reject(new Error('redis closed the connection')));
    socket.write(`${words.join(' ')}\r\n`);
  });
}
