/**
 * Waiting on what the watches say. A wait ends by its own answer, by time, or at once when the run is pre-empted; while
 * nothing changes it looks again now and then, since a deadline passes without an event.
 */
import type { Run } from './context.ts';

const lookAgainMs = 1_000;

/** Resolves with the first answer of `look` that is not null. Rejects with the signal's reason when it aborts. */
export async function waitFor<T>(run: Run, signal: AbortSignal, look: () => T | null): Promise<T> {
  for (;;) {
    signal.throwIfAborted();
    const answer = look();
    if (answer !== null) return answer;
    await nextChange(run, signal);
  }
}

async function nextChange(run: Run, signal: AbortSignal): Promise<void> {
  const changed = new AbortController();
  const wake = (): void => changed.abort();
  const forget = run.cluster.onTouch(run.target, wake);
  try {
    const either = AbortSignal.any([signal, changed.signal]);
    await run.cluster.clock.sleep(lookAgainMs, either).catch(() => undefined);
  } finally {
    forget();
  }
}
