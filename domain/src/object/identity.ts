/**
 * What makes two manifests the same object, and the one text form of it: `group/kind/namespace/name`, with an empty
 * group for the core group and an empty namespace for cluster-scoped objects. Sorting is by that text's UTF-16 units.
 */
import type { Identity, KubeObject } from './types.ts';

/** The group of an `apiVersion`: '' for `v1`. */
export function groupOf(apiVersion: string): string {
  const slash = apiVersion.indexOf('/');
  return slash < 0 ? '' : apiVersion.slice(0, slash);
}

/** The version of an `apiVersion`: `v1` for `apps/v1`. */
export function versionOf(apiVersion: string): string {
  return apiVersion.slice(apiVersion.indexOf('/') + 1);
}

export function namespaceOf(object: KubeObject): string {
  const namespace = object.metadata['namespace'];
  return typeof namespace === 'string' ? namespace : '';
}

export function identityOf(object: KubeObject): Identity {
  return {
    group: groupOf(object.apiVersion),
    kind: object.kind,
    namespace: namespaceOf(object),
    name: object.metadata.name,
  };
}

/** Two identities have the same key exactly when they are the same object: no part may hold a slash. */
export function identityKey(identity: Identity): string {
  return `${identity.group}/${identity.kind}/${identity.namespace}/${identity.name}`;
}

/** The inverse of `identityKey`; null for text that is no key. */
export function parseIdentityKey(key: string): Identity | null {
  const [group, kind, namespace, name, ...rest] = key.split('/');
  if (group === undefined || namespace === undefined || rest.length > 0) return null;
  if (!kind || !name) return null;
  return { group, kind, namespace, name };
}

/** `group/kind`, the key under which scopes, rules and orders are kept. */
export function kindKey(of: { group: string; kind: string }): string {
  return `${of.group}/${of.kind}`;
}

export function sameIdentity(a: Identity, b: Identity): boolean {
  return a.name === b.name && a.namespace === b.namespace && a.kind === b.kind && a.group === b.group;
}

/** By UTF-16 code units, as RFC 8785 sorts keys: the same on every machine and in every language setting. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

export function compareIdentities(a: Identity, b: Identity): number {
  return compareText(identityKey(a), identityKey(b));
}
