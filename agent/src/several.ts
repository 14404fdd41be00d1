/**
 * Several agents as one process, for many clusters on one machine: `several.js FILE`, where FILE is a JSON list of
 * `{name, environment}`, each environment as `main.ts` reads its own. Each is a whole agent with a hub connection, a Lease
 * and a folder of its own; only the runtime is shared. They begin a few at a time, so that none waits long for an answer.
 * One that fails begins again, as a pod would.
 */
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import { runAgent } from './agent.ts';
import { describeError } from './describeError.ts';
import type { Config } from './config.ts';
import { readConfig } from './config.ts';
import type { Log } from './log.ts';
import type { Readiness } from './ops/healthServer.ts';
import { inParallel } from './reconcile/parallel.ts';

interface Hosted {
  name: string;
  config: Config;
}

const startingMax = 8;
/** A hub that is away holds nobody back for longer: agents work without it. */
const startingMaxMs = 3_000;
const pollMs = 20;
const restartDelayMs = 5_000;

async function main(): Promise<void> {
  const agents = await readAgents(process.argv[2] ?? '');
  const log = pino({ base: {}, serializers: { error: describeError } }, pino.destination(2));
  const stopping = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.once(name, () => stopping.abort(new Error(`stopped by ${name}`)));
  }
  process.stdout.write(`${JSON.stringify({ msg: 'ready', agents: agents.length })}\n`);
  await runAll(agents, (name) => log.child({ agent: name }), stopping.signal);
}

async function readAgents(file: string): Promise<Hosted[]> {
  const listed = JSON.parse(await readFile(file, 'utf8')) as {
    name: string;
    environment: Record<string, string>;
  }[];
  return listed.map(({ name, environment }) => ({ name, config: readConfig(environment) }));
}

/** Resolves when aborted and every agent has put everything down. */
async function runAll(
  agents: readonly Hosted[],
  logOf: (name: string) => Log,
  signal: AbortSignal,
): Promise<void> {
  const running: Promise<void>[] = [];
  await inParallel(agents, startingMax, async (agent) => {
    if (signal.aborted) return;
    const readiness: Readiness = { ready: false, phase: 'starting' };
    running.push(keepRunning(agent, logOf(agent.name), readiness, signal));
    await untilStarted(readiness, signal);
  });
  await Promise.all(running);
}

async function untilStarted(readiness: Readiness, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + startingMaxMs;
  while (!readiness.ready && !signal.aborted && performance.now() < deadline) await delay(pollMs);
}

async function keepRunning(
  { config }: Hosted,
  log: Log,
  readiness: Readiness,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await runAgent({ config, log, readiness }, signal);
    } catch (error) {
      log.error({ error }, 'agent failed');
      await delay(restartDelayMs, undefined, { signal }).catch(() => undefined);
    }
  }
}

await main();
