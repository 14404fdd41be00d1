/**
 * `npm start`: a living fleet on this machine. It sets up what is missing, starts everything, shows the sample's commit
 * arriving, and stays until Ctrl-C; with `--once` it ends when the commit has arrived. Whatever happens, nothing that it
 * started stays behind.
 */
import { openState, requireSameShape, shapeOf } from './start/state.ts';
import { Breakage } from './start/breakage.ts';
import { startFleet } from './start/fleet.ts';
import { parseStartOptions, type StartOptions } from './start/options.ts';
import { writeOutcome } from './start/outcome.ts';
import { hasArrived } from './start/progress.ts';
import { runProgram } from './start/runProgram.ts';
import { say } from './start/say.ts';
import { Show } from './start/screen/show.ts';
import { setUp } from './start/setUp.ts';

async function run(options: StartOptions, stopping: AbortController): Promise<number> {
  const { signal } = stopping;
  const state = await openState(options, options.stateDir);
  try {
    const shape = shapeOf(options.engine, options.clusters);
    requireSameShape(state.kept, shape);
    const startedAt = Number(process.env['FLOTILLA_STARTED_AT'] ?? Date.now());
    using show = new Show({ mayDraw: !options.once, quit: () => stopping.abort() });
    signal.addEventListener('abort', () => leave(show), { once: true });
    const engine = await setUp(options, signal);
    const setUpAt = Date.now();
    await using fleet = await startFleet(state, engine, shape);
    const runningAt = Date.now();
    const tookMs = { setup: setUpAt - startedAt, start: runningAt - setUpAt };
    const breakage = new Breakage(fleet);
    const watch = show.attach(fleet);
    const commit = await fleet.config.head();
    const arrival = { commit, targets: 2 * fleet.clusters.length, sinceMs: setUpAt };
    const timeout = AbortSignal.timeout(Math.max(options.timeoutMs - tookMs.start, 1));
    await watch.run((seen) => hasArrived(seen, arrival), AbortSignal.any([signal, timeout, breakage.signal]));
    if (signal.aborted) return 0;
    breakage.signal.throwIfAborted();
    const arrived = hasArrived(watch.last, arrival);
    const took = { ...tookMs, healthy: Date.now() - runningAt };
    if (options.json !== undefined) await writeOutcome(options.json, fleet, watch.last, took, commit);
    if (!arrived)
      say(
        `commit ${commit.slice(0, 7)} is not everywhere after ${options.timeoutMs / 1000} s; the hub's log: ${fleet.hubLog}`,
      );
    if (options.once) return arrived ? 0 : 1;
    breakage.letPeopleTry();
    await show.live(fleet, watch, AbortSignal.any([signal, breakage.signal]));
    breakage.signal.throwIfAborted();
    return 0;
  } finally {
    await state.release();
  }
}

/** Stopping takes a while: what is said of it comes after the screen. */
function leave(show: Show): void {
  show[Symbol.dispose]();
  say('stopping …');
}

process.exitCode = await runProgram((stopping) => run(parseStartOptions(process.argv.slice(2)), stopping));
