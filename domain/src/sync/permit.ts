/** Whether a project lets its applications write an object there. */
import type { Body } from '../desired/entry.ts';
import { kindKey } from '../object/identity.ts';
import type { Identity } from '../object/types.ts';
import { matchesAnyGlob } from '../placement/glob.ts';
import type { Scope } from './scope.ts';

/** Null when allowed, else why not. Patterns are globs over namespaces and over `group/kind`; a kind alone means any group. */
export function notPermitted(identity: Identity, scope: Scope, allowed: Body['allowed']): string | null {
  const { kind, namespace } = identity;
  if (scope === 'Cluster') {
    // The namespaces a project may use are its own to make.
    if (identity.group === '' && kind === 'Namespace' && matchesAnyGlob(allowed.namespaces, identity.name))
      return null;
    return matchesKind(allowed.clusterKinds, identity)
      ? null
      : `the project allows no cluster-scoped ${kind}`;
  }
  if (!matchesAnyGlob(allowed.namespaces, namespace))
    return `the project does not allow namespace ${namespace}`;
  if (matchesKind(allowed.namespacedKindsDenied, identity)) return `the project denies ${kind}`;
  return null;
}

function matchesKind(patterns: readonly string[], identity: Identity): boolean {
  const [qualified, bare] = [
    patterns.filter((pattern) => pattern.includes('/')),
    patterns.filter((pattern) => !pattern.includes('/')),
  ];
  return matchesAnyGlob(qualified, kindKey(identity)) || matchesAnyGlob(bare, identity.kind);
}
