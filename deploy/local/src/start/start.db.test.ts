/** `npm start` as the program that it is, on a folder of its own: what it does where the machine or its folder is not as it should be. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startProgram, untilReady, type Program } from '../processes/program.ts';
import { root } from '../root.ts';
import type { KeptState } from './state.ts';

const run = promisify(execFile);
const ARRIVED_WITHIN_MS = 120_000;
const timeout = ARRIVED_WITHIN_MS;

let base: string;
let state: string;

function start(...args: string[]): Program {
  return startWith({}, ...args);
}

function startWith(env: Record<string, string | undefined>, ...args: string[]): Program {
  const script = join(root, 'deploy/local/src/start.ts');
  const own = ['--clusters', '1', '--state', state, '--no-build', ...args];
  return startProgram({
    name: 'npm start',
    command: process.execPath,
    args: ['--conditions=@flotilla/source', script, ...own],
    env,
  });
}

async function outcomeOf(program: Program): Promise<{ code: number | null; said: string }> {
  const { code } = await program.exited;
  return { code, said: program.output() };
}

const startOnce = (...args: string[]) => outcomeOf(start('--once', ...args));
const kept = async () => JSON.parse(await readFile(join(state, 'state.json'), 'utf8')) as KeptState;

/** Command lines of processes that have to do with this fleet. */
async function left(): Promise<string[]> {
  const { stdout } = await run('ps', ['-eo', 'args']);
  return stdout.split('\n').filter((line) => line.includes(state));
}

/** The system takes a moment to forget a process. */
async function untilNoneIsLeft(): Promise<void> {
  for (let tries = 0; (await left()).length > 0 && tries < 100; tries += 1) await delay(50);
  expect(await left()).toEqual([]);
}

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'flotilla-start-'));
  state = join(base, 'fleet');
  const json = join(base, 'out.json');
  const { code, said } = await startOnce('--json', json);
  expect(said).toContain('simulated Kubernetes API servers (simkube); real ones: --engine kubelab');
  expect(code).toBe(0);
  const outcome = JSON.parse(await readFile(json, 'utf8')) as Record<string, unknown>;
  expect(outcome).toMatchObject({
    engine: 'simkube',
    tookMs: { start: expect.any(Number) as number, healthy: expect.any(Number) as number },
    clusters: [{ name: 'dev', sync: 'Synced', health: 'Healthy', revision: 1 }],
  });
}, timeout);
afterAll(() => rm(base, { recursive: true }));
beforeEach(untilNoneIsLeft);

describe('a second start', () => {
  test.each([
    ["the hub's API", (ports: KeptState['ports']) => ports.http],
    ['the Git server', (ports: KeptState['ports']) => ports.git],
    ['cluster dev', (ports: KeptState['ports']) => ports.clusters['dev'] ?? 0],
  ])('says which port is in use, of %s, and starts nothing', async (what, portOf) => {
    const port = portOf((await kept()).ports);
    await using server = createServer().listen(port, '127.0.0.1');
    await once(server, 'listening');
    expect(await startOnce()).toEqual({
      code: 1,
      said: `port ${port}, which this fleet had for ${what}, is in use: end what uses it, or start over with --fresh\n`,
    });
  });

  test(
    'moves Postgres where its port is in use, and continues the rest on the same ports',
    async () => {
      const before = (await kept()).ports;
      await using server = createServer().listen(before.postgres, '127.0.0.1');
      await once(server, 'listening');
      const { code, said } = await startOnce();
      const after = (await kept()).ports;
      expect(said).toContain(
        `port ${before.postgres} is in use: Postgres is on ${after.postgres} from now on`,
      );
      expect(code).toBe(0);
      expect({ ...after, postgres: 0 }).toEqual({ ...before, postgres: 0 });
      expect(after.postgres).not.toBe((server.address() as AddressInfo).port);
    },
    timeout,
  );

  test(
    'sets a broken snapshot aside, says so, and brings the cluster back to where it was',
    async () => {
      const dir = join(state, 'simkube', 'dev');
      await writeFile(join(dir, 'snapshot.json'), '{"format": "simkube", "objects": [');
      const { code, said } = await startOnce();
      expect(said).toMatch(/cluster dev starts empty: .* it is not whole; it was kept as .*\.broken-/);
      expect(code).toBe(0);
      const aside = (await readdir(dir)).find((name) => name.includes('.broken-')) ?? '';
      expect(await readFile(join(dir, aside), 'utf8')).toBe('{"format": "simkube", "objects": [');
    },
    timeout,
  );

  test('leaves a broken state.json alone and says what to do', async () => {
    const file = join(state, 'state.json');
    const whole = await readFile(file, 'utf8');
    await writeFile(file, whole.slice(0, 40));
    const { code, said } = await startOnce();
    expect(said).toMatch(/^.*state\.json, which an earlier start left, is damaged: .*--fresh.*\n$/);
    expect(code).toBe(1);
    expect(await readFile(file, 'utf8')).toBe(whole.slice(0, 40));
    await writeFile(file, whole);
  });

  test('refuses another number of clusters and names the one it has', async () => {
    expect(await startOnce('--clusters', '2')).toEqual({
      code: 1,
      said: 'the fleet that an earlier start left has other clusters (sim:1, not sim:2): continue it with --engine sim --clusters 1, or start over with --fresh\n',
    });
  });
});

test('on a machine without Go, real clusters are refused in one sentence', async () => {
  const elsewhere = { PATH: base, HOME: base, XDG_CACHE_HOME: undefined };
  const own = ['--state', join(base, 'real'), '--engine', 'kubelab', '--once'];
  expect(await outcomeOf(startWith(elsewhere, ...own))).toEqual({
    code: 1,
    said: 'local Kubernetes clusters are built with Go ≥ 1.26, and there is no go on the PATH: get it from https://go.dev/dl\n',
  });
});

describe('while a fleet runs', () => {
  test(
    'a second start at once, and a second simkube on its folder, are refused; a program that is killed ends it with its name',
    async () => {
      const first = start();
      const json = join(base, 'live.json');
      await rm(json, { force: true });
      await untilReady(first, () => Promise.resolve(first.output().includes('Your fleet runs')), timeout);
      const second = await startOnce('--fresh');
      expect(second.code).toBe(1);
      expect(second.said).toMatch(/^a local fleet is running already, by process \d+: end that one first\n$/);
      await expectSimkubeRefused();
      const { stdout } = await run('pgrep', ['-f', `simkube/main.ts ${state}`]);
      process.kill(Number(stdout.trim()), 'SIGKILL');
      const { code, said } = await outcomeOf(first);
      expect(said).toMatch(
        /simkube was killed, and not by this start, .* MB are free now; free some, or start/,
      );
      expect(code).toBe(1);
      await untilNoneIsLeft();
      expect((await startOnce()).code).toBe(0);
    },
    2 * timeout,
  );
});

async function expectSimkubeRefused(): Promise<void> {
  const program = startProgram({
    name: 'simkube',
    command: process.execPath,
    args: [
      '--conditions=@flotilla/source',
      join(root, 'deploy/local/src/simkube/main.ts'),
      join(state, 'simkube'),
      'dev',
    ],
  });
  const { code, said } = await outcomeOf(program);
  expect(JSON.parse(said)).toEqual({
    msg: `another simkube has the folder ${join(state, 'simkube')}: end that one first, or name another folder`,
  });
  expect(code).toBe(1);
}
