/**
 * Pieces of work by key, at most so many at once, each key by itself. What is asked for while it runs is run once more
 * afterwards, so that a hint which comes too late for the present run is not lost.
 */

export interface JobPoolOptions {
  runningMax: number;
  run: (key: string) => Promise<void>;
  onError: (key: string, error: unknown) => void;
  /**
   * How long a key is left alone after a run that took so long, in milliseconds, so that hints that come without a pause
   * do not keep one busy for ever; not at all where left out.
   */
  restMs?: (tookMs: number) => number;
}

export class JobPool {
  readonly #options: JobPoolOptions;
  readonly #running = new Map<string, { again: boolean; done: Promise<void> }>();
  readonly #waiting = new Map<string, PromiseWithResolvers<void>>();
  readonly #resting = new Map<string, NodeJS.Timeout>();
  #closed = false;

  constructor(options: JobPoolOptions) {
    this.#options = options;
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
    for (const timer of this.#resting.values()) clearTimeout(timer);
    for (const waiting of this.#waiting.values()) waiting.resolve();
    this.#waiting.clear();
    await Promise.all([...this.#running.values()].map(({ done }) => done));
  }

  #fill(): void {
    for (const [key, waiting] of this.#waiting) {
      if (this.#running.size >= this.#options.runningMax) return;
      if (this.#resting.has(key)) continue;
      this.#waiting.delete(key);
      void this.#runOnce(key, waiting);
    }
  }

  async #runOnce(key: string, asked: PromiseWithResolvers<void>): Promise<void> {
    const entry = { again: false, done: asked.promise };
    this.#running.set(key, entry);
    const startMs = performance.now();
    try {
      await this.#options.run(key);
    } catch (error) {
      // Only what was asked for meanwhile is run again: a retry is the caller's to time.
      this.#options.onError(key, error);
    }
    this.#running.delete(key);
    if (entry.again && !this.#closed) this.#waiting.set(key, asked);
    else asked.resolve();
    this.#rest(key, this.#options.restMs?.(performance.now() - startMs) ?? 0);
    this.#fill();
  }

  #rest(key: string, forMs: number): void {
    if (forMs <= 0 || this.#closed) return;
    const timer = setTimeout(() => {
      this.#resting.delete(key);
      this.#fill();
    }, forMs);
    this.#resting.set(key, timer);
  }
}
