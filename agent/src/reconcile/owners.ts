/**
 * Whose an object is before we write to it for the first time. Asked only for objects that we do not know to be ours: one
 * GET for a few, one list of metadata where a whole application is new.
 */
import { identityKey } from '@flotilla/domain/object/identity';
import { describeOwner, ownerOf } from '@flotilla/domain/object/tracking';
import type { Owner } from '@flotilla/domain/object/tracking';
import type { Identity, KubeObject } from '@flotilla/domain/object/types';
import { isKubeError } from '../kube/error.ts';
import { getObject } from '../kube/get.ts';
import { listObjects } from '../kube/list.ts';
import type { Resource } from '../kube/resource.ts';
import type { Cluster, Run } from './context.ts';
import { callOptions } from './context.ts';
import { keyOf } from './observe.ts';
import { inParallel } from './parallel.ts';

export interface Asked {
  identity: Identity;
  resource: Resource;
}

const getsMax = 4;

/** What is there now, by identity key; absent: nothing. Only `metadata` may be relied on. */
export async function readOwners(run: Run, asked: Asked[]): Promise<Map<string, KubeObject>> {
  const found = new Map<string, KubeObject>();
  const groups = Map.groupBy(
    asked,
    ({ resource, identity }) => `${resource.group}/${resource.plural}/${identity.namespace}`,
  );
  await inParallel([...groups.values()], 8, async (group) => {
    if (group.length > getsMax) await readByList(run, group, found);
    else await readByGet(run, group, found);
  });
  return found;
}

async function readByGet(run: Run, asked: Asked[], found: Map<string, KubeObject>): Promise<void> {
  for (const { identity, resource } of asked) {
    const address = { resource, namespace: identity.namespace, name: identity.name };
    const live = await getObject(run.cluster.kube, address, callOptions(run));
    if (live) found.set(identityKey(identity), live);
  }
}

async function readByList(run: Run, asked: Asked[], found: Map<string, KubeObject>): Promise<void> {
  const [first] = asked;
  if (first === undefined) return;
  const wanted = new Set(asked.map(({ identity }) => identityKey(identity)));
  const selection = { resource: first.resource, namespace: first.identity.namespace, metadataOnly: true };
  const keep = (object: KubeObject): void => {
    const key = keyOf(object);
    if (wanted.has(key)) found.set(key, object);
  };
  try {
    await listObjects(run.cluster.kube, selection, keep, callOptions(run));
  } catch (error) {
    if (!isKubeError(error, 'NotFound')) throw error;
  }
}

/** Null: it may be written. Otherwise who has it, in words. */
export function ownedByOther(run: Run, live: KubeObject): string | null {
  const owner = ownerOf(live, run.target.tracker);
  if (owner.type === 'none' || owner.type === 'ours' || run.body.sync.adopt) return null;
  if (isHandedOver(run.cluster, owner, keyOf(live))) return null;
  return describeOwner(owner, live);
}

/** An object that moved from one application of this agent to another is taken over, never deleted and made again. */
function isHandedOver(cluster: Cluster, owner: Owner, key: string): boolean {
  if (owner.type !== 'flotilla' || owner.hub !== cluster.hubId) return false;
  const other = cluster.byApplication.get(owner.application);
  if (other === undefined || !other.loaded || other.finishedAssignment !== other.head.assignment)
    return false;
  return (other.records.get(key)?.desired ?? null) === null;
}
