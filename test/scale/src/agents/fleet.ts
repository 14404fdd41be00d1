/** Simulated agents in a few worker processes, seen as one. Disposal ends the processes. */
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { eventually } from '@flotilla/testkit/eventually';
import type { ClusterBehaviour } from './cluster.ts';
import type { FromWorker, ToWorker, WorkerCounts, WorkerOptions, WorkerTimes } from './messages.ts';
import { addCounts, emptyCounts } from './counts.ts';

export interface SimulatedFleetOptions extends WorkerOptions {
  processes: number;
}

const workerFile = fileURLToPath(new URL('./worker.ts', import.meta.url));

interface Worker {
  child: ChildProcess;
  agents: number;
  counts: WorkerCounts | null;
}

export class SimulatedFleet implements AsyncDisposable {
  readonly agents: number;
  readonly #workers: Worker[];
  #failure: string | null = null;
  #collectId = 0;

  constructor({ processes, ...options }: SimulatedFleetOptions) {
    this.agents = options.agents;
    const count = Math.max(1, Math.min(processes, options.agents));
    this.#workers = Array.from({ length: count }, (_, number) => {
      const agents =
        Math.floor((options.agents * (number + 1)) / count) - Math.floor((options.agents * number) / count);
      return this.#startWorker({ ...options, agents });
    });
  }

  #startWorker(options: WorkerOptions): Worker {
    const child = fork(workerFile, {
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const worker: Worker = { child, agents: options.agents, counts: null };
    child.on('message', (message: FromWorker) => {
      if (message.type === 'counts') worker.counts = message.counts;
      if (message.type === 'failed') this.#failure ??= message.message;
    });
    child.on(
      'exit',
      (code) => (this.#failure ??= `a process of simulated agents ended with ${String(code)}`),
    );
    child.send({ type: 'begin', options } satisfies ToWorker);
    return worker;
  }

  /** Sums over the processes. */
  counts(): WorkerCounts {
    if (this.#failure !== null) throw new Error(this.#failure);
    return this.#workers.map(({ counts }) => counts).reduce<WorkerCounts>(addCounts, emptyCounts());
  }

  send(message: ToWorker): void {
    for (const { child } of this.#workers) child.send(message);
  }

  behave(behaviour: ClusterBehaviour): void {
    this.send({ type: 'behave', behaviour });
  }

  /** Begins times and counts anew. */
  async mark(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => this.#ask(worker, { type: 'mark' }, 'marked')));
  }

  /** Times of all agents since the last mark, in order. */
  async collect(): Promise<WorkerTimes & { clusters: string[] }> {
    const id = ++this.#collectId;
    const answers = await Promise.all(
      this.#workers.map((worker) => this.#ask(worker, { type: 'collect', id }, 'collected')),
    );
    const sorted = (read: (times: WorkerTimes) => number[]) =>
      answers
        .flatMap((answer) => (answer.type === 'collected' ? read(answer.times) : []))
        .toSorted((a, b) => a - b);
    return {
      welcomed: sorted((times) => times.welcomed),
      accepted: sorted((times) => times.accepted),
      statesAcked: sorted((times) => times.statesAcked),
      clusters: answers.flatMap((answer) => (answer.type === 'collected' ? answer.clusters : [])),
    };
  }

  /** Every stream has ended when it resolves. */
  async offline(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => this.#ask(worker, { type: 'offline' }, 'offline')));
  }

  online(jitter: number): void {
    this.send({ type: 'online', jitter });
  }

  async allConnected(timeoutMs: number): Promise<void> {
    await this.until(
      'every simulated agent is connected',
      (counts) => counts.connected === this.agents,
      timeoutMs,
    );
  }

  async until(what: string, isDone: (counts: WorkerCounts) => boolean, timeoutMs: number): Promise<void> {
    await eventually(
      what,
      () => {
        const counts = this.counts();
        return Promise.resolve(isDone(counts) ? true : ([false, counts] as const));
      },
      { timeoutMs },
    );
  }

  #ask(worker: Worker, message: ToWorker, answer: FromWorker['type']): Promise<FromWorker> {
    const answered = new Promise<FromWorker>((resolve, reject) => {
      const listen = (heard: FromWorker): void => {
        if (heard.type !== answer) return;
        worker.child.off('message', listen).off('exit', ended);
        resolve(heard);
      };
      const ended = (): void => reject(new Error('a process of simulated agents ended'));
      worker.child.on('message', listen).on('exit', ended);
    });
    worker.child.send(message);
    return answered;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      this.#workers.map(({ child }) => {
        if (child.exitCode !== null) return undefined;
        const ended = new Promise((resolve) => child.once('exit', resolve));
        child.kill('SIGKILL');
        return ended;
      }),
    );
  }
}
