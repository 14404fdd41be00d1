/**
 * What many callers ask one by one is put to Postgres as one question. Whatever is asked in one turn of the event loop
 * goes together, and so does everything that is asked while batches before it run: without load nobody waits (but where company
 * is worth a few milliseconds), and under load batches grow by themselves. A batch that Postgres refuses for what is in it is asked again one by one, so that a bad
 * item fails alone.
 */
import pg from 'pg';

export interface BatcherOptions<T, R> {
  /** Of one batch. */
  itemsMax: number;
  /** Batches under way at one time; 1 where left out. */
  runningMax?: number;
  /** How long the first item waits for company; the rest of the turn where left out. */
  gatherMs?: number;
  /** Items with the same key never share a batch, and keep their order. */
  keyOf?: (item: T) => string;
  /** One answer an item, in their order; none where its end is all that is waited for. Asked again for an item whose batch was refused, so a refused one changes nothing. */
  run: (items: readonly T[]) => Promise<readonly R[] | void>;
}

interface Asked<T, R> {
  item: T;
  resolve: (answer: R) => void;
  reject: (error: unknown) => void;
}

export class Batcher<T, R> {
  readonly #options: BatcherOptions<T, R>;
  readonly #busyKeys = new Set<string>();
  #waiting: Asked<T, R>[] = [];
  #running = 0;
  #isScheduled = false;

  constructor(options: BatcherOptions<T, R>) {
    this.#options = options;
  }

  ask(item: T): Promise<R> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      this.#schedule();
    });
  }

  #schedule(): void {
    const { runningMax = 1, gatherMs } = this.#options;
    if (this.#isScheduled || this.#running >= runningMax || this.#waiting.length === 0) return;
    this.#isScheduled = true;
    if (gatherMs === undefined) setImmediate(() => this.#begin());
    else setTimeout(() => this.#begin(), gatherMs);
  }

  #begin(): void {
    this.#isScheduled = false;
    const batch = this.#take();
    if (batch.length > 0) void this.#run(batch);
    this.#schedule();
  }

  /** Those whose key is under way stay where they are. */
  #take(): Asked<T, R>[] {
    const { itemsMax, keyOf } = this.#options;
    if (!keyOf) return this.#waiting.splice(0, itemsMax);
    const batch: Asked<T, R>[] = [];
    const left: Asked<T, R>[] = [];
    for (const asked of this.#waiting) {
      const key = keyOf(asked.item);
      const isFree = batch.length < itemsMax && !this.#busyKeys.has(key);
      if (isFree) this.#busyKeys.add(key);
      (isFree ? batch : left).push(asked);
    }
    this.#waiting = left;
    return batch;
  }

  async #run(batch: readonly Asked<T, R>[]): Promise<void> {
    this.#running += 1;
    await this.#answer(batch);
    this.#running -= 1;
    const { keyOf } = this.#options;
    if (keyOf) for (const { item } of batch) this.#busyKeys.delete(keyOf(item));
    this.#schedule();
  }

  async #answer(batch: readonly Asked<T, R>[]): Promise<void> {
    try {
      const answers = await this.#options.run(batch.map(({ item }) => item));
      batch.forEach(({ resolve }, at) => resolve(answers?.[at] as R));
    } catch (error) {
      const [only, ...others] = batch;
      if (only && others.length === 0) only.reject(error);
      else if (isOfContent(error)) for (const one of batch) await this.#answer([one]);
      else for (const { reject } of batch) reject(error);
    }
  }
}

/** Classes of SQLSTATE: cardinality, data, integrity. With Postgres away, asking one by one would fail for ever so long. */
function isOfContent(error: unknown): boolean {
  return error instanceof pg.DatabaseError && /^2[123]/.test(error.code ?? '');
}
