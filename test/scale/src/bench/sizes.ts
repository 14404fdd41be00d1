/** A row at each number of agents that was asked for, one after the other. */
import type { Bench } from './bench.ts';
import type { Measured } from './row.ts';

export async function atEachSize(
  bench: Bench,
  measure: (bench: Bench, agents: number) => Promise<Measured[]>,
): Promise<Measured[]> {
  const measured: Measured[] = [];
  for (const agents of bench.options.agents) measured.push(...(await measure(bench, agents)));
  return measured;
}
