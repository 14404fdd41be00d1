/**
 * i: memory of a real agent, idle against a Node that does nothing, and what each object that it manages adds. That is taken
 * between one application and a second, four times as large: what a program compiles when it does a thing often for the first
 * time, and lets go of later, is no object's.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import type { Bench } from '../bench/bench.ts';
import type { Measured, Row } from '../bench/row.ts';
import { atEachSize } from '../bench/sizes.ts';
import { configMaps, startKubeWorld, type KubeWorld } from '../hub/kubeWorld.ts';
import type { ProbeReading } from '../probe/read.ts';

const objectsOfBudget = 2000;
const settleMs = 3000;
const collections = 10;
/** 80 MB to the 40 MB of Node alone where the budget was set. */
const idleBudget = 80 / 40;

export const row: Row = {
  name: 'i',
  title: 'memory of an agent',
  run: (bench) => atEachSize(bench.options.objects ?? [objectsOfBudget], (objects) => atSize(bench, objects)),
};

async function atSize(bench: Bench, objects: number): Promise<Measured[]> {
  await using kube = await startKubeWorld(bench.say);
  await delay(settleMs);
  const nodes = await bench.rounds(nodeAloneMb);
  const idle = await kube.agent.collect();
  const warm = await withApplication(kube, 'first', objects);
  const added = 4 * objects;
  const loaded = await withApplication(kube, 'web', added);
  const idleMb = idle.rssBytes / 2 ** 20;
  const kibEach = (loaded.heapBytes - warm.heapBytes) / added / 1024;
  return [
    {
      id: 'i1',
      what: 'RSS of an idle agent, over Node alone',
      n: 1,
      floors: nodes,
      ours: nodes.map(() => idleMb),
      unit: 'MB',
      budget: idleBudget,
      aim: '≤ 80 MB',
    },
    {
      id: 'i2',
      what: 'heap a managed object',
      n: added,
      floors: null,
      ours: [kibEach],
      unit: 'KB',
      budget: null,
      aim: '≤ 0.5 KB',
    },
    {
      id: 'i3',
      what: 'RSS with all objects',
      n: objects + added,
      floors: null,
      ours: [loaded.rssBytes / 2 ** 20],
      unit: 'MB',
      budget: null,
    },
  ];
}

/** At rest, once it is applied. */
async function withApplication(kube: KubeWorld, name: string, objects: number): Promise<ProbeReading> {
  const { commit } = await kube.push(configMaps(name, objects, 'first'));
  await kube.createApplication(name, name);
  await kube.healthy(name, commit);
  await delay(settleMs);
  // Code that was compiled on the way and is not used any more goes only after a few collections.
  for (let collected = 1; collected < collections; collected++) await kube.agent.collect();
  return kube.agent.collect();
}

async function nodeAloneMb(): Promise<number> {
  const program = 'setTimeout(() => console.log(process.memoryUsage.rss()), 500)';
  const child = spawn(process.execPath, ['--eval', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [printed] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  return Number(printed) / 2 ** 20;
}
