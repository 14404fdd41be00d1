/**
 * `npm run -s scale -- --agents 1000`: thousands of simulated agents, against a hub of its own or one that is named. One
 * line tells how they fare until Ctrl-C, or until `--once` has seen every agent connected and every assignment ended. With
 * `--rollout` the fleet is taken through one in waves.
 */
import { parseArgs } from 'node:util';
import { readFile } from 'node:fs/promises';
import { createHash, X509Certificate } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { SimulatedFleet } from './agents/fleet.ts';
import type { WorkerCounts } from './agents/messages.ts';
import { agentArguments, ArgumentError, readFleetShape, shareOf } from './agents/options.ts';
import { startWorld, type World } from './hub/world.ts';
import { tellRollout } from './story/rolloutStory.ts';

const usage = `usage: npm run -s scale -- [--agents 1000] [--processes 2] [--delay 200ms-2s] [--failing 0.01]
    [--offline-every 10m] [--offline-for 30s] [--restart-every 30m] [--old 0.1] [--old-protocol 0] [--once]
    [--hub https://host:port --ca FILE --token-file FILE]
   or: npm run -s scale -- --rollout [--agents 2000] [--failing 0.03] [--away 0.05] [--chart FILE.svg]`;
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
        rollout: { type: 'boolean', default: false },
        away: { type: 'string', default: '0.05' },
        chart: { type: 'string' },
      },
    }).values;
  } catch (error) {
    throw new ArgumentError(`${(error as Error).message}\n${usage}`);
  }
}

type Arguments = ReturnType<typeof readArguments>;

async function hubOf(values: Arguments, agents: number): Promise<Hub & { world: World | null }> {
  const { hub, ca, 'token-file': tokenFile } = values;
  if (hub !== undefined) {
    if (ca === undefined || tokenFile === undefined)
      throw new ArgumentError('--hub also needs --ca and --token-file');
    return { hubUrl: hub, caPem: await readFile(ca, 'utf8'), tokenFile, world: null };
  }
  process.stderr.write('starting a hub\n');
  const world = await startWorld();
  const token = await world.enrolmentToken(agents, { fleet: 'simulated' });
  if (!values.rollout) await world.createApplication('settings', { fleet: 'simulated' });
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
  if (values.rollout) shape.behaviour.failingShare = 0;
  const fleet = stack.use(new SimulatedFleet({ ...shape, ...hub, caSha256 }));
  if (values.rollout) return await tell(values, world, fleet);
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

/** `--rollout`: the failing share counts from the second revision on. */
async function tell(values: Arguments, world: World | null, fleet: SimulatedFleet): Promise<void> {
  if (world === null) throw new ArgumentError('--rollout brings its own hub: leave out --hub');
  const story = {
    world,
    fleet,
    failingShare: shareOf(values, 'failing'),
    offlineShare: shareOf(values, 'away'),
    chart: values.chart ?? null,
  };
  const end = await tellRollout(story, (line) => process.stderr.write(`${line}\n`));
  console.log(JSON.stringify(end));
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
