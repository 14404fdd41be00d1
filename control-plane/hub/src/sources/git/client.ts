/**
 * The hub's side of the Git thread. Every operation has one deadline: first it is told to stop, and where it does not
 * (a loop in a parser), the thread is ended and started anew; others on it fail as retryable.
 */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { Worker } from 'node:worker_threads';

import { gitHttpDefaults, type GitHttpLimits } from './http.ts';
import type {
  FromWorker,
  GitOperation,
  GitProblem,
  Look,
  LookResult,
  Remote,
  ToWorker,
  Want,
} from './messages.ts';
import { treeDefaults, type TreeLimits } from './readTree.ts';

export interface GitClientOptions {
  limits: GitHttpLimits & TreeLimits;
  operationTimeoutMs: number;
  /** After being told to stop, until the thread is ended. */
  graceMs: number;
  cacheBytesMax: number;
  threadHeapMb: number;
}

export const gitClientDefaults: GitClientOptions = {
  limits: { ...gitHttpDefaults, ...treeDefaults },
  operationTimeoutMs: 90_000,
  graceMs: 3_000,
  cacheBytesMax: 1 << 30,
  threadHeapMb: 512,
};

/** A Git operation that did not succeed, for one place to turn into a condition. */
export class GitError extends Error {
  override readonly name = 'GitError';
  readonly problem: GitProblem;
  constructor(problem: GitProblem) {
    super(problem.message);
    this.problem = problem;
  }
}

interface Pending {
  resolve: (result: LookResult) => void;
  reject: (error: GitError) => void;
  timers: NodeJS.Timeout[];
}

export class GitClient {
  readonly #options: GitClientOptions;
  #worker: Worker | null = null;
  #nextId = 1;
  readonly #pending = new Map<number, Pending>();
  #cacheDir: Promise<string> | null = null;
  /** Repository → bytes, the one used longest ago first. */
  readonly #cached = new Map<string, number>();
  /** One repository's cache has one user at a time. */
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor(options: Partial<GitClientOptions> = {}) {
    this.#options = { ...gitClientDefaults, ...options };
  }

  /** Looks where the refs point, and reads the paths of those that moved. @throws GitError when nothing could be asked at all */
  async look(remote: Remote, wants: Want[]): Promise<Look[]> {
    const cacheDir = await (this.#cacheDir ??= makeCacheDir());
    const before = this.#turns.get(remote.repositoryId) ?? Promise.resolve();
    const turn = before.then(() => this.#run({ remote, wants, limits: this.#options.limits, cacheDir }));
    const settled = turn.catch(() => undefined);
    this.#turns.set(remote.repositoryId, settled);
    try {
      const { looks, cacheBytes } = await turn;
      await this.#bound(cacheDir, remote.repositoryId, cacheBytes);
      return looks;
    } finally {
      if (this.#turns.get(remote.repositoryId) === settled) this.#turns.delete(remote.repositoryId);
    }
  }

  async close(): Promise<void> {
    const worker = this.#worker;
    if (worker !== null) {
      this.#lose(worker, 'it was closed');
      await worker.terminate();
    }
    const cacheDir = await this.#cacheDir;
    if (cacheDir !== null) await rm(cacheDir, { recursive: true, force: true });
  }

  #run(operation: GitOperation): Promise<LookResult> {
    const worker = (this.#worker ??= this.#start());
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const abort = setTimeout(() => send(worker, { type: 'abort', id }), this.#options.operationTimeoutMs);
      const kill = setTimeout(
        () => void worker.terminate(),
        this.#options.operationTimeoutMs + this.#options.graceMs,
      );
      this.#pending.set(id, { resolve, reject, timers: [abort, kill] });
      send(worker, { type: 'run', id, operation });
    });
  }

  #start(): Worker {
    const worker = new Worker(new URL(`./worker${extname(import.meta.filename)}`, import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: this.#options.threadHeapMb },
    });
    worker.unref();
    worker.on('message', (message: FromWorker) => this.#settle(message));
    worker.on('error', (error) => this.#lose(worker, error.message));
    worker.on('exit', () => this.#lose(worker, 'it was ended'));
    return worker;
  }

  #settle(message: FromWorker): void {
    const pending = this.#pending.get(message.id);
    if (pending === undefined) return;
    this.#pending.delete(message.id);
    pending.timers.forEach(clearTimeout);
    if (message.type === 'done') pending.resolve(message.result);
    else pending.reject(new GitError(message.problem));
  }

  /** All that ran on a thread is lost with it. */
  #lose(worker: Worker, why: string): void {
    if (this.#worker !== worker) return;
    this.#worker = null;
    for (const id of [...this.#pending.keys()]) {
      this.#settle({
        type: 'failed',
        id,
        problem: { kind: 'Timeout', message: `the Git thread stopped: ${why}` },
      });
    }
  }

  async #bound(cacheDir: string, repositoryId: string, bytes: number): Promise<void> {
    this.#cached.delete(repositoryId);
    this.#cached.set(repositoryId, bytes);
    let total = [...this.#cached.values()].reduce((sum, size) => sum + size, 0);
    for (const [id, size] of [...this.#cached]) {
      if (total <= this.#options.cacheBytesMax) return;
      if (this.#turns.has(id) && id !== repositoryId) continue;
      await rm(join(cacheDir, id), { recursive: true, force: true });
      this.#cached.delete(id);
      total -= size;
    }
  }
}

function send(worker: Worker, message: ToWorker): void {
  worker.postMessage(message);
}

const cachePrefix = 'flotilla-sources-';

/** One folder a process; those of processes that are gone are removed, so that a crash leaves nothing for long. */
async function makeCacheDir(): Promise<string> {
  const root = tmpdir();
  for (const name of await readdir(root)) {
    const pid = Number(
      name.startsWith(cachePrefix) ? name.slice(cachePrefix.length).split('-')[0] : Number.NaN,
    );
    if (Number.isInteger(pid) && !isAlive(pid)) await rm(join(root, name), { recursive: true, force: true });
  }
  return mkdtemp(join(root, `${cachePrefix}${process.pid}-`));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
