/**
 * `npm run -s scale -- --agents 1000`: thousands of simulated agents, against a hub of its own or one that is named. One
 * line tells how they fare until Ctrl-C, or until `--once` has seen every agent connected and every assignment ended.
 */
import { parseArgs } from 'node:util';
import { readFile } from 'node:fs/promises';
import { createHash, X509Certificate } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { SimulatedFleet } from './agents/fleet.ts';
import type { WorkerCounts } from './agents/messages.ts';
import { agentArguments, ArgumentError, readFleetShape } from './agents/options.ts';
import { startWorld, type World } from './hub/world.ts';

const usage = `usage: npm run -s scale -- [--agents 1000] [--processes 2] [--delay 200ms-2s] [--failing 0.01]
    [--offline-every 10m] [--offline-for 30s] [--restart-every 30m] [--old 0.1] [--old-protocol 0] [--once]
    [--hub https://host:port --ca FILE --token-file FILE]`;
const usageExitCode = 64;
const tellEveryMs = 500;

interface Hub {
  hubUrl: string;
  caPem: string;
  tokenFile: string;
}

function readArguments() {
  try {
    return parseArgs({
      options: {
        ...agentArguments,
        hub: { type: 'string' },
        ca: { type: 'string' },
        'token-file': { type: 'string' },
        once: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    throw new ArgumentError(`${(error as Error).message}\n${usage}`);
  }
}

async function hubOf(
  values: ReturnType<typeof readArguments>,
  agents: number,
): Promise<Hub & { world: World | null }> {
  const { hub, ca, 'token-file': tokenFile } = values;
  if (hub !== undefined) {
    if (ca === undefined || tokenFile === undefined)
      throw new ArgumentError('--hub also needs --ca and --token-file');
    return { hubUrl: hub, caPem: await readFile(ca, 'utf8'), tokenFile, world: null };
  }
  process.stderr.write('starting a hub\n');
  const world = await startWorld();
  const token = await world.enrolmentToken(agents, { fleet: 'simulated' });
  await world.createApplication('settings', { fleet: 'simulated' });
  return { hubUrl: world.hub().url, caPem: world.caPem, tokenFile: token, world };
}

async function run(): Promise<void> {
  const values = readArguments();
  const shape = readFleetShape(values);
  const stopping = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => stopping.abort());
  await using stack = new AsyncDisposableStack();
  const { world, ...hub } = await hubOf(values, shape.agents);
  if (world !== null) stack.use(world);
  const caSha256 = createHash('sha256').update(new X509Certificate(hub.caPem).raw).digest('hex');
  const fleet = stack.use(new SimulatedFleet({ ...shape, ...hub, caSha256 }));
  const startMs = performance.now();
  while (!stopping.signal.aborted) {
    const counts = fleet.counts();
    show(fleet.agents, counts, (performance.now() - startMs) / 1000);
    if (values.once && isSettled(fleet.agents, counts)) break;
    await delay(tellEveryMs, undefined, { signal: stopping.signal }).catch(() => undefined);
  }
  process.stderr.write('\n');
  console.log(
    JSON.stringify({
      agents: fleet.agents,
      tookMs: Math.round(performance.now() - startMs),
      ...fleet.counts(),
    }),
  );
}

function isSettled(agents: number, counts: WorkerCounts): boolean {
  return counts.connected === agents && counts.applied + counts.failed >= agents;
}

function show(agents: number, counts: WorkerCounts, seconds: number): void {
  const { enrolled, connected, applied, failed, refused, rssBytes, cpuMs } = counts;
  const parts = [
    `${seconds.toFixed(0)} s`,
    `enrolled ${enrolled}/${agents}`,
    `connected ${connected}`,
    `applied ${applied}`,
    `failed ${failed}`,
    `refused ${refused}`,
    `${(rssBytes / 2 ** 20).toFixed(0)} MB`,
    `cpu ${(cpuMs / 1000).toFixed(0)} s`,
    ...Object.entries(counts.complaints).map(([message, count]) => `${message} ×${count}`),
  ];
  const line = parts.join(' · ');
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${line}`);
  else process.stderr.write(`${line}\n`);
}

try {
  await run();
} catch (error) {
  if (!(error instanceof ArgumentError)) throw error;
  console.error(error.message);
  process.exitCode = usageExitCode;
}
