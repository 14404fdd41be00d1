/** A variant as it is stored, and what several of them come to. Pure. */
import type { ClusterValues, Reads } from '@flotilla/domain/template/cluster';
import { tooManyVariants } from '@flotilla/domain/variant/limits';
import { VariantIndex } from '@flotilla/domain/variant/reads';

import type { Candidate } from '../render.store.ts';

export interface StoredVariant extends RenderedBundle {
  id: string;
}

export interface RenderedBundle {
  reads: Reads;
  /** Null: it does not render, or is not kept any more. */
  bundle: string | null;
  error: string | null;
}

/** The same clusters that a placement has, with what a template may read of them. */
export interface VariantCluster extends ClusterValues {
  id: string;
}

/** Clusters for which none is there. */
export function lackingOf(
  { renderSpec }: Pick<Candidate, 'renderSpec'>,
  clusters: readonly VariantCluster[],
  variants: readonly RenderedBundle[],
): VariantCluster[] {
  const index = new VariantIndex(variants, renderSpec.templating?.overrides ?? []);
  return clusters.filter((cluster) => index.find(cluster) === null);
}

export interface Tally {
  clusters: number;
  failing: number;
  /** What is wrong on the first of those clusters, by name; null: nothing. */
  problem: string | null;
}

export function tallyOf(clusters: readonly VariantCluster[], index: VariantIndex<RenderedBundle>): Tally {
  const failing = clusters
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((cluster) => {
      const variant = index.find(cluster);
      if (variant !== null && variant.bundle !== null) return [];
      return [
        {
          name: cluster.name,
          error: variant === null ? tooManyVariants : (variant.error ?? 'it does not render'),
        },
      ];
    });
  const [first] = failing;
  if (first === undefined) return { clusters: clusters.length, failing: 0, problem: null };
  const isSame = failing.length === clusters.length && failing.every(({ error }) => error === first.error);
  const places = isSame
    ? ''
    : `on ${failing.length} of ${clusters.length} clusters, ${first.name} among them: `;
  return { clusters: clusters.length, failing: failing.length, problem: `${places}${first.error}` };
}
