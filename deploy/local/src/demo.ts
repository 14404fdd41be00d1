/**
 * `npm run demo`: a tour of what the fleet does, on a fleet of its own that begins anew each time: a push, a canary, a bad
 * version, drift, a dead hub, a cloned agent. A person follows it with Enter; with `--once` it runs by itself and asserts
 * what it says. Whatever happens, nothing that it started stays behind.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pc from 'picocolors';
import { parseDemoOptions, type DemoOptions } from './demo/options.ts';
import { runSteps, type StepOutcome } from './demo/run.ts';
import { audit } from './demo/steps/audit.ts';
import { canary } from './demo/steps/canary.ts';
import { clone } from './demo/steps/clone.ts';
import { drift } from './demo/steps/drift.ts';
import { failure } from './demo/steps/failure.ts';
import { hubAway } from './demo/steps/hubAway.ts';
import { mend } from './demo/steps/mend.ts';
import { push } from './demo/steps/push.ts';
import { withSpare } from './demo/spare.ts';
import { Tour } from './demo/tour.ts';
import { root } from './root.ts';
import { Breakage } from './start/breakage.ts';
import { startFleet } from './start/fleet.ts';
import { runProgram } from './start/runProgram.ts';
import { say } from './start/say.ts';
import { spell } from './start/screen/text.ts';
import { setUp } from './start/setUp.ts';
import { openState, shapeOf } from './start/state.ts';

const STATE_DIR = join(root, '.flotilla', 'demo');
const steps = [push, canary, failure, mend, drift, hubAway, clone, audit];

async function run(options: DemoOptions, stopping: AbortSignal): Promise<number> {
  const startedMs = performance.now();
  const state = await openState({ fresh: true }, options.stateDir ?? STATE_DIR);
  try {
    const kind = { kind: options.engine };
    const clusters = options.clusters + 1;
    const { engine, spare } = withSpare(
      await setUp({ engine: kind, clusters, build: options.build }, stopping),
    );
    await using fleet = await startFleet(state, engine, shapeOf(kind, clusters));
    const breakage = new Breakage(fleet);
    breakage.letPeopleTry();
    const signal = AbortSignal.any([stopping, breakage.signal]);
    const { timeoutMs, speed } = options;
    await using tour = new Tour({
      fleet,
      spare: spare(),
      dir: join(state.dir, 'agents'),
      timeoutMs,
      speed,
      signal,
    });
    say(`\nA fleet of ${fleet.clusters.length} clusters runs: ${engine.description}.`);
    const isPaced = !options.once && process.stdin.isTTY;
    const startMs = Math.round(performance.now() - startedMs);
    const outcomes = await runSteps(steps, { tour, isPaced, signal });
    const ok = outcomes.length === steps.length && outcomes.every((outcome) => outcome.ok);
    const tookMs = { start: startMs, total: Math.round(performance.now() - startedMs) };
    if (options.json !== undefined)
      await write(options.json, {
        ok,
        engine: engine.name,
        clusters: fleet.clusters.length,
        tookMs,
        steps: outcomes,
      });
    sayEnd(ok, outcomes, tookMs.total);
    return ok ? 0 : 1;
  } finally {
    await state.release();
  }
}

function sayEnd(ok: boolean, outcomes: readonly StepOutcome[], totalMs: number): void {
  const last = outcomes.at(-1);
  if (ok)
    say(`\n${pc.bold('That was the tour.')} All ${outcomes.length} steps were seen, in ${spell(totalMs)}.`);
  else say(`\n${pc.bold('The tour ended early.')} Step "${last?.name ?? ''}" did not go as told, see above.`);
}

async function write(file: string, outcome: unknown): Promise<void> {
  await writeFile(file, `${JSON.stringify(outcome, null, 2)}\n`);
}

process.exitCode = await runProgram(({ signal }) => {
  signal.addEventListener('abort', () => say('stopping …'), { once: true });
  return run(parseDemoOptions(process.argv.slice(2)), signal);
});
