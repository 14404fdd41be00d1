/** Which variant of a revision is a target's, and of which revisions one is lacking. Pure, from rows. */
import type { Rendering, Step } from '@flotilla/domain/rollout/step';
import type { ClusterValues, Reads } from '@flotilla/domain/template/cluster';
import { tooManyVariants, variantsMax } from '@flotilla/domain/variant/limits';
import type { Override } from '@flotilla/domain/variant/override';
import { VariantIndex, variantsInUse } from '@flotilla/domain/variant/reads';

import type { RevisionRow } from './fleet.store.ts';

export interface VariantRow {
  id: string;
  reads: Reads;
  bundle: string | null;
  sizeBytes: number;
  error: string | null;
}

/** What was loaded of one revision whose clusters get different bundles. */
export interface RevisionVariants {
  number: number;
  overrides: Override[];
  variants: VariantRow[];
}

/** What a target is assigned. */
export interface HeldVariant {
  variant: string | null;
  bundle: string | null;
}

interface Loaded {
  variants: readonly VariantRow[];
  index: VariantIndex<VariantRow>;
  isFull: boolean;
  byTarget: Map<string, Rendering>;
}

export class TargetVariants {
  readonly #revisions: ReadonlyMap<number, RevisionRow>;
  readonly #loaded: ReadonlyMap<number, Loaded>;
  readonly #clusters: ReadonlyMap<string, ClusterValues>;
  readonly #held: ReadonlyMap<string, HeldVariant>;

  /** `clusters` and `held`: by target. */
  constructor(
    revisions: ReadonlyMap<number, RevisionRow>,
    loaded: readonly RevisionVariants[],
    clusters: ReadonlyMap<string, ClusterValues>,
    held: ReadonlyMap<string, HeldVariant> = new Map(),
  ) {
    const assigned = [...held.values()].flatMap(({ variant }) => variant ?? []);
    this.#revisions = revisions;
    this.#clusters = clusters;
    this.#held = held;
    this.#loaded = new Map(
      loaded.map(({ number, overrides, variants }) => {
        const index = new VariantIndex(variants, overrides);
        const isFull = variants.length >= variantsMax && areInUse(variants, index, clusters, assigned);
        return [number, { variants, index, isFull, byTarget: new Map() }];
      }),
    );
  }

  /** Null: the revision is the same for every target. */
  render(number: number, target: string): Rendering | null {
    const revision = this.#revisions.get(number);
    if (revision === undefined || !revision.isTemplated) return null;
    const loaded = this.#loaded.get(number);
    const cluster = this.#clusters.get(target);
    if (revision.state === 'Candidate' || loaded === undefined || cluster === undefined)
      return { state: 'Pending' };
    const known = loaded.byTarget.get(target);
    if (known !== undefined) return known;
    const rendering = revision.isLost
      ? lostRendering(loaded, this.#held.get(target)?.bundle ?? null)
      : renderingOf(revision, loaded, loaded.index.find(cluster));
    loaded.byTarget.set(target, rendering);
    return rendering;
  }

  /**
   * Revisions of which a variant has to be rendered: what a step asked for, and the newest one where it failed for what
   * its clusters lacked and may have by now.
   */
  wanted(step: { wanted: Pick<Step['wanted'], 'renders'> } | null): number[] {
    const asked = step?.wanted.renders.map(({ revision }) => revision) ?? [];
    const newest = Math.max(0, ...this.#revisions.keys());
    const isMendable =
      this.#revisions.get(newest)?.state === 'Failed' &&
      [...this.#clusters.keys()].some((target) => this.render(newest, target)?.state === 'Pending');
    return [...new Set(isMendable ? [...asked, newest] : asked)]
      .filter((number) => this.#isRenderable(number))
      .toSorted((a, b) => a - b);
  }

  #isRenderable(number: number): boolean {
    const revision = this.#revisions.get(number);
    if (revision === undefined || !revision.isTemplated || revision.isLost) return false;
    return revision.state !== 'Candidate' && !revision.isFinal;
  }
}

/** Those that nothing needs make room for others. */
function areInUse(
  variants: readonly VariantRow[],
  index: VariantIndex<VariantRow>,
  clusters: ReadonlyMap<string, ClusterValues>,
  assigned: readonly string[],
): boolean {
  const used = variantsInUse(index, clusters.values(), assigned);
  return variants.every(({ id }) => used.has(id));
}

/** Of a revision that only clusters remember it is not known who read what: each keeps what it holds of it. */
function lostRendering({ variants }: Loaded, held: string | null): Rendering {
  const variant = variants.find(({ bundle }) => bundle !== null && bundle === held);
  if (variant === undefined)
    return { state: 'Failed', message: 'only the clusters that held it remember this revision' };
  return { state: 'Ready', variant: variant.id, bundle: held ?? '', sizeBytes: variant.sizeBytes };
}

function renderingOf(revision: RevisionRow, { isFull }: Loaded, variant: VariantRow | null): Rendering {
  if (variant !== null && variant.bundle !== null)
    return { state: 'Ready', variant: variant.id, bundle: variant.bundle, sizeBytes: variant.sizeBytes };
  if (variant !== null) return { state: 'Failed', message: variant.error ?? 'its variant does not render' };
  if (revision.isFinal) return { state: 'Failed', message: revision.error ?? 'the revision does not render' };
  return isFull ? { state: 'Failed', message: tooManyVariants } : { state: 'Pending' };
}
