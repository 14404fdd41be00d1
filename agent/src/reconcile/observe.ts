/**
 * observe: what a pass needs to know before it decides. Reads what it does not know of the bundle from disk, the scopes of its kinds
 * from discovery, the inventory, and makes sure that every kind concerned is watched. Calls the API server only for what is
 * not known: a kind seen for the first time, and objects that may have to go.
 */
import type { BundleIndex, IndexedObject } from '@flotilla/domain/bundle/bundle';
import type { InventoryEntry } from '@flotilla/domain/inventory/inventory';
import type { OperationNote } from '@flotilla/domain/inventory/shard';
import { groupOf, identityKey, identityOf, kindKey, namespaceOf } from '@flotilla/domain/object/identity';
import type { ObjectPolicy } from '@flotilla/domain/object/annotations';
import { policyOf } from '@flotilla/domain/object/annotations';
import type { KubeObject } from '@flotilla/domain/object/types';
import type { Scope, Scopes } from '@flotilla/domain/sync/scope';
import { placeObject, scopesWith } from '@flotilla/domain/sync/scope';
import { getObject } from '../kube/get.ts';
import type { Resource } from '../kube/resource.ts';
import { printOfDigest } from '../state/sha256.ts';
import type { Run } from './context.ts';
import { callOptions } from './context.ts';
import type { KnownObject } from './known.ts';
import { knownObject } from './known.ts';
import { inParallel } from './parallel.ts';

export interface Observation {
  bundle: string;
  /** Those that are known with no more than their identity. */
  objects: KubeObject[];
  /** Keys of the objects that were not read, since they stand as they were written. */
  known: ReadonlySet<string>;
  /** Fingerprint of the bundle's line by identity key, as placed on this cluster. */
  lines: Map<string, string>;
  scopes: Scopes;
  inventory: InventoryEntry[];
  note: OperationNote | null;
  rebuilt: boolean;
  /** Of the inventory's objects that the bundle no longer has: as they are now, null when gone. */
  leaving: Map<string, KubeObject | null>;
  livePolicies: Map<string, ObjectPolicy>;
}

/** The inventory as it is in the cluster, nothing yet when the application was never here. */
export function heldInventory(run: Run): {
  entries: InventoryEntry[];
  note: OperationNote | null;
  rebuilt: boolean;
} {
  const held = run.cluster.state.inventory.read(run.body.application.id);
  return held ?? { entries: [], note: null, rebuilt: false };
}

/** `rebuild` is called once the kinds are watched and before the inventory is read. */
export async function observe(run: Run, rebuild: () => Promise<void>): Promise<Observation> {
  const bundle = run.head.bundle.digest;
  const read = await readBundle(run, bundle, (indexed) => knownObject(run, indexed));
  const scopes = await scopesOf(run, read.objects);
  const lines = placedLines(run, read, scopes);
  await watchKinds(run, read.objects, heldInventory(run).entries);
  await rebuild();
  const held = heldInventory(run);
  const leavingEntries = held.entries.filter((entry) => !lines.has(identityKey(entry)));
  const leaving = await readLive(run, leavingEntries);
  // Others may have changed one while the API server was asked.
  const { objects, known } = isStillKnown(run, read) ? read : await readBundle(run, bundle);
  return {
    bundle,
    objects,
    known: new Set(known.values()),
    lines,
    scopes,
    inventory: held.entries,
    note: held.note,
    rebuilt: held.rebuilt,
    leaving,
    livePolicies: policiesOf(leaving),
  };
}

export interface ReadBundle {
  objects: KubeObject[];
  digests: string[];
  /** Of the objects that were not read: their keys. */
  known: Map<IndexedObject, string>;
}

/** In the order of its index. `know`: what is said of an object instead of reading it; null: it is read. */
export async function readBundle(
  run: Run,
  bundle: string,
  know: (indexed: IndexedObject) => KnownObject | null = () => null,
): Promise<ReadBundle> {
  const read: ReadBundle = { objects: [], digests: [], known: new Map() };
  const known = new Map<IndexedObject, KubeObject>();
  const isKnown = (indexed: IndexedObject): boolean => {
    const found = know(indexed);
    if (found === null) return false;
    known.set(indexed, found.object);
    read.known.set(indexed, found.key);
    return true;
  };
  for await (const { indexed, line } of run.cluster.state.bundles.objects(bundle, isKnown)) {
    const object = line?.object() ?? known.get(indexed);
    if (object === undefined) throw new Error('an object was neither read nor known');
    read.objects.push(object);
    read.digests.push(indexed.digest);
  }
  return read;
}

