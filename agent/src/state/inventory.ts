/**
 * The inventory in the cluster: for each application the identity and UID of what this agent made for it, gzipped in
 * Secrets of bounded size. Its writers keep the order that loses nothing: grow before the first apply, shrink after a
 * confirmed delete. Every write is a compare-and-swap; a shard that did not change is not written.
 *
 * In memory only the compressed shards are kept: an application at rest costs a few bytes an object.
 */
import { gunzipSync, gzipSync } from 'node:zlib';
import type { Digest } from '@flotilla/domain/digest/sha256';
import { inventoryDigest } from '@flotilla/domain/inventory/inventory';
import type { InventoryEntry } from '@flotilla/domain/inventory/inventory';
import { decodeShard, encodeShard, mergeShards, shardInventory } from '@flotilla/domain/inventory/shard';
import type { InventoryShard, OperationNote } from '@flotilla/domain/inventory/shard';
import type { KubeObject } from '@flotilla/domain/object/types';
import type { KubeClient } from '../kube/client.ts';
import { deleteObject } from '../kube/delete.ts';
import { isKubeError } from '../kube/error.ts';
import { getObject } from '../kube/get.ts';
import { listObjects } from '../kube/list.ts';
import { secretResource } from '../kube/resource.ts';
import { createObject, replaceObject } from '../kube/write.ts';
import { sha256 } from './sha256.ts';

export interface Inventory {
  entries: InventoryEntry[];
  note: OperationNote | null;
  /** Rebuilt from annotations and not yet confirmed: nothing is pruned by it. */
  rebuilt: boolean;
}

export interface InventoryStore {
  applications(): string[];
  /** Null where there is none. */
  read(application: string): Inventory | null;
  /** Without decoding it. */
  isRebuilt(application: string): boolean;
  /** Resolves when the cluster has it; rejects with a KubeError. */
  write(application: string, inventory: Inventory): Promise<void>;
  drop(application: string): Promise<void>;
  digest(): Digest;
}

export class DamagedInventoryError extends Error {
  override readonly name = 'DamagedInventoryError';
  readonly secret: string;

  constructor(secret: string, reason: string) {
    super(`inventory in secret ${secret} is damaged: ${reason}`);
    this.secret = secret;
  }
}

const label = 'flotilla.dev/inventory';
const rebuiltAnnotation = 'flotilla.dev/inventory-rebuilt';
const secretType = 'flotilla.dev/inventory';
const dataKey = 'inventory.gz';

interface HeldShard {
  name: string;
  uid: string;
  resourceVersion: string;
  gzipped: Buffer;
  rebuilt: boolean;
}

interface Store {
  kube: KubeClient;
  namespace: string;
  held: Map<string, Map<string, HeldShard>>;
  /** Decoded once for all steps of a pass; gone with the last of them that uses it. */
  decoded: Map<string, WeakRef<Inventory>>;
}

/** Reads every inventory Secret of the namespace. */
export async function openInventoryStore(kube: KubeClient, namespace: string): Promise<InventoryStore> {
  const store: Store = { kube, namespace, held: new Map(), decoded: new Map() };
  await listObjects(kube, { resource: secretResource, namespace, labelSelector: label }, (secret) =>
    hold(store, secret),
  );
  return {
    applications: () => [...store.held.keys()],
    read: (application) => read(store, application),
    isRebuilt: (application) => isRebuilt(store, application),
    write: (application, inventory) => write(store, application, inventory),
    drop: (application) => drop(store, application),
    digest: () => digestOf(store),
  };
}

function hold(store: Store, secret: KubeObject): void {
  const metadata = secret.metadata as KubeObject['metadata'] & {
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
  };
  const application = metadata.labels?.[label] ?? '';
  const data = (secret['data'] ?? {}) as Record<string, string>;
  const shards = store.held.get(application) ?? new Map<string, HeldShard>();
  store.held.set(application, shards);
  store.decoded.delete(application);
  shards.set(metadata.name, {
    name: metadata.name,
    uid: String(metadata['uid']),
    resourceVersion: String(metadata['resourceVersion']),
    gzipped: Buffer.from(data[dataKey] ?? '', 'base64'),
    rebuilt: metadata.annotations?.[rebuiltAnnotation] === 'true',
  });
}

function read(store: Store, application: string): Inventory | null {
  const shards = store.held.get(application);
  if (shards === undefined || shards.size === 0) return null;
  const known = store.decoded.get(application)?.deref();
  if (known !== undefined) return known;
  const decoded = [...shards.values()].map(decode);
  const inventory: Inventory = { ...mergeShards(decoded), rebuilt: isRebuilt(store, application) };
  store.decoded.set(application, new WeakRef(inventory));
  return inventory;
}

