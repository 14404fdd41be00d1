/** A periodic scan that a hint makes immediate. It never overlaps itself; a run that fails is logged and tried again with back-off, with the same hints. */
import type { HintKind, Hints } from './hints.ts';
import type { Logger } from './logger.ts';

export interface LoopOptions {
  name: string;
  intervalMs: number;
  signal: AbortSignal;
  logger: Logger;
  /** Hints of these kinds wake the loop. */
  hints?: { source: Hints; kinds: HintKind[] };
  /** `hinted`: the ids named by hints since the last run; none on a periodic one. The scan is the truth either way. */
  run(hinted: string[], signal: AbortSignal): Promise<void>;
}

const backoffMaxMs = 30_000;
/** Scans are this much faster while hints do not arrive. */
const withoutHintsFactor = 5;

/** Resolves when the signal is aborted and the last run has ended. */
export async function runLoop(options: LoopOptions): Promise<void> {
  const { signal } = options;
  const alarm = makeAlarm();
  const offs = (options.hints?.kinds ?? []).map((kind) => options.hints?.source.on(kind, alarm.ring));
  signal.addEventListener('abort', alarm.wake, { once: true });
  let failures = 0;
  while (!signal.aborted) {
    const hinted = alarm.take();
    failures = (await runOnce(options, hinted)) ? 0 : failures + 1;
    if (signal.aborted) break;
    // Nobody will say these again.
    if (failures > 0) alarm.ring(hinted);
    await alarm.wait(waitMs(options, failures), failures > 0);
  }
  signal.removeEventListener('abort', alarm.wake);
  for (const off of offs) off?.();
}

async function runOnce(options: LoopOptions, hinted: string[]): Promise<boolean> {
  try {
    await options.run(hinted, options.signal);
    return true;
  } catch (error) {
    if (!options.signal.aborted) options.logger.error({ err: error, loop: options.name }, 'loop failed');
    return false;
  }
}

function waitMs({ intervalMs, hints }: LoopOptions, failures: number): number {
  if (failures > 0) return Math.min(backoffMaxMs, 500 * 2 ** Math.min(failures - 1, 10));
  const factor = hints && !hints.source.working ? withoutHintsFactor : 1;
  return Math.max(200, intervalMs / factor);
}

interface Alarm {
  ring(ids: string[]): void;
  wake(): void;
  take(): string[];
  wait(ms: number, deaf: boolean): Promise<void>;
}

/** What rang while nobody waited is not forgotten. */
function makeAlarm(): Alarm {
  let ids = new Set<string>();
  let resolve: (() => void) | null = null;
  let deafUntilTimer = false;
  return {
    ring(more) {
      for (const id of more) ids.add(id);
      if (!deafUntilTimer) resolve?.();
    },
    wake() {
      resolve?.();
    },
    take() {
      const taken = [...ids];
      ids = new Set();
      return taken;
    },
    async wait(ms, deaf) {
      if (ids.size > 0 && !deaf) return;
      const waiting = Promise.withResolvers<void>();
      deafUntilTimer = deaf;
      resolve = waiting.resolve;
      const timer = setTimeout(waiting.resolve, ms);
      await waiting.promise;
      clearTimeout(timer);
      resolve = null;
    },
  };
}
