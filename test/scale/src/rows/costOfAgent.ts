/**
 * c: what an idle agent costs its hub. A heartbeat is what one agent needs in 20 s (keepalive both ways, scans of sessions
 * included), against a raw server that receives 128 bytes; memory, in a hub that was started anew, against a raw idle mTLS stream.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Bench } from '../bench/bench.ts';
import type { Measured, Row } from '../bench/row.ts';
import { atEachSize } from '../bench/sizes.ts';
import type { World } from '../hub/world.ts';
import { RawFleet } from '../raw/fleet.ts';

const heartbeatMs = 20_000;
const messageBytes = 128;
const messagesPerClient = 20;
/** 100 µs to the 17.5 µs, and 150 KB to the 82.5 KB, that the raw server took where the budgets were set. */
const cpuBudget = 100 / 17.5;
const memoryBudget = 150 / 82.5;

export const row: Row = {
  name: 'c',
  title: 'what an idle agent costs the hub',
  judgedFrom: 1000,
  run: (bench) => atEachSize(bench.options.agents, (agents) => atSize(bench, agents)),
};

async function atSize(bench: Bench, agents: number): Promise<Measured[]> {
  const { world, fleet } = await bench.fleet(agents);
  const floor = await floorOf(bench, agents);
  const grown = await world.probe.collect();
  await fleet.offline();
  // A process gives freed memory back late or never: what agents cost shows in a hub that had none before.
  await world.restartHub();
  const aloneMs = await window(world);
  const alone = await world.probe.collect();
  fleet.online(0.2);
  await fleet.allConnected(60_000 + agents * 60);
  await delay(2000);
  const connected = await world.probe.collect();
  // A window is as long as a heartbeat, so that each agent has its own in it: two of them are enough.
  const busyMs = await bench.rounds(() => window(world), Math.min(bench.options.rounds, 2));
  // What the hub does anyway is no agent's.
  const windows = busyMs.map((ms) => (Math.max(0, ms - aloneMs) * 1000) / agents);
  const bytes = (connected.rssBytes - alone.rssBytes) / agents / 1024;
  return [
    {
      id: 'c1',
      what: 'CPU a heartbeat',
      n: agents,
      floors: windows.map(() => floor.micros),
      ours: windows,
      unit: 'µs',
      budget: cpuBudget,
      aim: '≤ 100 µs',
    },
    {
      id: 'c2',
      what: 'RSS an agent, over a hub without any',
      n: agents,
      floors: [floor.kib],
      ours: [bytes],
      unit: 'KB',
      budget: memoryBudget,
      aim: '≤ 150 KB',
    },
    {
      id: 'c3',
      what: 'CPU of the hub in 20 s, all idle',
      n: agents,
      floors: null,
      ours: busyMs,
      unit: 'ms',
      budget: null,
    },
    {
      id: 'c4',
      what: 'RSS of the hub, all connected',
      n: agents,
      floors: null,
      ours: [connected.rssBytes / 2 ** 20],
      unit: 'MB',
      budget: null,
    },
    {
      id: 'c5',
      what: 'the same, after all enrolled and applied',
      n: agents,
      floors: null,
      ours: [grown.rssBytes / 2 ** 20],
      unit: 'MB',
      budget: null,
    },
  ];
}

async function floorOf(bench: Bench, clients: number): Promise<{ micros: number; kib: number }> {
  // One that has had no clients yet: freed memory would hide what these cost.
  await using raw = await RawFleet.start(bench.options.processes);
  const before = await raw.read();
  await raw.connect(clients);
  await delay(1000);
  const after = await raw.read();
  const kib = (after.rssBytes - before.rssBytes) / clients / 1024;
  const costs = await bench.rounds(() => raw.costOfMessage(clients, messagesPerClient, messageBytes));
  await raw.disconnect();
  return { micros: costs.toSorted((a, b) => a - b)[costs.length >> 1] ?? Number.NaN, kib };
}

/** Processor time of the hub in one, in milliseconds. */
async function window(world: World): Promise<number> {
  const before = await world.probe.read();
  await delay(heartbeatMs);
  const after = await world.probe.read();
  return after.cpuMs - before.cpuMs;
}
