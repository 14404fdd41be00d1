/**
 * Renders trees in confined processes, one a project at a time and a few altogether. A process that is too slow, too
 * large or talks nonsense is killed, and only its own render fails; a warm one keeps what it has parsed.
 */
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { decodeIndex } from '@flotilla/domain/bundle/bundleIndex';
import type { Bundle } from '@flotilla/domain/bundle/bundle';
import type { Reads } from '@flotilla/domain/template/cluster';
import { z } from 'zod';

import type { Logger } from '../platform/logger.ts';
import type { RenderProblem } from './child/problem.ts';
import {
  cut,
  encodeMessage,
  MessageReader,
  type RenderReplyHeader,
  type RenderRequestHeader,
  type SourceTemplate,
  type VariantsAsked,
  type VariantsReplyHeader,
} from './child/wire.ts';
import { startRenderer, type RendererProcess, type SandboxOptions } from './sandbox.ts';

export interface RendererOptions extends SandboxOptions {
  timeoutMs: number;
  outputBytesMax: number;
  processesMax: number;
  /** A process that has had nothing to do for so long is ended. */
  idleMs: number;
  logger: Logger;
}

export const rendererDefaults = {
  heapMb: 768,
  timeoutMs: 60_000,
  outputBytesMax: 160 << 20,
  processesMax: 3,
  idleMs: 120_000,
} satisfies Partial<RendererOptions>;

export interface SourceToRender {
  /** Path of the source in its repository. */
  path: string;
  directory: { recurse: boolean; include: string[]; exclude: string[] };
  /** Left out: its files are taken as they are. */
  template?: SourceTemplate;
  /** Uncompressed frames of the source's tree. */
  frames: Buffer[];
}

export type Rendered = { ok: true; bundle: Bundle } | { ok: false; problems: RenderProblem[] };

/** What it read of a cluster: every cluster that agrees in all of it would get the same. */
export interface RenderedVariant {
  reads: Reads;
  rendered: Rendered;
}

/** `limit`: the input is to blame, and rendering it again gives the same. `lost`: it is not known why. */
export class RenderStopped extends Error {
  override readonly name = 'RenderStopped';
  readonly kind: 'limit' | 'lost';
  constructor(kind: 'limit' | 'lost', message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

const made = z.object({
  ok: z.literal(true),
  index: z.int().nonnegative(),
  frames: z.array(z.int().nonnegative()),
});
const refused = z.object({
  ok: z.literal(false),
  problems: z
    .array(z.object({ file: z.string(), document: z.int(), line: z.int(), message: z.string().max(2000) }))
    .min(1)
    .max(100),
});
const replySchema = z.union([made, refused]);
const reads = z.record(z.string(), z.string().nullable());
const variantsSchema = z.object({
  variants: z.array(z.union([made.extend({ reads }), refused.extend({ reads })])).min(1),
});

export class Renderer {
  readonly #options: RendererOptions;
  /** By project, used longest ago first. */
  readonly #processes = new Map<string, Process>();
  readonly #turns = new Map<string, Promise<unknown>>();
  readonly #slots: (() => void)[] = [];
  #running = 0;

  constructor(options: RendererOptions) {
    this.#options = options;
  }

  /** @throws RenderStopped */
  async render(projectId: string, sources: readonly SourceToRender[]): Promise<Rendered> {
    return this.#inTurn(projectId, requestOf(sources), sources, (header, bytes) =>
      readReply(replySchema.parse(header), bytes),
    );
  }

  /**
   * For clusters of which no two are known to need the same. Gives as many as one answer takes, that of the first cluster
   * among them. @throws RenderStopped
   */
  async renderVariants(
    projectId: string,
    sources: readonly SourceToRender[],
    asked: VariantsAsked,
  ): Promise<RenderedVariant[]> {
    const request = { ...requestOf(sources), variants: asked };
    return this.#inTurn(projectId, request, sources, (header, bytes) =>
      readVariants(variantsSchema.parse(header), bytes),
    );
  }

