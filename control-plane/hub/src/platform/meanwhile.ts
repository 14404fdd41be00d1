import { setImmediate } from 'node:timers/promises';

/**
 * Does the work in the next turn of the event loop. A statement that was begun in this one has been sent by then: Postgres
 * is at work on it meanwhile.
 */
export async function meanwhile<T>(work: () => T): Promise<T> {
  await setImmediate();
  return work();
}
