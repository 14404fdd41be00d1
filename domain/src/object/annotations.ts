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

/** What holds for an object without annotations. */
export const defaultPolicy: ObjectPolicy = {
  syncWave: 0,
  hook: null,
  prune: 'allowed',
  delete: 'allowed',
  keep: false,
  validate: true,
  skipDryRunOnMissingResource: false,
  pruneLast: false,
  replace: false,
  force: false,
  apply: 'Override',
  ignoreHealth: false,
};

export function policyOf(object: KubeObject): ObjectPolicy {
  const annotations = annotationsOf(object);
  if (Object.keys(annotations).length === 0) return defaultPolicy;
  const options = syncOptions(annotations);
  return {
    syncWave: syncWaveOf(annotations),
    hook: hookOf(annotations),
    prune: pruneOf(annotations, options),
    delete: permission(options.get('Delete')),
    keep: annotations['helm.sh/resource-policy'] === 'keep',
    validate: options.get('Validate') !== 'false',
    skipDryRunOnMissingResource: options.get('SkipDryRunOnMissingResource') === 'true',
    pruneLast: options.get('PruneLast') === 'true',
    replace: options.get('Replace') === 'true',
    force: options.get('Force') === 'true' || fluxSetting(annotations, 'force') === 'enabled',
    apply: applyModeOf(annotations),
    ignoreHealth: setting(annotations, 'ignore-healthcheck') === 'true',
  };
}

/** Names of hooks and policies as each tool writes them, in lower case. */
const phaseNames: Record<string, HookPhase> = {
  presync: 'PreSync',
  sync: 'Sync',
  postsync: 'PostSync',
  syncfail: 'SyncFail',
  predelete: 'PreDelete',
  postdelete: 'PostDelete',
};

const helmPhases: Record<string, HookPhase> = {
  'pre-install': 'PreSync',
  'pre-upgrade': 'PreSync',
  'post-install': 'PostSync',
  'post-upgrade': 'PostSync',
  'post-rollback': 'PostSync',
  'pre-delete': 'PreDelete',
  'post-delete': 'PostDelete',
};

const deletePolicyNames: Record<string, HookDeletePolicy> = {
  hooksucceeded: 'HookSucceeded',
  hookfailed: 'HookFailed',
  beforehookcreation: 'BeforeHookCreation',
  'hook-succeeded': 'HookSucceeded',
  'hook-failed': 'HookFailed',
  'before-hook-creation': 'BeforeHookCreation',
};

const applyModes: Record<string, ApplyMode> = {
  override: 'Override',
  merge: 'Merge',
  ifnotpresent: 'IfNotPresent',
  ignore: 'Ignore',
};

/** Our annotation, else Argo CD's of the same name. */
function setting(annotations: Record<string, string>, name: string): string | undefined {
  return annotations[`flotilla.dev/${name}`] ?? annotations[`argocd.argoproj.io/${name}`];
}

function fluxSetting(annotations: Record<string, string>, name: string): string | undefined {
  return annotations[`kustomize.toolkit.fluxcd.io/${name}`]?.toLowerCase();
}

function listOf(text: string | undefined): string[] {
  if (text === undefined) return [];
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

function known<T>(names: string[], table: Record<string, T>): T[] {
  const values = names.map((name) =>
    Object.hasOwn(table, name.toLowerCase()) ? table[name.toLowerCase()] : undefined,
  );
  return [...new Set(values.filter((value) => value !== undefined))];
}

function syncWaveOf(annotations: Record<string, string>): number {
  const helmWeight =
    annotations['helm.sh/hook'] === undefined ? undefined : annotations['helm.sh/hook-weight'];
  const text = setting(annotations, 'sync-wave') ?? helmWeight ?? '0';
  return /^[+-]?[0-9]{1,9}$/.test(text.trim()) ? Number(text) : 0;
}

function hookOf(annotations: Record<string, string>): Hook | null {
  const own = setting(annotations, 'hook');
  const phases =
    own === undefined ? helmHookPhases(listOf(annotations['helm.sh/hook'])) : ownHookPhases(listOf(own));
  if (phases === null) return null;
  const named = setting(annotations, 'hook-delete-policy') ?? annotations['helm.sh/hook-delete-policy'];
  const policies = known(listOf(named), deletePolicyNames);
  return { phases, deletePolicies: policies.length > 0 ? policies : ['BeforeHookCreation'] };
}

/** Null: no hook. A hook without a known phase is skipped, never applied as an ordinary object. */
function ownHookPhases(names: string[]): HookPhase[] | null {
  if (names.length === 0) return null;
  if (names.some((name) => name.toLowerCase() === 'skip')) return [];
  return known(names, phaseNames);
}

/** `crd-install` is how old charts ship CRDs: ordinary objects, which kind order puts first. */
function helmHookPhases(names: string[]): HookPhase[] | null {
  if (names.length === 0 || names.includes('crd-install')) return null;
  return known(names, helmPhases);
}

/** Later sources overwrite: Argo CD's first, then ours. */
function syncOptions(annotations: Record<string, string>): ReadonlyMap<string, string> {
  const options = new Map<string, string>();
  for (const prefix of ['argocd.argoproj.io', 'flotilla.dev']) {
    for (const option of listOf(annotations[`${prefix}/sync-options`])) {
      const [name = '', value = ''] = option.split('=');
      options.set(name.trim(), value.trim().toLowerCase());
    }
  }
  return options;
}

function pruneOf(annotations: Record<string, string>, options: ReadonlyMap<string, string>): Permission {
  const option = options.get('Prune');
  if (option === undefined && fluxSetting(annotations, 'prune') === 'disabled') return 'denied';
  return permission(option);
}

function permission(option: string | undefined): Permission {
  if (option === 'false') return 'denied';
  return option === 'confirm' ? 'confirm' : 'allowed';
}

function applyModeOf(annotations: Record<string, string>): ApplyMode {
  const own = annotations['flotilla.dev/apply'] ?? fluxSetting(annotations, 'ssa') ?? '';
  const [mode] = known([own], applyModes);
  if (mode !== undefined) return mode;
  return fluxSetting(annotations, 'reconcile') === 'disabled' ? 'Ignore' : 'Override';
}
