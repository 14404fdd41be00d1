/**
 * What a cluster holds: objects by resource, one counter of versions, and the last changes, from which a watch resumes.
 * It knows no rules; those are in `clusterStore.ts`.
 */
import type { KubeObject, ResourceType } from '../types.ts';
import type { ObjectEvent } from './store.ts';

const historyMax = 2_000;

export class ClusterState {
  resourceVersion = 0;
  /** Changes up to this version are no longer known one by one. */
  oldestVersion = 0;
  /** Told after each change, for who keeps it on disk. */
  onChange: () => void = () => undefined;
  readonly #tables = new Map<string, Map<string, KubeObject>>();
  /** Of resources that came later than the cluster: the version from which on they are known. */
  readonly #begun = new Map<string, number>();
  readonly #listeners = new Set<(event: ObjectEvent) => void>();
  #history: ObjectEvent[] = [];

  get(type: ResourceType, namespace: string, name: string): KubeObject | undefined {
    return this.#tables.get(tableOf(type))?.get(keyOf(namespace, name));
  }

  /** By namespace and name, as etcd has them. */
  all(type: ResourceType): KubeObject[] {
    const table = this.#tables.get(tableOf(type));
    return table === undefined ? [] : sorted(table);
  }

  /** As they were at an earlier version, by undoing what came after; undefined where that is no longer known. */
  allAt(type: ResourceType, version: number): KubeObject[] | undefined {
    if (version >= this.resourceVersion) return this.all(type);
    const after = this.since(version);
    if (after === undefined) return undefined;
    const name = tableOf(type);
    const table = new Map(this.#tables.get(name));
    for (const { resource, object, before } of after.toReversed()) {
      if (tableOf(resource) !== name) continue;
      const key = keyOf(object.metadata.namespace ?? '', object.metadata.name ?? '');
      if (before === null) table.delete(key);
      else table.set(key, before);
    }
    return sorted(table);
  }

  /** Every object of every resource. */
  everything(): KubeObject[] {
    return [...this.#tables.values()].flatMap((table) => [...table.values()]);
  }

  /** The object with its new version. */
  put(type: ResourceType, object: KubeObject): KubeObject {
    this.resourceVersion += 1;
    const stored = {
      ...object,
      metadata: { ...object.metadata, resourceVersion: String(this.resourceVersion) },
    };
    const table = this.#table(type);
    const key = keyOf(object.metadata.namespace ?? '', object.metadata.name ?? '');
    const before = table.get(key) ?? null;
    table.set(key, stored);
    this.#tell({ type: before ? 'MODIFIED' : 'ADDED', resource: type, object: stored, before });
    return stored;
  }

  remove(type: ResourceType, object: KubeObject): KubeObject {
    this.resourceVersion += 1;
    const table = this.#table(type);
    const key = keyOf(object.metadata.namespace ?? '', object.metadata.name ?? '');
    const before = table.get(key) ?? null;
    table.delete(key);
    const last = {
      ...object,
      metadata: { ...object.metadata, resourceVersion: String(this.resourceVersion) },
    };
    this.#tell({ type: 'DELETED', resource: type, object: last, before });
    return last;
  }

  /** As it was on disk: no event, its own version. */
  restore(type: ResourceType, object: KubeObject): void {
    const key = keyOf(object.metadata.namespace ?? '', object.metadata.name ?? '');
    this.#table(type).set(key, object);
  }

  watch(listener: (event: ObjectEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** A new kind has no past: who watches it from before now is told so. */
  begin(type: Pick<ResourceType, 'group' | 'plural'>): void {
    this.#begun.set(tableOf(type), this.resourceVersion);
  }

  /** The first version from which a watch of this resource can go on. */
  oldestVersionOf(type: ResourceType): number {
    return Math.max(this.oldestVersion, this.#begun.get(tableOf(type)) ?? 0);
  }

  /** Changes after `version`; undefined where they are no longer known. */
  since(version: number): ObjectEvent[] | undefined {
    if (version < this.oldestVersion) return undefined;
    // Versions rise by one with each change.
    const count = Math.min(this.resourceVersion - version, this.#history.length);
    return count <= 0 ? [] : this.#history.slice(-count);
  }

  /** Goes on from this version: nothing that came before it is known. */
  skipTo(version: number): void {
    this.resourceVersion = version;
    this.compact();
  }

  /** Forgets all changes: every watch from before now is answered 410. */
  compact(): void {
    this.#history = [];
    this.oldestVersion = this.resourceVersion;
  }

  #table(type: ResourceType): Map<string, KubeObject> {
    const name = tableOf(type);
    const known = this.#tables.get(name);
    if (known) return known;
    const table = new Map<string, KubeObject>();
    this.#tables.set(name, table);
    return table;
  }

  #tell(change: Omit<ObjectEvent, 'resourceVersion'>): void {
    const event = { ...change, resourceVersion: this.resourceVersion };
    this.#history.push(event);
    if (this.#history.length > historyMax * 1.5) {
      const dropped = this.#history.splice(0, this.#history.length - historyMax);
      this.oldestVersion = dropped.at(-1)?.resourceVersion ?? this.oldestVersion;
    }
    for (const listener of [...this.#listeners]) listener(event);
    this.onChange();
  }
}

function sorted(table: Map<string, KubeObject>): KubeObject[] {
  return [...table.keys()].sort().map((key) => table.get(key) as KubeObject);
}

export function tableOf(type: Pick<ResourceType, 'group' | 'plural'>): string {
  return `${type.group}/${type.plural}`;
}

function keyOf(namespace: string, name: string): string {
  return `${namespace}/${name}`;
}
