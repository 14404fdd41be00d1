/**
 * Which variant of a revision is a cluster's. Rendering is a function of the revision and of what it read of the cluster:
 * the variant whose reads all agree with a cluster is what would be rendered for it. A cluster that agrees with none needs one.
 */
import { canonicalText } from '../bundle/canonical.ts';
import { valueOfRead, type ClusterValues, type Reads } from '../template/cluster.ts';
import { overridesOf, type Override } from './override.ts';

/** Stands among the reads of a revision that has overrides: which of them were a cluster's. */
const overridesRead = 'overrides';

/** What a variant read, and which overrides it has. */
export function readsOf(read: Reads, overrides: readonly Override[], cluster: ClusterValues): Reads {
  if (overrides.length === 0) return read;
  return { ...read, [overridesRead]: overridesOf(overrides, cluster).join(',') };
}

/** What a variant's key is the digest of; '' where nothing was read. */
export function readsText(reads: Reads): string {
  return Object.keys(reads).length === 0 ? '' : canonicalText(reads);
}

/** Finds by what was read: as many lookups as there are different sets of names that variants read. */
export class VariantIndex<V extends { reads: Reads }> {
  readonly #overrides: readonly Override[];
  readonly #shapes = new Map<string, { names: string[]; byValues: Map<string, V> }>();

  constructor(variants: readonly V[], overrides: readonly Override[]) {
    this.#overrides = overrides;
    for (const variant of variants) this.add(variant);
  }

  add(variant: V): void {
    const names = Object.keys(variant.reads).toSorted();
    const key = JSON.stringify(names);
    const shape = this.#shapes.get(key) ?? { names, byValues: new Map<string, V>() };
    this.#shapes.set(key, shape);
    shape.byValues.set(JSON.stringify(names.map((name) => variant.reads[name] ?? null)), variant);
  }

  /** Null: one has to be rendered for this cluster. */
  find(cluster: ClusterValues): V | null {
    const overrides = this.#overrides.length === 0 ? '' : overridesOf(this.#overrides, cluster).join(',');
    for (const { names, byValues } of this.#shapes.values()) {
      const values = names.map((name) => (name === overridesRead ? overrides : valueOfRead(cluster, name)));
      const found = byValues.get(JSON.stringify(values));
      if (found !== undefined) return found;
    }
    return null;
  }
}

/** Ids of those that a cluster agrees with or a target is assigned: what others there are, nothing needs. */
export function variantsInUse<V extends { id: string; reads: Reads }>(
  index: VariantIndex<V>,
  clusters: Iterable<ClusterValues>,
  assigned: Iterable<string>,
): Set<string> {
  const used = new Set(assigned);
  for (const cluster of clusters) {
    const found = index.find(cluster);
    if (found !== null) used.add(found.id);
  }
  return used;
}
