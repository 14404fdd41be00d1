/** One timer for the watches of all clusters of a process; it runs only while there are any. */

export interface Ticker {
  add(tick: (nowMs: number) => void): () => void;
}

const tickMs = 1_000;

export function createTicker(): Ticker {
  const ticks = new Set<(nowMs: number) => void>();
  let timer: NodeJS.Timeout | undefined;
  return {
    add: (tick) => {
      ticks.add(tick);
      timer ??= setInterval(() => {
        const now = performance.now();
        for (const each of [...ticks]) each(now);
      }, tickMs).unref();
      return () => {
        ticks.delete(tick);
        if (ticks.size > 0) return;
        clearInterval(timer);
        timer = undefined;
      };
    },
  };
}
