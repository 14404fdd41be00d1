/**
 * Owner references: what lost all its owners goes, an owner that waits (Foreground) goes after the dependents that block
 * it, and one that is to leave them behind (Orphan) is first taken off them.
 */
import type { KubeObject, OwnerReference } from '../types.ts';
import { withMetadata } from './objects.ts';
import { planOf, type Plan, type Propagation, type Write } from './plan.ts';

export const FOREGROUND = 'foregroundDeletion';
export const ORPHAN = 'orphan';

export interface GarbageSight {
  object: KubeObject;
  /** What names it as owner. */
  dependents: readonly KubeObject[];
  /** The living owner of that reference, with its uid; undefined where there is none; `unknown` where none can be told. */
  ownerOf: (reference: OwnerReference) => KubeObject | 'unknown' | undefined;
}

export function garbagePlan({ object, dependents, ownerOf }: GarbageSight): Plan {
  const isDeleting = object.metadata.deletionTimestamp !== undefined;
  if (isDeleting && has(object, ORPHAN)) return planOf(leaveBehind(object, dependents));
  if (isDeleting && has(object, FOREGROUND)) return planOf(waitFor(object, dependents));
  if (isDeleting) return planOf([]);
  return planOf(collect(object, dependents, ownerOf));
}

function leaveBehind(object: KubeObject, dependents: readonly KubeObject[]): Write[] {
  const writes: Write[] = dependents.map((dependent) => ({
    do: 'update',
    object: withMetadata(dependent, { ownerReferences: without(dependent, [object.metadata.uid ?? '']) }),
  }));
  return [...writes, withoutFinalizer(object, ORPHAN)];
}

function waitFor(object: KubeObject, dependents: readonly KubeObject[]): Write[] {
  const isBlocking = (dependent: KubeObject): boolean =>
    dependent.metadata.ownerReferences?.some(
      ({ uid, blockOwnerDeletion }) => uid === object.metadata.uid && blockOwnerDeletion === true,
    ) ?? false;
  return dependents.some(isBlocking) ? [] : [withoutFinalizer(object, FOREGROUND)];
}

function collect(
  object: KubeObject,
  dependents: readonly KubeObject[],
  ownerOf: GarbageSight['ownerOf'],
): Write[] {
  const references = object.metadata.ownerReferences ?? [];
  if (references.length === 0) return [];
  const owners = references.map((reference) => ({ reference, owner: ownerOf(reference) }));
  const dangling = owners.filter(({ owner }) => owner === undefined);
  const waiting = owners.filter(
    ({ owner }) => owner !== 'unknown' && owner !== undefined && isWaiting(owner),
  );
  const lost = [...dangling, ...waiting].map(({ reference }) => reference.uid);
  if (lost.length === 0) return [];
  // One owner that stays keeps it; the others are forgotten, or they would wait for it for ever.
  if (lost.length < owners.length)
    return [{ do: 'update', object: withMetadata(object, { ownerReferences: without(object, lost) }) }];
  return [
    { do: 'delete', object, propagation: propagationOf(object, waiting.length > 0 && dependents.length > 0) },
  ];
}

function isWaiting(owner: KubeObject): boolean {
  return owner.metadata.deletionTimestamp !== undefined && has(owner, FOREGROUND);
}

function propagationOf(object: KubeObject, isForeground: boolean): Propagation {
  if (isForeground || has(object, FOREGROUND)) return 'Foreground';
  return has(object, ORPHAN) ? 'Orphan' : 'Background';
}

function has({ metadata }: KubeObject, finalizer: string): boolean {
  return metadata.finalizers?.includes(finalizer) ?? false;
}

function without({ metadata }: KubeObject, uids: readonly string[]): OwnerReference[] {
  return (metadata.ownerReferences ?? []).filter(({ uid }) => !uids.includes(uid));
}

function withoutFinalizer(object: KubeObject, finalizer: string): Write {
  const finalizers = (object.metadata.finalizers ?? []).filter((one) => one !== finalizer);
  return { do: 'update', object: withMetadata(object, { finalizers }) };
}
