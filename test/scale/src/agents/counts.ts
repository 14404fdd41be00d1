/** Counts of simulated agents, of one process and of all. */
import type { WorkerCounts } from './messages.ts';

export function emptyCounts(): WorkerCounts {
  return {
    enrolled: 0,
    connected: 0,
    welcomed: 0,
    accepted: 0,
    applied: 0,
    failed: 0,
    removed: 0,
    refused: 0,
    statesAcked: 0,
    bytes: 0,
    complaints: {},
    rssBytes: 0,
    cpuMs: 0,
  };
}

export function addCounts(sum: WorkerCounts, more: WorkerCounts | null): WorkerCounts {
  if (more === null) return sum;
  const { complaints, ...numbers } = more;
  const added = { ...sum, complaints: { ...sum.complaints } };
  for (const name of Object.keys(numbers) as (keyof typeof numbers)[]) added[name] += numbers[name];
  for (const [message, count] of Object.entries(complaints))
    added.complaints[message] = (added.complaints[message] ?? 0) + count;
  return added;
}
