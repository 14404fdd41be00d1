/** Whether a project lets its applications write an object there. */
import type { Body } from '../desired/entry.ts';
import type { Identity } from '../object/types.ts';
import type { Scope } from './scope.ts';

/** Null when allowed, else why not. Patterns are globs over namespaces and `group/kind`. */
export declare function notPermitted(
  identity: Identity,
  scope: Scope,
  allowed: Body['allowed'],
): string | null;
