/**
 * The one loop of all simulated clusters of a process: keys that wait for their turn, and times at which keys come back.
 * Nothing runs while nothing waits, however many clusters there are; it gives way to requests every few milliseconds.
 */
export interface Worker {
  work(key: string): void;
}

interface Turn {
  worker: Worker;
  key: string;
}

interface Alarm extends Turn {
  atMs: number;
}

const SLICE_MS = 5;
/** What setTimeout can wait at most. */
const TIMEOUT_MAX_MS = 2_147_483_647;

export class WorkLoop {
  readonly #now: () => number;
  readonly #waiting = new Map<Worker, Set<string>>();
  readonly #known = new Map<Worker, Map<string, number>>();
  #queue: Turn[] = [];
  #heap: Alarm[] = [];
  #immediate: NodeJS.Immediate | undefined;
  #timer: NodeJS.Timeout | undefined;
  #timerAtMs = Infinity;

  constructor(now: () => number) {
    this.#now = now;
  }

  enqueue(worker: Worker, key: string): void {
    const waiting = this.#waiting.get(worker) ?? new Set();
    if (waiting.has(key)) return;
    this.#waiting.set(worker, waiting.add(key));
    this.#queue.push({ worker, key });
    this.#immediate ??= setImmediate(() => this.#runSlice());
  }

  /** An earlier alarm of the same key stays: whoever it wakes says anew when to come back. */
  wakeAt(worker: Worker, key: string, atMs: number): void {
    const known = this.#known.get(worker) ?? new Map<string, number>();
    if ((known.get(key) ?? Infinity) <= atMs) return;
    this.#known.set(worker, known.set(key, atMs));
    push(this.#heap, { worker, key, atMs });
    this.#arm();
  }

  forget(worker: Worker): void {
    this.#waiting.delete(worker);
    this.#known.delete(worker);
    this.#queue = this.#queue.filter((turn) => turn.worker !== worker);
    const kept = this.#heap.filter((alarm) => alarm.worker !== worker);
    this.#heap = [];
    for (const alarm of kept) push(this.#heap, alarm);
    if (this.#queue.length === 0) {
      clearImmediate(this.#immediate);
      this.#immediate = undefined;
    }
    this.#arm();
  }

  #runSlice(): void {
    this.#immediate = undefined;
    const endMs = performance.now() + SLICE_MS;
    const turns = this.#queue;
    let done = 0;
    while (done < turns.length && performance.now() < endMs) {
      const turn = turns[done++];
      if (turn === undefined || this.#waiting.get(turn.worker)?.delete(turn.key) !== true) continue;
      turn.worker.work(turn.key);
      if (this.#queue !== turns) return;
    }
    turns.splice(0, done);
    if (turns.length > 0) this.#immediate ??= setImmediate(() => this.#runSlice());
    else {
      clearImmediate(this.#immediate);
      this.#immediate = undefined;
    }
  }

  #arm(): void {
    const next = this.#heap[0]?.atMs ?? Infinity;
    if (next === this.#timerAtMs) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#timerAtMs = next;
    if (next === Infinity) return;
    const delayMs = Math.min(TIMEOUT_MAX_MS, Math.max(0, next - this.#now()));
    this.#timer = setTimeout(() => this.#ring(), delayMs);
  }

  #ring(): void {
    this.#timerAtMs = Infinity;
    const nowMs = this.#now();
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined || first.atMs > nowMs) break;
      pop(this.#heap);
      const known = this.#known.get(first.worker);
      if (known?.get(first.key) !== first.atMs) continue;
      known.delete(first.key);
      this.enqueue(first.worker, first.key);
    }
    this.#arm();
  }
}

function push(heap: Alarm[], alarm: Alarm): void {
  let at = heap.push(alarm) - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (atOf(heap, parent) <= alarm.atMs) break;
    swap(heap, at, parent);
    at = parent;
  }
}

function pop(heap: Alarm[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  heap[0] = last;
  let at = 0;
  for (;;) {
    const left = 2 * at + 1;
    const least = atOf(heap, left + 1) < atOf(heap, left) ? left + 1 : left;
    if (atOf(heap, least) >= last.atMs) return;
    swap(heap, at, least);
    at = least;
  }
}

function atOf(heap: readonly Alarm[], index: number): number {
  return heap[index]?.atMs ?? Infinity;
}

function swap(heap: Alarm[], a: number, b: number): void {
  const [first, second] = [heap[a], heap[b]];
  if (first === undefined || second === undefined) return;
  heap[a] = second;
  heap[b] = first;
}
