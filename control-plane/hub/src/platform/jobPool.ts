/**
 * Pieces of work by key, at most so many at once, each key by itself. What is asked for while it runs is run once more
 * afterwards, so that a hint which comes too late for the present run is not lost.
 */

export class JobPool {
  readonly #runningMax: number;
  readonly #run: (key: string) => Promise<void>;
  readonly #onError: (key: string, error: unknown) => void;
  readonly #running = new Map<string, { again: boolean; done: Promise<void> }>();
  readonly #waiting = new Map<string, PromiseWithResolvers<void>>();
  #closed = false;

  constructor(options: {
    runningMax: number;
    run: (key: string) => Promise<void>;
    onError: (key: string, error: unknown) => void;
  }) {
    this.#runningMax = options.runningMax;
    this.#run = options.run;
    this.#onError = options.onError;
  }

  /** Resolves when a run that began after this call has ended; never rejects. */
  ask(key: string): Promise<void> {
    if (this.#closed) return Promise.resolve();
    const running = this.#running.get(key);
    if (running !== undefined) {
      running.again = true;
      return running.done;
    }
    const waiting = this.#waiting.get(key) ?? Promise.withResolvers<void>();
    this.#waiting.set(key, waiting);
    this.#fill();
    return waiting.promise;
  }

  /** Nothing new starts; what runs is awaited. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const waiting of this.#waiting.values()) waiting.resolve();
    this.#waiting.clear();
    await Promise.all([...this.#running.values()].map(({ done }) => done));
  }

  #fill(): void {
    for (const [key, waiting] of this.#waiting) {
      if (this.#running.size >= this.#runningMax) return;
      this.#waiting.delete(key);
      const entry = { again: false, done: waiting.promise };
      this.#running.set(key, entry);
      void this.#repeat(key, entry).then(() => {
        this.#running.delete(key);
        waiting.resolve();
        this.#fill();
      });
    }
  }

  async #repeat(key: string, entry: { again: boolean }): Promise<void> {
    do {
      entry.again = false;
      try {
        await this.#run(key);
      } catch (error) {
        // Only what was asked for meanwhile is run again: a retry is the caller's to time.
        this.#onError(key, error);
      }
    } while (entry.again && !this.#closed);
  }
}