function isStillKnown(run: Run, { known }: ReadBundle): boolean {
  for (const indexed of known.keys()) if (knownObject(run, indexed) === null) return false;
  return true;
}

/** By `group/kind`. Each distinct kind is asked for once; unknown ones are left out. */
export async function scopesOf(run: Run, objects: KubeObject[]): Promise<Scopes> {
  const discovered = new Map<string, Scope>();
  for (const [apiVersion, kind] of distinctKinds(objects)) {
    const resource = await run.cluster.discovery.find(apiVersion, kind);
    if (resource) discovered.set(kindKey(resource), resource.namespaced ? 'Namespaced' : 'Cluster');
  }
  return scopesWith(discovered, objects);
}

function distinctKinds(objects: KubeObject[]): [apiVersion: string, kind: string][] {
  const kinds = new Map(objects.map((object) => [`${object.apiVersion} ${object.kind}`, object]));
  return [...kinds.values()].map((object) => [object.apiVersion, object.kind]);
}

export function placedLines(run: Run, read: ReadBundle, scopes: Scopes): Map<string, string> {
  const lines = new Map<string, string>();
  for (const [index, object] of read.objects.entries()) {
    const placed = placeObject(object, scopes, run.body.destinationNamespace) ?? object;
    lines.set(identityKey(identityOf(placed)), printOfDigest(read.digests[index] ?? ''));
  }
  return lines;
}

async function watchKinds(run: Run, objects: KubeObject[], inventory: InventoryEntry[]): Promise<void> {
  const resources = new Map<string, Resource>();
  for (const [apiVersion, kind] of distinctKinds(objects)) {
    const resource = await run.cluster.discovery.find(apiVersion, kind);
    if (resource) resources.set(`${apiVersion}/${kind}`, resource);
  }
  const watched = new Set([...resources.values()].map(kindKey));
  for (const entry of inventory) {
    const key = kindKey(entry);
    const resource = watched.has(key) ? null : run.cluster.discovery.preferred(entry.group, entry.kind);
    if (resource) resources.set(key, resource);
  }
  await run.cluster.watches.ensure(resources.values());
}

/** What decides a delete is not older than this. */
const discoveryMaxAgeMs = 2_000;

/** Reads objects of the inventory as they are. A kind that is no longer served has none, unless its group's discovery failed. */
export async function readLive(run: Run, entries: InventoryEntry[]): Promise<Map<string, KubeObject | null>> {
  const found = new Map<string, KubeObject | null>();
  if (entries.length === 0) return found;
  await run.cluster.discovery.refresh(discoveryMaxAgeMs);
  await inParallel(entries, 16, async (entry) => {
    const resource = run.cluster.discovery.preferred(entry.group, entry.kind);
    if (resource === null) {
      if (!run.cluster.discovery.failed(entry.group)) found.set(identityKey(entry), null);
      return;
    }
    const address = { resource, namespace: entry.namespace, name: entry.name };
    found.set(identityKey(entry), await getObject(run.cluster.kube, address, callOptions(run)));
  });
  return found;
}

export function policiesOf(live: ReadonlyMap<string, KubeObject | null>): Map<string, ObjectPolicy> {
  const policies = new Map<string, ObjectPolicy>();
  for (const [key, object] of live) if (object) policies.set(key, policyOf(object));
  return policies;
}

/** Keys that a bundle wants, from its index alone: objects without a namespace count in the default one as well as in none. */
export function wantedKeys(index: BundleIndex, destinationNamespace: string): Set<string> {
  const keys = new Set<string>();
  for (const { identity } of index.objects) {
    keys.add(identityKey(identity));
    if (identity.namespace === '') keys.add(identityKey({ ...identity, namespace: destinationNamespace }));
  }
  return keys;
}

/** Of a live object. */
export function keyOf(object: KubeObject): string {
  return identityKey({
    group: groupOf(object.apiVersion),
    kind: object.kind,
    namespace: namespaceOf(object),
    name: object.metadata.name,
  });
}
