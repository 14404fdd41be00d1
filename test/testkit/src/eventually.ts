/**
 * Waits for what must come true by itself. One bound and no sleeps elsewhere: a test that waits says for what, and one
 * that waited in vain shows the last state it saw.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { inspect } from 'node:util';

export interface EventuallyOptions {
  timeoutMs?: number;
}

/** Bounds of the design are waited for three times over. */
export const DEFAULT_TIMEOUT_MS = 30_000;
const FIRST_POLL_MS = 10;
const POLL_MS_MAX = 200;
/** A check that began in time may end, so that none goes on behind the test's back. */
const HUNG_AFTER_MS = 1000;

export class EventuallyError extends Error {
  override readonly name = 'EventuallyError';
  readonly lastState: unknown;

  constructor(what: string, timeoutMs: number, lastState: unknown, cause: unknown) {
    const seen = cause === undefined ? inspect(lastState, { depth: 6, breakLength: 120 }) : reasonOf(cause);
    super(`not within ${timeoutMs} ms: ${what}\nlast seen: ${seen}`, cause === undefined ? {} : { cause });
    this.lastState = lastState;
  }
}

/**
 * Calls `check` until it returns something truthy without throwing, and returns that. A check that throws is a state like
 * any other: assertions may be written in it. `[false, state]` says "not yet" and what was seen.
 */
export async function eventually<T>(
  what: string,
  check: () => Promise<T> | T,
  { timeoutMs = DEFAULT_TIMEOUT_MS }: EventuallyOptions = {},
): Promise<Exclude<T, undefined | null | false | NotYet>> {
  const deadline = performance.now() + timeoutMs;
  let pollMs = FIRST_POLL_MS;
  for (;;) {
    const attempt = await tryOnce(check, deadline);
    if (attempt.holds) return attempt.state as Exclude<T, undefined | null | false | NotYet>;
    if (performance.now() >= deadline)
      throw new EventuallyError(what, timeoutMs, attempt.state, attempt.thrown);
    await delay(Math.min(pollMs, Math.max(deadline - performance.now(), 1)));
    pollMs = Math.min(pollMs * 1.5, POLL_MS_MAX);
  }
}

/** What a check returns that wants its last state shown. */
export type NotYet = readonly [false, unknown];

interface Attempt {
  holds: boolean;
  state: unknown;
  thrown: unknown;
}

/** A check that hangs must not hang the test. */
async function tryOnce(check: () => unknown, deadline: number): Promise<Attempt> {
  const giveUp = new AbortController();
  const late = delay(Math.max(deadline - performance.now(), 0) + HUNG_AFTER_MS, 'late', {
    signal: giveUp.signal,
    ref: false,
  });
  late.catch(() => {});
  const hung = late.then((): Attempt => ({
    holds: false,
    state: 'the check did not return',
    thrown: undefined,
  }));
  hung.catch(() => {});
  try {
    return await Promise.race([settle(check), hung]);
  } finally {
    giveUp.abort();
  }
}

async function settle(check: () => unknown): Promise<Attempt> {
  try {
    const state = await check();
    if (isNotYet(state)) return { holds: false, state: state[1], thrown: undefined };
    return { holds: Boolean(state), state, thrown: undefined };
  } catch (error) {
    return { holds: false, state: undefined, thrown: error };
  }
}

function isNotYet(state: unknown): state is NotYet {
  return Array.isArray(state) && state.length === 2 && state[0] === false;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : inspect(error);
}
