/**
 * What an object's annotations ask for, read once into one structure. `flotilla.dev/*` wins over `argocd.argoproj.io/*`,
 * which wins over `helm.sh/*` and Flux's. Unreadable values count as not set: a typing error must not stop a sync.
 */
import type { KubeObject } from './types.ts';
import { annotationsOf } from './metadata.ts';

export const hookPhases = ['PreSync', 'Sync', 'PostSync', 'SyncFail', 'PreDelete', 'PostDelete'] as const;
export type HookPhase = (typeof hookPhases)[number];

export type HookDeletePolicy = 'HookSucceeded' | 'HookFailed' | 'BeforeHookCreation';

/** `Merge` and `Override` apply (Merge leaves fields alone that others own), `IfNotPresent` only creates, `Ignore` never writes. */
export type ApplyMode = 'Override' | 'Merge' | 'IfNotPresent' | 'Ignore';

/** `confirm`: only after a person asked for this object by name. */
export type Permission = 'allowed' | 'denied' | 'confirm';

export interface Hook {
  /** Empty: the object is skipped (`Skip`, chart tests). */
  phases: HookPhase[];
  deletePolicies: HookDeletePolicy[];
}

export interface ObjectPolicy {
  syncWave: number;
  hook: Hook | null;
  prune: Permission;
  delete: Permission;
  /** `helm.sh/resource-policy: keep`: neither pruned nor deleted with its application. */
  keep: boolean;
  validate: boolean;
  skipDryRunOnMissingResource: boolean;
  pruneLast: boolean;
  replace: boolean;
  force: boolean;
  apply: ApplyMode;
  ignoreHealth: boolean;
}

export declare function policyOf(object: KubeObject): ObjectPolicy;
