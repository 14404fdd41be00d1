/** Medians and percentiles of a few numbers. */

/** Of a sorted or unsorted list; NaN of none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** The median over rounds of ours by the floor of the same round, where each round has one. */
export function medianRatio(ours: readonly number[], floors: readonly number[]): number {
  if (floors.length !== ours.length) return median(ours) / median(floors);
  return median(ours.map((value, round) => value / (floors[round] ?? Number.NaN)));
}
