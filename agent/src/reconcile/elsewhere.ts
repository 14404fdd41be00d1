/** What other applications on this agent want: never pruned here, whoever made it. */
import type { Run } from './context.ts';
import { wantedKeys } from './observe.ts';
import type { Target } from './target.ts';

/** Identity keys, from what is in force and from what is assigned and already on disk. */
export async function desiredElsewhere(run: Run): Promise<Set<string>> {
  const keys = new Set<string>();
  for (const other of run.cluster.targets.values()) {
    if (other === run.target || other.head.state === 'Removing') continue;
    for (const record of other.records.values()) if (record.desired !== null) keys.add(record.key);
    await addAssigned(run, other, keys);
  }
  return keys;
}

async function addAssigned(run: Run, other: Target, keys: Set<string>): Promise<void> {
  const { bundles } = run.cluster.state;
  const digest = other.head.bundle.digest;
  if (other.inForce?.bundle === digest || !bundles.isComplete(digest)) return;
  const index = await bundles.index(digest);
  if (index === null) return;
  for (const key of wantedKeys(index, other.body.destinationNamespace)) keys.add(key);
}