function isRebuilt({ held }: Store, application: string): boolean {
  return [...(held.get(application)?.values() ?? [])].some(({ rebuilt }) => rebuilt);
}

function decode(held: HeldShard): InventoryShard {
  const decoded = decodeShard(gunzip(held));
  if (!decoded.ok) throw new DamagedInventoryError(held.name, decoded.reason);
  return decoded.shard;
}

function gunzip(held: HeldShard): Buffer {
  try {
    return gunzipSync(held.gzipped);
  } catch (error) {
    throw new DamagedInventoryError(held.name, (error as Error).message);
  }
}

async function write(store: Store, application: string, inventory: Inventory): Promise<void> {
  const { entries, note, rebuilt } = inventory;
  const shards = shardInventory({ application, note, entries }, sha256);
  const names = new Set<string>();
  for (const shard of shards) {
    const name = secretName(application, shard);
    names.add(name);
    await writeShard(store, application, name, gzipSync(encodeShard(shard)), rebuilt);
  }
  // Shards of another count go last: until then the union of all loses nothing.
  for (const held of [...(store.held.get(application)?.values() ?? [])]) {
    if (!names.has(held.name)) await dropShard(store, application, held);
  }
}

function secretName(application: string, shard: InventoryShard): string {
  return `flotilla-inventory-${application}-${shard.shards}-${shard.shard}`;
}

async function writeShard(
  store: Store,
  application: string,
  name: string,
  gzipped: Buffer,
  rebuilt: boolean,
): Promise<void> {
  const held = store.held.get(application)?.get(name);
  if (held && held.rebuilt === rebuilt && held.gzipped.equals(gzipped)) return;
  const secret: KubeObject = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name,
      namespace: store.namespace,
      labels: { [label]: application },
      ...(rebuilt ? { annotations: { [rebuiltAnnotation]: 'true' } } : {}),
      ...(held ? { resourceVersion: held.resourceVersion } : {}),
    },
    type: secretType,
    data: { [dataKey]: gzipped.toString('base64') },
  };
  try {
    hold(store, held ? await replace(store, secret) : await create(store, secret));
  } catch (error) {
    // Another agent wrote meanwhile: the caller's next try begins with what is there now.
    if (isKubeError(error, 'Conflict')) await reload(store, application);
    throw error;
  }
}

async function reload(store: Store, application: string): Promise<void> {
  store.held.delete(application);
  store.decoded.delete(application);
  const selection = {
    resource: secretResource,
    namespace: store.namespace,
    labelSelector: `${label}=${application}`,
  };
  await listObjects(store.kube, selection, (secret) => hold(store, secret));
}

async function replace(store: Store, secret: KubeObject): Promise<KubeObject> {
  try {
    return await replaceObject(store.kube, secretResource, secret);
  } catch (error) {
    if (!isKubeError(error, 'NotFound')) throw error;
    // Somebody deleted it: what this process holds is the union, so making it again loses nothing.
    const { resourceVersion: _gone, ...metadata } = secret.metadata;
    return createObject(store.kube, secretResource, {
      ...secret,
      metadata: { ...metadata, name: secret.metadata.name },
    });
  }
}

/** A name that is taken means a lost answer of our own: take its version over and replace it. */
async function create(store: Store, secret: KubeObject): Promise<KubeObject> {
  try {
    return await createObject(store.kube, secretResource, secret);
  } catch (error) {
    if (!isKubeError(error, 'AlreadyExists')) throw error;
    const name = secret.metadata.name;
    const live = await getObject(store.kube, { resource: secretResource, namespace: store.namespace, name });
    const resourceVersion = String(live?.metadata['resourceVersion']);
    return replaceObject(store.kube, secretResource, {
      ...secret,
      metadata: { ...secret.metadata, resourceVersion },
    });
  }
}

async function drop(store: Store, application: string): Promise<void> {
  for (const held of [...(store.held.get(application)?.values() ?? [])])
    await dropShard(store, application, held);
  store.held.delete(application);
  store.decoded.delete(application);
}

async function dropShard(store: Store, application: string, held: HeldShard): Promise<void> {
  const address = { resource: secretResource, namespace: store.namespace, name: held.name };
  await deleteObject(store.kube, address, held.uid, 'background');
  store.held.get(application)?.delete(held.name);
  store.decoded.delete(application);
}

function digestOf(store: Store): Digest {
  const all = [...store.held.keys()].map(
    (application) => [application, read(store, application)?.entries ?? []] as const,
  );
  return inventoryDigest(new Map(all), sha256);
}
