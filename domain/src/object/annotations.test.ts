import { expect, test } from 'vitest';
import { defaultPolicy, policyOf, type ObjectPolicy } from './annotations.ts';
import type { KubeObject } from './types.ts';

function annotated(annotations: Record<string, string>): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', annotations } };
}

const argo = (name: string) => `argocd.argoproj.io/${name}`;
const created = ['BeforeHookCreation'];

test.each<[string, Record<string, string>, object]>([
  ['nothing', {}, {}],
  ['a sync wave', { [argo('sync-wave')]: '-5' }, { syncWave: -5 }],
  [
    'our sync wave over Argo CD’s',
    { [argo('sync-wave')]: '1', 'flotilla.dev/sync-wave': '2' },
    { syncWave: 2 },
  ],
  ['a sync wave that is no number', { [argo('sync-wave')]: 'first' }, { syncWave: 0 }],
  ['a hook weight without a hook', { 'helm.sh/hook-weight': '3' }, { syncWave: 0 }],
  [
    'hooks in two phases',
    { [argo('hook')]: 'PreSync, PostSync', [argo('hook-delete-policy')]: 'HookSucceeded,HookFailed' },
    { hook: { phases: ['PreSync', 'PostSync'], deletePolicies: ['HookSucceeded', 'HookFailed'] } },
  ],
  ['a skipped hook', { [argo('hook')]: 'Skip' }, { hook: { phases: [], deletePolicies: created } }],
  [
    'a misspelt hook is skipped',
    { [argo('hook')]: 'PreSink' },
    { hook: { phases: [], deletePolicies: created } },
  ],
  [
    'Helm’s install and upgrade hook runs once',
    {
      'helm.sh/hook': 'pre-install,pre-upgrade',
      'helm.sh/hook-weight': '-3',
      'helm.sh/hook-delete-policy': 'hook-succeeded',
    },
    { syncWave: -3, hook: { phases: ['PreSync'], deletePolicies: ['HookSucceeded'] } },
  ],
  [
    'Helm’s post hooks',
    { 'helm.sh/hook': 'post-upgrade' },
    { hook: { phases: ['PostSync'], deletePolicies: created } },
  ],
  [
    'Helm’s delete hooks',
    { 'helm.sh/hook': 'pre-delete,post-delete' },
    { hook: { phases: ['PreDelete', 'PostDelete'], deletePolicies: created } },
  ],
  ['a chart test', { 'helm.sh/hook': 'test' }, { hook: { phases: [], deletePolicies: created } }],
  ['an old chart’s CRD', { 'helm.sh/hook': 'crd-install' }, { hook: null }],
  [
    'Argo CD’s hook over Helm’s',
    { 'helm.sh/hook': 'post-install', [argo('hook')]: 'Sync' },
    { hook: { phases: ['Sync'], deletePolicies: created } },
  ],
  [
    'sync options',
    { [argo('sync-options')]: 'Prune=false, Delete=confirm,Replace=true,Force=true,PruneLast=true' },
    { prune: 'denied', delete: 'confirm', replace: true, force: true, pruneLast: true },
  ],
  [
    'validation options',
    { 'flotilla.dev/sync-options': 'Validate=false,SkipDryRunOnMissingResource=true' },
    { validate: false, skipDryRunOnMissingResource: true },
  ],
  [
    'one option of ours over the same of Argo CD’s',
    { [argo('sync-options')]: 'Prune=false,Replace=true', 'flotilla.dev/sync-options': 'Prune=confirm' },
    { prune: 'confirm', replace: true },
  ],
  ['Helm’s keep', { 'helm.sh/resource-policy': 'keep' }, { keep: true }],
  ['our apply mode', { 'flotilla.dev/apply': 'IfNotPresent' }, { apply: 'IfNotPresent' }],
  ['Flux’s apply mode', { 'kustomize.toolkit.fluxcd.io/ssa': 'merge' }, { apply: 'Merge' }],
  ['Flux’s prune', { 'kustomize.toolkit.fluxcd.io/prune': 'disabled' }, { prune: 'denied' }],
  ['Flux’s reconcile', { 'kustomize.toolkit.fluxcd.io/reconcile': 'disabled' }, { apply: 'Ignore' }],
  ['ignored health', { [argo('ignore-healthcheck')]: 'true' }, { ignoreHealth: true }],
  [
    'a name that is on every object’s prototype',
    { [argo('hook')]: 'constructor' },
    { hook: { phases: [], deletePolicies: created } },
  ],
])('%s', (_name, annotations, expected) => {
  expect(policyOf(annotated(annotations))).toEqual({
    ...defaultPolicy,
    ...(expected as Partial<ObjectPolicy>),
  });
});
