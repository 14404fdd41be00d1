/** A row at each size that was asked for, one after the other. */
import type { Measured } from './row.ts';

export async function atEachSize(
  sizes: readonly number[],
  measure: (size: number) => Promise<Measured[]>,
): Promise<Measured[]> {
  const measured: Measured[] = [];
  for (const size of sizes) measured.push(...(await measure(size)));
  return measured;
}
