/**
 * g: a hub was killed and came back, and every agent comes at once, without the jitter that spreads them in real life:
 * until all are welcomed, against raw handshakes of as many clients; what an unchanged agent sends and is sent, and how long
 * the hub's event loop is held up.
 */
import { timeoutFor, type Bench, type FleetOfBench } from '../bench/bench.ts';
import type { Measured, Row } from '../bench/row.ts';
import { atEachSize } from '../bench/sizes.ts';

interface Round {
  rawMs: number;
  backMs: number;
  bytes: number;
  lagP99Ms: number;
}

export const row: Row = {
  name: 'g',
  title: 'the hub comes back and every agent with it',
  judgedFrom: 1000,
  run: (bench) => atEachSize(bench.options.agents, (agents) => atSize(bench, agents)),
};

async function atSize(bench: Bench, agents: number): Promise<Measured[]> {
  const at = await bench.fleet(agents);
  const raw = await bench.raw();
  const rounds = await bench.rounds(async (round): Promise<Round> => {
    const rawMs = await raw.connect(agents);
    await raw.disconnect();
    await at.fleet.offline();
    await at.world.restartHub();
    return { rawMs, ...(await bench.profiled(`g-${agents}`, at.world, round, () => storm(at, agents))) };
  });
  const of = (read: (round: Round) => number) => rounds.map(read);
  return [
    {
      id: 'g1',
      what: 'all agents welcomed again',
      n: agents,
      floors: of((r) => r.rawMs),
      ours: of((r) => r.backMs),
      unit: 'ms',
      budget: 1.3,
    },
    {
      id: 'g2',
      what: 'messages of an unchanged agent',
      n: agents,
      floors: null,
      ours: of((r) => r.bytes),
      unit: 'bytes',
      budget: null,
      aim: '< 1024',
    },
    {
      id: 'g3',
      what: 'loop lag of the hub, p99',
      n: agents,
      floors: null,
      ours: of((r) => r.lagP99Ms),
      unit: 'ms',
      budget: null,
      aim: '≤ 100 ms',
    },
  ];
}

async function storm({ world, fleet }: FleetOfBench, agents: number): Promise<Omit<Round, 'rawMs'>> {
  await fleet.mark();
  await world.probe.reset();
  const startMs = performance.timeOrigin + performance.now();
  fleet.online(0.2);
  await fleet.allConnected(timeoutFor(agents));
  const { lagP99Ms } = await world.probe.read();
  const { welcomed } = await fleet.collect();
  const { bytes } = fleet.counts();
  return { backMs: (welcomed.at(agents - 1) ?? Number.NaN) - startMs, bytes: bytes / agents, lagP99Ms };
}
