/**
 * Kubernetes objects as the domain sees them: plain JSON with an identity.
 * Integers beyond 2^53 are kept as `bigint`, so that no manifest loses a digit on its way.
 */

export type Json = null | boolean | number | bigint | string | Json[] | JsonMap;

export interface JsonMap {
  [key: string]: Json;
}

/** The parts of `metadata` that decisions read; everything else stays in place untouched. */
export interface ObjectMeta extends JsonMap {
  name: string;
}

/** A manifest or a live object. `apiVersion`, `kind` and `metadata.name` are always there. */
export interface KubeObject extends JsonMap {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
}

/** Group, kind and where: what makes two manifests the same object. `namespace` is '' for cluster-scoped ones, `group` is '' for the core group. */
export interface Identity {
  group: string;
  kind: string;
  namespace: string;
  name: string;
}
