/** Whether kinds are namespaced: discovery says, and a CRD in the same bundle for the kind it brings. */
import { kindKey, identityOf, namespaceOf } from '../object/identity.ts';
import { isMap } from '../object/metadata.ts';
import type { KubeObject } from '../object/types.ts';

export type Scope = 'Namespaced' | 'Cluster';

/** By `group/kind`. */
export type Scopes = ReadonlyMap<string, Scope>;

/** Discovery's scopes and those of the CRDs among the objects; the bundle's win: they are what will be. */
export function scopesWith(discovered: Scopes, objects: readonly KubeObject[]): Scopes {
  const brought = objects.map(kindOfCrd).filter((crd) => crd !== null);
  if (brought.length === 0) return discovered;
  return new Map([...discovered, ...brought.map((crd): [string, Scope] => [kindKey(crd), crd.scope])]);
}

export function isCrd(object: KubeObject): boolean {
  const { group, kind } = identityOf(object);
  return group === 'apiextensions.k8s.io' && kind === 'CustomResourceDefinition';
}

/** The kind that a CRD defines; null for anything else and for one that cannot be read. */
export function kindOfCrd(object: KubeObject): { group: string; kind: string; scope: Scope } | null {
  const spec = object['spec'];
  if (!isCrd(object) || !isMap(spec) || !isMap(spec['names'])) return null;
  const { group, scope } = spec;
  const { kind } = spec['names'];
  if (typeof group !== 'string' || typeof kind !== 'string') return null;
  return scope === 'Namespaced' || scope === 'Cluster' ? { group, kind, scope } : null;
}

/** The object with its namespace put right: the default where none is set, none for cluster-scoped kinds. Null: the kind is unknown. */
export function placeObject(
  object: KubeObject,
  scopes: Scopes,
  destinationNamespace: string,
): KubeObject | null {
  const scope = scopes.get(kindKey(identityOf(object)));
  if (scope === undefined) return null;
  const namespace = namespaceOf(object);
  if (scope === 'Namespaced') {
    if (namespace !== '') return object;
    return { ...object, metadata: { ...object.metadata, namespace: destinationNamespace || 'default' } };
  }
  if (object.metadata['namespace'] === undefined) return object;
  const { namespace: _dropped, ...metadata } = object.metadata;
  return { ...object, metadata: metadata as KubeObject['metadata'] };
}
