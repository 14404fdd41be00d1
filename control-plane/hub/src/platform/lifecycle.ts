/** The process's end as a signal: loops and streams stop by it, and whoever must finish something first is awaited. */

export class Lifecycle {
  private readonly controller = new AbortController();
  private readonly running = new Set<Promise<unknown>>();

  /** Aborted when the hub begins to stop. */
  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** Something that ends by the signal and is awaited before connections close. */
  track(work: Promise<unknown>): void {
    const settled = work.catch(() => undefined).finally(() => this.running.delete(settled));
    this.running.add(settled);
  }

  /** Resolves when everything tracked has ended, or after `timeoutMs`. */
  async stop(timeoutMs = 20_000): Promise<void> {
    this.controller.abort();
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, timeoutMs);
    await Promise.race([promise, this.drained()]);
    clearTimeout(timer);
  }

  private async drained(): Promise<void> {
    while (this.running.size > 0) await Promise.all(this.running);
  }
}
