/**
 * Outcomes and failures of rollouts, counted once for everybody who follows them. Whatever writes an outcome raises the
 * application's rollout version in the same transaction: what was counted at a version holds until the next one.
 */
import type { Database } from '../platform/prisma.ts';
import {
  countOutcomes,
  readFailures,
  type FailuresRow,
  type OutcomeCountRow,
} from './rolloutDetail.store.ts';

export interface Counted {
  outcomes: readonly OutcomeCountRow[];
  failures: FailuresRow;
}

interface Held {
  version: bigint;
  counted: Promise<Counted>;
}

const rolloutsMax = 100;
const failuresShown = 10;

export class RolloutCounts {
  readonly #database: Database;
  /** The one that was asked for last comes last. */
  readonly #held = new Map<string, Held>();

  constructor(database: Database) {
    this.#database = database;
  }

  at(rolloutId: string, version: bigint): Promise<Counted> {
    const known = this.#held.get(rolloutId);
    this.#held.delete(rolloutId);
    const held = known?.version === version ? known : this.#begin(rolloutId, version);
    this.#held.set(rolloutId, held);
    const [oldest] = this.#held.keys();
    if (this.#held.size > rolloutsMax && oldest !== undefined) this.#held.delete(oldest);
    return held.counted;
  }

  /** What failed is forgotten, unless a newer version was asked for meanwhile. */
  #begin(rolloutId: string, version: bigint): Held {
    const held = { version, counted: this.#count(rolloutId) };
    held.counted.catch(() => {
      if (this.#held.get(rolloutId) === held) this.#held.delete(rolloutId);
    });
    return held;
  }

  async #count(rolloutId: string): Promise<Counted> {
    const [outcomes, failures] = await Promise.all([
      countOutcomes(this.#database, rolloutId),
      readFailures(this.#database, rolloutId, failuresShown),
    ]);
    return { outcomes, failures };
  }
}
