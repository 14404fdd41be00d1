/** Whether kinds are namespaced: discovery says, and a CRD in the same bundle for the kinds it brings. */
import type { KubeObject } from '../object/types.ts';

export type Scope = 'Namespaced' | 'Cluster';

/** By `group/kind`. */
export type Scopes = ReadonlyMap<string, Scope>;

/** Discovery's scopes and those of the CRDs among the objects (the bundle's win: it is what will be). */
export declare function scopesWith(discovered: Scopes, objects: KubeObject[]): Scopes;
/** The object with its namespace put right; null for a kind of unknown scope. */
export declare function placeObject(
  object: KubeObject,
  scopes: Scopes,
  destinationNamespace: string,
): KubeObject | null;
