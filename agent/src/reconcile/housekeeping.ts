/** What piles up when applications come and go: bundles on disk, watches of kinds nobody owns, inventories without an entry. */
import type { Cluster } from './context.ts';

/** Drops bundles that neither an entry nor what is in force needs, and watches without an object of ours. */
export async function tidy(cluster: Cluster): Promise<void> {
  const bundles = new Set<string>();
  const kinds = new Set<string>();
  for (const target of cluster.targets.values()) {
    bundles.add(target.head.bundle.digest);
    if (target.inForce) bundles.add(target.inForce.bundle);
    for (const { key, written } of target.records.values()) {
      if (written !== null && written.version !== '')
        kinds.add(`${written.version}/${key.split('/')[1] ?? ''}`);
    }
  }
  await cluster.state.bundles.collect(bundles);
  await cluster.watches.retain(kinds);
}

/** Applications that this agent made objects for and that no entry speaks of any more: told, and left alone. */
export function orphanedApplications(cluster: Cluster): string[] {
  return cluster.state.inventory
    .applications()
    .filter((application) => !cluster.byApplication.has(application));
}
