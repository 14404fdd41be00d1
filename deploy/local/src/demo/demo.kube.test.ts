/** `npm run demo` as the program that it is: every step of the tour is seen on simulated clusters, and nothing stays. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startProgram, type Program } from '../processes/program.ts';
import { root } from '../root.ts';
import type { StepOutcome } from './run.ts';

const run = promisify(execFile);
/** It takes about a minute on an idle machine, and three and a half on one that does eight other things. */
const tourWithinMs = 400_000;

let base: string;
let demo: Program;
beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'flotilla-demo-'));
});
afterAll(async () => {
  await demo?.stop({ timeoutMs: 20_000 });
  await rm(base, { recursive: true });
});

/** Command lines of processes that have to do with this fleet. */
async function left(): Promise<string[]> {
  const { stdout } = await run('ps', ['-eo', 'args']);
  return stdout.split('\n').filter((line) => line.includes(base));
}

test(
  'the tour shows a push, a canary, a bad version, drift, a dead hub and a cloned agent, and leaves nothing running',
  async () => {
    const json = join(base, 'seen.json');
    const script = join(root, 'deploy/local/src/demo.ts');
    const options = [
      '--once',
      '--no-build',
      '--speed',
      '2',
      '--clusters',
      '6',
      '--timeout',
      '100',
      '--json',
      json,
    ];
    demo = startProgram({
      name: 'npm run demo',
      command: process.execPath,
      args: ['--conditions=@flotilla/source', script, ...options, '--state', join(base, 'fleet')],
    });
    const { code } = await demo.exited;
    expect(demo.output()).toContain('That was the tour.');
    expect(code).toBe(0);
    const { ok, steps } = JSON.parse(await readFile(json, 'utf8')) as { ok: boolean; steps: StepOutcome[] };
    expect(ok).toBe(true);
    expect(steps.map(({ name }) => name)).toEqual([
      'push',
      'canary',
      'failure',
      'mend',
      'drift',
      'hub-away',
      'clone',
      'audit',
    ]);
    for (let tries = 0; (await left()).length > 0 && tries < 100; tries += 1) await delay(50);
    expect(await left()).toEqual([]);
  },
  tourWithinMs,
);
