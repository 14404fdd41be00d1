/** What happened to many targets alike, said once. Pure. */
import type { Transition } from '@flotilla/client/types';

export interface TimelineEntry {
  /** Of the newest of them, and of the oldest. */
  at: string;
  firstAt: string;
  kind: string;
  from: string | null;
  to: string | null;
  detail: string;
  /** In the order in which it was last seen on them. */
  clusters: string[];
}

/** What is further apart was not the same occasion. */
const occasionMs = 10 * 60_000;

/** Of rows newest first; entries newest first. `withinMs` 0: an entry for each row. */
export function timelineOf(rows: readonly Transition[], withinMs = occasionMs): TimelineEntry[] {
  const entries: TimelineEntry[] = [];
  const open = new Map<string, TimelineEntry>();
  for (const row of rows) {
    const { at, kind, from, to, cluster } = row;
    const detail = detailOf(row);
    const key = JSON.stringify([kind, from, to, detail]);
    const entry = open.get(key);
    if (entry !== undefined && withinMs > 0 && Date.parse(entry.firstAt) - Date.parse(at) <= withinMs) {
      entry.firstAt = at;
      if (!entry.clusters.includes(cluster)) entry.clusters.push(cluster);
      continue;
    }
    const made = { at, firstAt: at, kind, from, to, detail, clusters: [cluster] };
    entries.push(made);
    open.set(key, made);
  }
  return entries;
}

/** Who changed what, for a drift; a message for the rest. */
function detailOf({ kind, detail }: Transition): string {
  if (kind !== 'Drift') return typeof detail['message'] === 'string' ? detail['message'] : '';
  const changes = (detail['fields'] ?? []) as { path: string; manager: string; time: string }[];
  const [first] = changes;
  const more = changes.length > 1 ? ` and ${changes.length - 1} more` : '';
  const fate = detail['reverted'] === true ? 'reverted' : 'left as it is';
  if (!first) return fate;
  const who = [first.manager === '' ? 'somebody Kubernetes did not record' : first.manager, first.time];
  return `${first.path} by ${who.filter((part) => part !== '').join(' at ')}${more}: ${fate}`;
}
