/**
 * plan: what a commit would change, asked of every cluster: from the request until every answer is stored, grouped and judged.
 * It takes what Git, rendering and one round through all streams take; there is no floor to hold it against.
 */
import { eventually } from '@flotilla/testkit/eventually';
import { timeoutFor, type Bench, type FleetOfBench } from '../bench/bench.ts';
import type { Measured, Row } from '../bench/row.ts';
import { atEachSize } from '../bench/sizes.ts';
import { settings } from '../hub/world.ts';

export const row: Row = {
  name: 'plan',
  title: 'a plan over the fleet',
  run: (bench) => atEachSize(bench.options.agents, (agents) => atSize(bench, agents)),
};

async function atSize(bench: Bench, agents: number): Promise<Measured[]> {
  const at = await bench.fleet(agents);
  const rounds = await bench.rounds((round) =>
    bench.profiled(`plan-${agents}`, at.world, round, () => plan(at, agents, round)),
  );
  const shared = { n: agents, floors: null, unit: 'ms', budget: null };
  return [
    {
      ...shared,
      id: 'plan1',
      what: 'asked → every cluster judged',
      ours: rounds.map(({ ms }) => ms),
      aim: '≤ 30 s at 500',
    },
    { ...shared, id: 'plan2', what: 'CPU of the hub for it', ours: rounds.map(({ cpuMs }) => cpuMs) },
  ];
}

/** Each round plans a commit of its own, so that nothing of it is rendered or fetched yet. */
async function plan(
  { world }: FleetOfBench,
  agents: number,
  round: number,
): Promise<{ ms: number; cpuMs: number }> {
  const files = { 'app/settings.yaml': settings(`planned ${round}`) };
  const revision = await world.repository.commit({ files, branch: `plan-${round}` });
  const { client } = world.hub();
  const before = await world.probe.read();
  const startMs = performance.now();
  const { id } = await client.plans.create('settings', { revision });
  const done = await eventually(
    'the plan is done',
    async () => {
      const seen = await client.plans.get('settings', id);
      return seen.phase === 'Done' || seen.phase === 'Failed' ? seen : ([false, seen] as const);
    },
    { timeoutMs: timeoutFor(agents) },
  );
  const ms = performance.now() - startMs;
  if (done.tally.changes !== agents) throw new Error(`the plan says: ${done.summary}`);
  return { ms, cpuMs: (await world.probe.read()).cpuMs - before.cpuMs };
}