  async #inTurn<T>(
    projectId: string,
    request: RenderRequestHeader,
    sources: readonly SourceToRender[],
    read: ReadReply<T>,
  ): Promise<T> {
    const before = this.#turns.get(projectId) ?? Promise.resolve();
    const turn = before.then(() => this.#inSlot(() => this.#askFor(projectId, request, sources, read)));
    const settled = turn.catch(() => undefined);
    this.#turns.set(projectId, settled);
    try {
      return await turn;
    } finally {
      if (this.#turns.get(projectId) === settled) this.#turns.delete(projectId);
    }
  }

  async close(): Promise<void> {
    const open = [...this.#processes.values()];
    this.#processes.clear();
    await Promise.all(open.map((process) => process.end()));
  }

  /** A hung render holds one slot until its time is over; the others go on. */
  async #inSlot<T>(run: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#options.processesMax)
      await new Promise<void>((free) => this.#slots.push(free));
    this.#running++;
    try {
      return await run();
    } finally {
      this.#running--;
      this.#slots.shift()?.();
    }
  }

  async #askFor<T>(
    projectId: string,
    request: RenderRequestHeader,
    sources: readonly SourceToRender[],
    read: ReadReply<T>,
  ): Promise<T> {
    const process = await this.#processOf(projectId);
    try {
      const { header, bytes } = await process.ask(
        request,
        sources.flatMap(({ frames }) => frames),
      );
      return read(header, bytes);
    } catch (error) {
      this.#processes.delete(projectId);
      await process.end();
      throw error instanceof RenderStopped
        ? error
        : new RenderStopped('lost', 'the renderer broke off', { cause: error });
    }
  }

  async #processOf(projectId: string): Promise<Process> {
    const held = this.#processes.get(projectId);
    this.#processes.delete(projectId);
    if (held?.isAlive === true) {
      this.#processes.set(projectId, held);
      return held;
    }
    for (const [project, process] of this.#processes) {
      if (this.#processes.size < this.#options.processesMax) break;
      if (process.isBusy) continue;
      this.#processes.delete(project);
      await process.end();
    }
    const process = await Process.start(this.#options, () => {
      if (this.#processes.get(projectId) === process) this.#processes.delete(projectId);
    });
    this.#processes.set(projectId, process);
    return process;
  }
}

/** What it throws ends the process, as any nonsense does. */
type ReadReply<T> = (header: unknown, bytes: Buffer) => T;

function requestOf(sources: readonly SourceToRender[]): RenderRequestHeader {
  return {
    sources: sources.map(({ frames, ...source }) => ({
      ...source,
      frames: frames.map((frame) => frame.byteLength),
    })),
  };
}

/** The reply is data from whoever took the process over, until its digests are checked. */
function readReply(reply: RenderReplyHeader, bytes: Buffer): Rendered {
  if (!reply.ok) return reply;
  const [encoded = Buffer.alloc(0), ...frames] = cut(bytes, [reply.index, ...reply.frames]);
  const decoded = decodeIndex(encoded);
  if (!decoded.ok) throw new RenderStopped('lost', `the renderer sent a broken index: ${decoded.reason}`);
  const { index } = decoded;
  const isWhole =
    index.frames.length === frames.length &&
    index.frames.every(({ digest }, at) => digest === sha256Hex(frames[at] ?? Buffer.alloc(0))) &&
    index.digest === sha256Hex(bytes.subarray(reply.index));
  if (!isWhole) throw new RenderStopped('lost', 'the renderer sent frames that are not those of its index');
  return { ok: true, bundle: { index, frames } };
}

function readVariants({ variants }: VariantsReplyHeader, bytes: Buffer): RenderedVariant[] {
  const lengths = variants.map((reply) =>
    reply.ok ? reply.frames.reduce((sum, length) => sum + length, reply.index) : 0,
  );
  const parts = cut(bytes, lengths);
  return variants.map(({ reads: read, ...reply }, at) => ({
    reads: read,
    rendered: readReply(reply, parts[at] ?? Buffer.alloc(0)),
  }));
}

function sha256Hex(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

const stderrBytesMax = 4096;

class Process {
  readonly #child: RendererProcess;
  readonly #folder: string;
  readonly #options: RendererOptions;
  readonly #onIdle: () => void;
  #pending: PromiseWithResolvers<{ header: unknown; bytes: Buffer }> | null = null;
  #idle: NodeJS.Timeout | null = null;
  #said = '';
  isAlive = true;

  private constructor(child: RendererProcess, folder: string, options: RendererOptions, onIdle: () => void) {
    this.#child = child;
    this.#folder = folder;
    this.#options = options;
    this.#onIdle = onIdle;
    const reader = new MessageReader(options.outputBytesMax);
    child.stdout.on('data', (chunk: Buffer) => this.#receive(reader, chunk));
    child.stderr.on(
      'data',
      (chunk: Buffer) => (this.#said = (this.#said + chunk.toString()).slice(-stderrBytesMax)),
    );
    child.stdin.on('error', () => undefined);
    child.on('error', (error) =>
      this.#lose(new RenderStopped('lost', 'the renderer cannot be started', { cause: error })),
    );
    child.on('exit', (code, signal) => {
      // Ended by us: whoever waited has been told.
      if (this.isAlive) this.#lose(this.#exitError(code, signal));
    });
  }

  static async start(options: RendererOptions, onIdle: () => void): Promise<Process> {
    const folder = await mkdtemp(join(tmpdir(), 'flotilla-render-'));
    return new Process(startRenderer(options, folder), folder, options, onIdle);
  }

  get isBusy(): boolean {
    return this.#pending !== null;
  }

  async ask(header: object, bytes: readonly Uint8Array[]): Promise<{ header: unknown; bytes: Buffer }> {
    if (this.#idle !== null) clearTimeout(this.#idle);
    const pending = Promise.withResolvers<{ header: unknown; bytes: Buffer }>();
    this.#pending = pending;
    const { timeoutMs } = this.#options;
    const tooLong = new RenderStopped('limit', `rendering took longer than ${timeoutMs / 1000} s`);
    const timer = setTimeout(() => pending.reject(tooLong), timeoutMs);
    for (const part of encodeMessage(header, bytes)) this.#child.stdin.write(part);
    try {
      return await pending.promise;
    } finally {
      clearTimeout(timer);
      this.#pending = null;
      this.#idle = setTimeout(() => this.#retire(), this.#options.idleMs);
      this.#idle.unref();
    }
  }

  async end(): Promise<void> {
    this.isAlive = false;
    if (this.#idle !== null) clearTimeout(this.#idle);
    this.#child.kill('SIGKILL');
    await rm(this.#folder, { recursive: true, force: true });
  }

  #retire(): void {
    this.#onIdle();
    void this.end();
  }

  #receive(reader: MessageReader, chunk: Buffer): void {
    try {
      for (const message of reader.push(chunk)) this.#pending?.resolve(message);
    } catch (error) {
      this.#lose(new RenderStopped('limit', `the output is too large: ${(error as Error).message}`));
      this.#child.kill('SIGKILL');
    }
  }

  #lose(error: RenderStopped): void {
    this.isAlive = false;
    this.#pending?.reject(error);
    this.#onIdle();
    void rm(this.#folder, { recursive: true, force: true });
  }

  /** Out of memory ends the process by SIGABRT (V8's own limit) or SIGKILL (the system's). */
  #exitError(code: number | null, signal: NodeJS.Signals | null): RenderStopped {
    if (signal === 'SIGABRT' || /heap out of memory|Invalid string length/i.test(this.#said)) {
      return new RenderStopped('limit', `rendering needs more than ${this.#options.heapMb} MB of memory`);
    }
    this.#options.logger.warn({ code, signal, said: this.#said }, 'renderer ended');
    return new RenderStopped('lost', 'the renderer ended before it answered');
  }
}
