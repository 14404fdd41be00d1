/** Patches of objects for the clusters that an override picks: merge patches (RFC 7386) and JSON patches (RFC 6902), by kind and name. */
import { applyJsonPatch, PatchError, type PatchOperation } from '../diff/jsonPatch.ts';
import { identityKey, identityOf } from '../object/identity.ts';
import { isMap } from '../object/metadata.ts';
import type { Identity, Json, JsonMap, KubeObject } from '../object/types.ts';
import { picks, type Placement } from '../placement/placed.ts';
import type { ClusterValues } from '../template/cluster.ts';

/** What is left out is not asked for. */
export interface PatchTarget {
  group?: string;
  kind: string;
  name: string;
  namespace?: string;
}

export interface ObjectPatch {
  target: PatchTarget;
  /** A mapping is merged, null in it takes a field away; a list is a JSON patch. */
  patch: JsonMap | PatchOperation[];
}

export interface Override {
  clusters: Placement['clusters'];
  patches: readonly ObjectPatch[];
}

/** Which overrides are a cluster's: their places in the list, in order. */
export function overridesOf(overrides: readonly Override[], { name, labels }: ClusterValues): number[] {
  return overrides.flatMap((override, at) => (picks(override, { name, labels }) ? [at] : []));
}

export function isMeant(target: PatchTarget, identity: Identity): boolean {
  return (
    target.kind === identity.kind &&
    target.name === identity.name &&
    (target.namespace === undefined || target.namespace === identity.namespace) &&
    (target.group === undefined || target.group === identity.group)
  );
}

export type Patched = { ok: true; object: KubeObject } | { ok: false; message: string };

/** What makes the object the one it is stays. */
export function patchObject(object: KubeObject, patch: ObjectPatch['patch']): Patched {
  let patched: Json;
  try {
    patched = Array.isArray(patch) ? applyJsonPatch(object, patch) : mergePatch(object, patch);
  } catch (error) {
    if (error instanceof PatchError) return { ok: false, message: error.message };
    throw error;
  }
  const isSame =
    isMap(patched) &&
    isMap(patched['metadata']) &&
    typeof patched['apiVersion'] === 'string' &&
    identityKey(identityOf(patched as KubeObject)) === identityKey(identityOf(object));
  return isSame
    ? { ok: true, object: patched as KubeObject }
    : { ok: false, message: 'a patch must leave group, kind, name and namespace as they are' };
}

/** RFC 7386. What the patch does not touch is shared. */
export function mergePatch(target: Json | undefined, patch: Json): Json {
  if (!isMap(patch)) return patch;
  const merged = new Map(Object.entries(isMap(target) ? target : {}));
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) merged.delete(key);
    else merged.set(key, mergePatch(merged.get(key), value));
  }
  return Object.fromEntries(merged);
}

export function targetText({ group, kind, name, namespace }: PatchTarget): string {
  const place = namespace === undefined ? name : `${namespace}/${name}`;
  return `${kind}${group === undefined || group === '' ? '' : `.${group}`} ${place}`;
}
