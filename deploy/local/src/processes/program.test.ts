import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ProgramError, startProgram, untilReady } from './program.ts';

const script = (source: string) => ({ name: 'script', command: process.execPath, args: ['-e', source] });
const isAlive = (pid: number) => existsSync(`/proc/${pid}`);

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error('not within 10 s');
    await delay(10);
  }
}

describe('a program', () => {
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'flotilla-program-'));
  });
  afterAll(() => rm(dir, { recursive: true }));

  test('is asked to stop, and its exit is known', async () => {
    const program = startProgram(
      script('process.on("SIGTERM", () => process.exit(7)); setInterval(() => {}, 1000); console.log("up")'),
    );
    await untilReady(program, () => Promise.resolve(program.output().includes('up')), 10_000);
    expect(await program.stop()).toEqual({ code: 7, signal: null });
  });

  test('that does not stop is killed with all that it started', async () => {
    const source = `
      process.on('SIGTERM', () => {});
      const child = require('child_process').spawn('sleep', ['600']);
      console.log('child ' + child.pid);
      setInterval(() => {}, 1000);`;
    const program = startProgram(script(source));
    await untilReady(program, () => Promise.resolve(/child \d+\n/.test(program.output())), 10_000);
    const child = Number(/child (\d+)/.exec(program.output())?.[1]);
    expect(await program.stop({ timeoutMs: 100 })).toEqual({ code: null, signal: 'SIGKILL' });
    await until(() => !isAlive(child));
  });

  test('that ends while it starts is an error with its last words', async () => {
    const logFile = join(dir, 'early.log');
    const program = startProgram({ ...script('console.error("no such setting"); process.exit(1)'), logFile });
    const ready = untilReady(program, () => Promise.resolve(false), 10_000);
    await expect(ready).rejects.toThrow(ProgramError);
    await expect(ready).rejects.toThrow(/script ended while it started; its last words:\nno such setting/);
  });

  test('that is not ready in time is an error, and ended', async () => {
    const program = startProgram(script('setInterval(() => {}, 1000)'));
    await expect(untilReady(program, () => Promise.resolve(false), 50)).rejects.toThrow(
      /not ready within 50 ms/,
    );
    expect(program.hasExited()).toBe(true);
  });

  test('that is not there says so', () => {
    expect(() => startProgram({ name: 'etcd', command: join(dir, 'etcd') })).toThrow(
      /etcd cannot be started/,
    );
  });

  test('does not outlive a parent that was killed', async () => {
    const pidFile = join(dir, 'orphan.pid');
    const parentFile = join(dir, 'parent.mts');
    await writeFile(
      parentFile,
      `import { writeFileSync } from 'node:fs';
       import { startProgram } from ${JSON.stringify(join(import.meta.dirname, 'program.ts'))};
       const program = startProgram({ name: 'sleep', command: 'sleep', args: ['600'] });
       setTimeout(() => writeFileSync(${JSON.stringify(pidFile)}, String(program.pid)), 50);
       setInterval(() => {}, 1000);`,
    );
    const parent = spawn(process.execPath, [parentFile], { stdio: 'ignore' });
    await until(() => existsSync(pidFile));
    const pid = Number(await readFile(pidFile, 'utf8'));
    expect(isAlive(pid)).toBe(true);
    parent.kill('SIGKILL');
    await once(parent, 'exit');
    await until(() => !isAlive(pid));
  });
});
