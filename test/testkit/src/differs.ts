/**
 * Marks a case in which the API server in memory is known to answer otherwise than the real one. There the case runs and
 * has to fail, so that no mark outlives its reason; the runner counts it apart, with the reason.
 */
import type { TestOptions } from 'vitest';
import { currentEngine } from './run.ts';

declare module 'vitest' {
  interface TaskMeta {
    differs?: string;
  }
}

/** As the second argument of `test`. */
export function differs({ reason }: { reason: string }): TestOptions {
  if (currentEngine() === 'real') return {};
  return { fails: true, meta: { differs: reason } };
}
