/**
 * One watch for each kind that the agent owns something of, cluster-wide and filtered by our label, shared by all
 * applications. It keeps no objects: each is handed on and forgotten.
 */
import type { KubeObject } from '@flotilla/domain/object/types';
import { appLabel } from '@flotilla/domain/object/tracking';
import type { Clock } from '../clock.ts';
import type { KubeClient } from '../kube/client.ts';
import type { Resource } from '../kube/resource.ts';
import { apiVersionOf } from '../kube/resource.ts';
import type { Watch } from '../kube/watch.ts';
import { startWatch } from '../kube/watch.ts';
import type { Log } from '../log.ts';

export interface WatchSink {
  /** A live object with our label. */
  live(object: KubeObject): void;
  /** It is gone, or lost our label. */
  gone(object: KubeObject): void;
  /** A list of the kind is complete: what was not seen in it does not exist (unless it is newer than the list). */
  listed(kind: { group: string; kind: string }, seen: ReadonlySet<string>, resourceVersion: number): void;
}

export interface Watches {
  /** Starts what is not yet watched; resolves when each is listed, or could not be within the bound. */
  ensure(resources: Iterable<Resource>): Promise<void>;
  isReady(apiVersion: string, kind: string): boolean;
  /** Ends watches of `apiVersion/kind`s that nobody needs. */
  retain(kinds: ReadonlySet<string>): Promise<void>;
  stop(): Promise<void>;
}

interface Entry {
  watch: Watch;
  ready: boolean;
  firstList: Promise<void>;
}

interface Shared {
  kube: KubeClient;
  clock: Clock;
  log: Log;
  sink: WatchSink;
  entries: Map<string, Entry>;
}

const firstListTimeoutMs = 10_000;

export function createWatches(options: {
  kube: KubeClient;
  clock: Clock;
  log: Log;
  sink: WatchSink;
}): Watches {
  const shared: Shared = { ...options, entries: new Map() };
  return {
    ensure: async (resources) => {
      const waits = [...resources].filter(isWatchable).map((resource) => ensureOne(shared, resource));
      await Promise.all(waits);
    },
    isReady: (apiVersion, kind) => shared.entries.get(`${apiVersion}/${kind}`)?.ready ?? false,
    retain: async (kinds) => {
      const gone = [...shared.entries].filter(([key]) => !kinds.has(key));
      for (const [key] of gone) shared.entries.delete(key);
      await Promise.all(gone.map(([, entry]) => entry.watch.stop()));
    },
    stop: async () => {
      const entries = [...shared.entries.values()];
      shared.entries.clear();
      await Promise.all(entries.map((entry) => entry.watch.stop()));
    },
  };
}

function isWatchable(resource: Resource): boolean {
  return resource.verbs.includes('watch') && resource.verbs.includes('list');
}

function ensureOne(shared: Shared, resource: Resource): Promise<void> {
  const key = `${apiVersionOf(resource)}/${resource.kind}`;
  const known = shared.entries.get(key);
  if (known) return known.firstList;
  const first = Promise.withResolvers<void>();
  const bound = new AbortController();
  const settle = (): void => {
    bound.abort();
    first.resolve();
  };
  const entry: Entry = { watch: { stop: () => Promise.resolve() }, ready: false, firstList: first.promise };
  shared.entries.set(key, entry);
  entry.watch = open(shared, resource, entry, settle);
  void shared.clock.sleep(firstListTimeoutMs, bound.signal).then(settle, settle);
  return first.promise;
}

function open(shared: Shared, resource: Resource, entry: Entry, settle: () => void): Watch {
  const kind = { group: resource.group, kind: resource.kind };
  let seen = new Set<string>();
  return startWatch({
    kube: shared.kube,
    clock: shared.clock,
    selection: { resource, namespace: '', labelSelector: appLabel },
    listener: {
      begin: () => {
        seen = new Set();
      },
      object: (object) => {
        seen.add(`${String(object.metadata['namespace'] ?? '')}/${object.metadata.name}`);
        shared.sink.live(object);
      },
      end: (resourceVersion) => {
        shared.sink.listed(kind, seen, resourceVersion);
        seen = new Set();
        entry.ready = true;
        settle();
      },
      changed: (object) => shared.sink.live(object),
      deleted: (object) => shared.sink.gone(object),
      failed: (error) => {
        shared.log.warn({ ...kind, err: error }, 'watch failed');
        settle();
      },
    },
  });
}
