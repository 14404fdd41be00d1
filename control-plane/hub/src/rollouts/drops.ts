/** How many objects go when one bundle follows another: counted once a pair of bundles, from their indexes. */
import { compareIndexes, decodeIndex } from '@flotilla/domain/bundle/bundleIndex';
import type { BundleIndex } from '@flotilla/domain/bundle/bundle';
import type { Drop } from '@flotilla/domain/rollout/step';

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

  async count(tx: Sql, projectId: string, pairs: readonly { from: string; to: string }[]): Promise<void> {
    const indexes = new Map<string, BundleIndex | null>();
    for (const digest of new Set(pairs.flatMap(({ from, to }) => [from, to]))) {
      indexes.set(digest, await this.#read(tx, projectId, digest));
    }
    if (this.#counted.size > pairsMax) this.#counted.clear();
    for (const { from, to } of pairs) {
      this.#counted.set(
        `${projectId}/${from}/${to}`,
        dropOf(indexes.get(from) ?? null, indexes.get(to) ?? null),
      );
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

/** Of a bundle that nobody knows any more everything may go: that is for a person to confirm. */
function dropOf(from: BundleIndex | null, to: BundleIndex | null): Drop {
  if (from === null || to === null)
    return { dropped: Number.MAX_SAFE_INTEGER, total: Number.MAX_SAFE_INTEGER };
  return { dropped: compareIndexes(from, to).removed.length, total: from.objects.length };
}
