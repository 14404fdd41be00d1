/**
 * One collection, followed for as long as wanted. What it guarantees: after `end` the listener has seen every object;
 * every later change is told in order; a gap is closed by listing again.
 *
 * The loop: list → watch from there, with bookmarks → on a normal end resume at the last resourceVersion → on 410 Gone,
 * and now and then anyway, list again. A stream that is silent longer than bookmarks allow is cut and resumed: a
 * half-open connection looks exactly like a quiet cluster. Failures back off with jitter.
 */
import type { KubeObject } from '@flotilla/domain/object/types';
import type { Clock } from '../clock.ts';
import type { KubeClient } from './client.ts';
import { errorFromAnswer, isKubeError } from './error.ts';
import { parseJson } from './json.ts';
import type { ListSelection } from './list.ts';
import { listObjects } from './list.ts';
import { collectionPath, queryOf } from './resource.ts';

export interface WatchListener {
  /** A complete list begins: what is not told until `end` no longer exists. */
  begin(): void;
  object(object: KubeObject): void;
  /** `resourceVersion` of the list: an object made later may be missing from it. */
  end(resourceVersion: number): void;
  changed(object: KubeObject): void;
  deleted(object: KubeObject): void;
  /** The watch is behind until it next tells something; it goes on trying. */
  failed(error: Error): void;
}

export interface WatchOptions {
  kube: KubeClient;
  clock: Clock;
  selection: ListSelection;
  listener: WatchListener;
  random?: () => number;
  /** A stream silent for this long is cut; the server sends a bookmark about every minute. */
  idleTimeoutMs?: number;
  relistIntervalMs?: number;
}

export interface Watch {
  /** Resolves when the loop has ended; the listener hears nothing more. */
  stop(): Promise<void>;
}

interface WatchLoop extends Required<WatchOptions> {
  signal: AbortSignal;
  /** Where to resume; null lists first. */
  resourceVersion: string | null;
  listedMs: number;
  failures: number;
}

const defaultIdleTimeoutMs = 100_000;
const defaultRelistIntervalMs = 30 * 60_000;
const backoffMs = 500;
const backoffMaxMs = 30_000;
const streamSeconds = 300;

export function startWatch(options: WatchOptions): Watch {
  const controller = new AbortController();
  const loop: WatchLoop = {
    random: Math.random,
    idleTimeoutMs: defaultIdleTimeoutMs,
    relistIntervalMs: defaultRelistIntervalMs,
    ...options,
    signal: controller.signal,
    resourceVersion: null,
    listedMs: 0,
    failures: 0,
  };
  const running = follow(loop);
  return {
    stop: async () => {
      controller.abort(new Error('watch stopped'));
      await running;
    },
  };
}

async function follow(loop: WatchLoop): Promise<void> {
  while (!loop.signal.aborted) {
    try {
      if (loop.resourceVersion === null || relistIsDue(loop)) await list(loop);
      await streamOnce(loop);
    } catch (error) {
      if (loop.signal.aborted) return;
      await afterFailure(loop, error as Error);
    }
  }
}

function relistIsDue(loop: WatchLoop): boolean {
  const age = loop.clock.monotonicMs() - loop.listedMs;
  return age > loop.relistIntervalMs * (0.9 + loop.random() / 5);
}

async function list(loop: WatchLoop): Promise<void> {
  loop.listener.begin();
  const tell = (object: KubeObject): void => loop.listener.object(object);
  loop.resourceVersion = await listObjects(loop.kube, loop.selection, tell, { signal: loop.signal });
  loop.listedMs = loop.clock.monotonicMs();
  loop.failures = 0;
  loop.listener.end(Number(loop.resourceVersion));
}

async function afterFailure(loop: WatchLoop, error: Error): Promise<void> {
  if (isKubeError(error, 'Gone')) {
    loop.resourceVersion = null;
    if (loop.failures === 0) {
      loop.failures = 1;
      return;
    }
  }
  loop.failures += 1;
  loop.listener.failed(error);
  const waitMs =
    Math.min(backoffMs * 2 ** Math.min(loop.failures - 1, 10), backoffMaxMs) * (0.2 + 0.8 * loop.random());
  await loop.clock.sleep(waitMs, loop.signal).catch(() => undefined);
}

async function streamOnce(loop: WatchLoop): Promise<void> {
  const query = queryOf({
    watch: true,
    allowWatchBookmarks: true,
    resourceVersion: loop.resourceVersion ?? '',
    labelSelector: loop.selection.labelSelector,
    timeoutSeconds: Math.round(streamSeconds * (1 + loop.random())),
  });
  const path = collectionPath(loop.selection.resource, loop.selection.namespace) + query;
  const startedMs = loop.clock.monotonicMs();
  const stream = await loop.kube.stream({ method: 'GET', path, signal: loop.signal }, loop.idleTimeoutMs);
  for await (const line of linesOf(stream)) {
    if (loop.signal.aborted) return;
    handle(loop, parseJson(line) as WatchEvent);
  }
  // A server that ends streams at once must not be asked in a tight loop.
  if (loop.clock.monotonicMs() - startedMs < 1_000)
    await loop.clock.sleep(500 + 500 * loop.random(), loop.signal);
}

interface WatchEvent {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  object: KubeObject;
}

function handle(loop: WatchLoop, event: WatchEvent): void {
  if (event.type === 'ERROR') throw asFailure(event.object);
  const version = event.object.metadata['resourceVersion'];
  if (typeof version === 'string') loop.resourceVersion = version;
  loop.failures = 0;
  if (event.type === 'BOOKMARK') return;
  if (event.type === 'DELETED') loop.listener.deleted(event.object);
  else loop.listener.changed(event.object);
}

function asFailure(status: unknown): Error {
  const { code, message } = status as { code?: number; message?: string };
  return errorFromAnswer(
    code ?? 500,
    JSON.stringify({ ...(status as object), message: message ?? 'watch failed' }),
    undefined,
  );
}

async function* linesOf(stream: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let rest: Buffer[] = [];
  for await (const chunk of stream) {
    let from = 0;
    for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, from)) {
      rest.push(chunk.subarray(from, at));
      from = at + 1;
      const line = Buffer.concat(rest).toString('utf8');
      rest = [];
      if (line !== '') yield line;
    }
    if (from < chunk.length) rest.push(chunk.subarray(from));
  }
}
