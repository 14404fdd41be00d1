/**
 * One work queue, keyed by target. What it guarantees: a key is worked on by one run at a time; whatever arrives while
 * it runs gives one more run afterwards; a pre-empting arrival also ends the waits of the running one at once; a run that
 * throws is logged and tried again with back-off, and never stops the others.
 */
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';

/** Why a run was asked to stop waiting. */
export class PreemptedError extends Error {
  override readonly name = 'PreemptedError';
  readonly why: 'Superseded' | 'Stopped' | 'Terminated';

  constructor(why: 'Superseded' | 'Stopped' | 'Terminated') {
    super(`run ${why.toLowerCase()}`);
    this.why = why;
  }
}

export interface RunSignals {
  /** Ends waits and keeps later tasks from starting. */
  preempted: AbortSignal;
  /** Ends also what a newer generation must let finish (a running hook). */
  stopped: AbortSignal;
}

export interface QueueOptions {
  clock: Clock;
  log: Log;
  /** Keys worked on at once. */
  concurrency: number;
  work: (key: string, signals: RunSignals) => Promise<void>;
}

export interface Queue {
  add(key: string): void;
  /** Not before `delayMs`; an earlier `add` wins. */
  addAfter(key: string, delayMs: number): void;
  /** As `add`, and ends the waits of a running run. */
  preempt(key: string): void;
  terminate(key: string): void;
  /** Forgets a key that is not running. */
  drop(key: string): void;
  /** Nothing starts any more; resolves when nothing runs. */
  stop(): Promise<void>;
}

interface Running {
  preempted: AbortController;
  stopped: AbortController;
  again: boolean;
  done: Promise<void>;
}

interface State extends QueueOptions {
  waiting: Set<string>;
  delayed: Map<string, NodeJS.Timeout>;
  running: Map<string, Running>;
  failures: Map<string, number>;
  stopping: boolean;
}

export function createQueue(options: QueueOptions): Queue {
  const state: State = {
    ...options,
    waiting: new Set(),
    delayed: new Map(),
    running: new Map(),
    failures: new Map(),
    stopping: false,
  };
  return {
    add: (key) => add(state, key),
    addAfter: (key, delayMs) => addAfter(state, key, delayMs),
    preempt: (key) => {
      state.running.get(key)?.preempted.abort(new PreemptedError('Superseded'));
      add(state, key);
    },
    terminate: (key) => abort(state.running.get(key), 'Terminated'),
    drop: (key) => {
      state.waiting.delete(key);
      clearTimeout(state.delayed.get(key));
      state.delayed.delete(key);
      state.failures.delete(key);
    },
    stop: () => stop(state),
  };
}

function abort(running: Running | undefined, why: 'Stopped' | 'Terminated'): void {
  running?.preempted.abort(new PreemptedError(why));
  running?.stopped.abort(new PreemptedError(why));
}

async function stop(state: State): Promise<void> {
  state.stopping = true;
  for (const timer of state.delayed.values()) clearTimeout(timer);
  state.delayed.clear();
  state.waiting.clear();
  const running = [...state.running.values()];
  for (const run of running) abort(run, 'Stopped');
  await Promise.all(running.map((run) => run.done));
}

function add(state: State, key: string): void {
  if (state.stopping) return;
  clearTimeout(state.delayed.get(key));
  state.delayed.delete(key);
  const running = state.running.get(key);
  if (running) running.again = true;
  else state.waiting.add(key);
  startWaiting(state);
}

/** Of two delays the shorter one wins: whoever asked for it needs it then. */
function addAfter(state: State, key: string, delayMs: number): void {
  if (state.stopping || state.waiting.has(key)) return;
  const dueMs = state.clock.monotonicMs() + delayMs;
  const known = state.delayed.get(key) as (NodeJS.Timeout & { dueMs?: number }) | undefined;
  if (known?.dueMs !== undefined && known.dueMs <= dueMs) return;
  clearTimeout(known);
  const timer: NodeJS.Timeout & { dueMs?: number } = setTimeout(() => add(state, key), delayMs);
  timer.dueMs = dueMs;
  state.delayed.set(key, timer);
}

function startWaiting(state: State): void {
  for (const key of state.waiting) {
    if (state.running.size >= state.concurrency) return;
    state.waiting.delete(key);
    start(state, key);
  }
}

function start(state: State, key: string): void {
  const running: Running = {
    preempted: new AbortController(),
    stopped: new AbortController(),
    again: false,
    done: Promise.resolve(),
  };
  state.running.set(key, running);
  running.done = runOnce(state, key, running);
}

async function runOnce(state: State, key: string, running: Running): Promise<void> {
  try {
    await state.work(key, { preempted: running.preempted.signal, stopped: running.stopped.signal });
    state.failures.delete(key);
  } catch (error) {
    if (!(error instanceof PreemptedError)) backOff(state, key, error);
  } finally {
    state.running.delete(key);
    if (running.again) add(state, key);
    else startWaiting(state);
  }
}

const failureBackoffMs = 1_000;
const failureBackoffMaxMs = 60_000;

function backOff(state: State, key: string, error: unknown): void {
  const failures = (state.failures.get(key) ?? 0) + 1;
  state.failures.set(key, failures);
  const delayMs = Math.min(failureBackoffMs * 2 ** (failures - 1), failureBackoffMaxMs);
  state.log.error({ target: key, err: error, failures, delayMs }, 'reconcile run failed');
  addAfter(state, key, delayMs);
}
