/** How many objects go when one bundle follows another: counted once a pair of bundles, from their indexes. */
import { compareIndexes, decodeIndex } from '@flotilla/domain/bundle/bundleIndex';
import type { BundleIndex } from '@flotilla/domain/bundle/bundle';
import type { Drop, Observations } from '@flotilla/domain/rollout/step';

import type { DataKeys } from '../platform/dataKeys.ts';
import type { Sql } from '../platform/transaction.ts';
import { readIndex } from './fleet.store.ts';

const pairsMax = 10_000;
const indexesMax = 8;

export class Drops {
  readonly #dataKeys: DataKeys;
  readonly #counted = new Map<string, Drop>();
  /** The last few indexes: the bundle that is followed now is the one that was followed to before. */
  readonly #indexes = new Map<string, BundleIndex>();

  constructor(dataKeys: DataKeys) {
    this.#dataKeys = dataKeys;
  }

  /** Null: not counted yet. */
  known(projectId: string, from: string, to: string): Drop | null {
    return this.#counted.get(`${projectId}/${from}/${to}`) ?? null;
  }

  /** Never holds more than a few indexes: where clusters get bundles of their own there are as many pairs as clusters. */
  async count(tx: Sql, projectId: string, pairs: readonly { from: string; to: string }[]): Promise<void> {
    if (this.#counted.size > pairsMax) this.#counted.clear();
    for (const [to, followed] of Map.groupBy(pairs, (pair) => pair.to)) {
      const index = await this.#read(tx, projectId, to);
      for (const { from } of followed) {
        const drop = dropOf(await this.#read(tx, projectId, from), index);
        this.#counted.set(`${projectId}/${from}/${to}`, drop);
      }
    }
  }

  async #read(tx: Sql, projectId: string, digest: string): Promise<BundleIndex | null> {
    const key = `${projectId}/${digest}`;
    const held = this.#indexes.get(key);
    if (held !== undefined) return held;
    const sealed = await readIndex(tx, projectId, digest);
    if (sealed === null) return null;
    const decoded = decodeIndex(await this.#dataKeys.open(projectId, 'bundles', digest, sealed));
    if (!decoded.ok) return null;
    this.#indexes.set(key, decoded.index);
    const [oldest] = this.#indexes.keys();
    if (this.#indexes.size > indexesMax && oldest !== undefined) this.#indexes.delete(oldest);
    return decoded.index;
  }
}

/** More kinds of bundles in force than this are no fleet that moves together. */
const foreseenMax = 8;

/**
 * Pairs that a rollout which opens now will ask for, to be counted before: else the whole fleet is stepped through once
 * only to be asked. `to`: null where none opens, or its bundle differs from target to target.
 */
export function foreseenDrops(
  { targets, drop }: Pick<Observations, 'targets' | 'drop'>,
  to: string | null,
): { from: string; to: string }[] {
  if (to === null) return [];
  const held = new Set<string>();
  for (const { reported } of targets.values()) if (reported !== null) held.add(reported.bundle ?? to);
  held.delete(to);
  if (held.size > foreseenMax) return [];
  return [...held].filter((from) => drop(from, to) === null).map((from) => ({ from, to }));
}

/** Of a bundle that nobody knows any more everything may go: that is for a person to confirm. */
function dropOf(from: BundleIndex | null, to: BundleIndex | null): Drop {
  if (from === null || to === null)
    return { dropped: Number.MAX_SAFE_INTEGER, total: Number.MAX_SAFE_INTEGER };
  return { dropped: compareIndexes(from, to).removed.length, total: from.objects.length };
}
