import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import type { Body } from '../desired/entry.ts';
import type { InventoryEntry } from '../inventory/inventory.ts';
import { policyOf } from '../object/annotations.ts';
import { identityKey, identityOf } from '../object/identity.ts';
import type { KubeObject } from '../object/types.ts';
import { compareForApply, groupByKind, kindRank } from './order.ts';
import type { PruneTask, SyncPlan, SyncWave } from './plan.ts';
import type { Scope } from './scope.ts';
import { planRemoval, planSync, type PlanInput } from './tasks.ts';

const scopes = new Map<string, Scope>([
  ['/Namespace', 'Cluster'],
  ['/ConfigMap', 'Namespaced'],
  ['/Secret', 'Namespaced'],
  ['/Service', 'Namespaced'],
  ['apps/Deployment', 'Namespaced'],
  ['batch/Job', 'Namespaced'],
  ['rbac.authorization.k8s.io/ClusterRole', 'Cluster'],
  ['apiextensions.k8s.io/CustomResourceDefinition', 'Cluster'],
  ['admissionregistration.k8s.io/ValidatingWebhookConfiguration', 'Cluster'],
]);

function object(
  kind: string,
  name: string,
  annotations: Record<string, string> = {},
  namespace?: string,
): KubeObject {
  const [group = '', short = ''] = kind.includes('/') ? kind.split('/') : ['', kind];
  const apiVersion = group === '' ? 'v1' : `${group}/v1`;
  return { apiVersion, kind: short, metadata: { name, annotations, ...(namespace ? { namespace } : {}) } };
}

const wave = (number: number) => ({ 'argocd.argoproj.io/sync-wave': String(number) });
const hook = (phase: string, more: Record<string, string> = {}) => ({
  'argocd.argoproj.io/hook': phase,
  ...more,
});

const sync: Body['sync'] = {
  createNamespace: false,
  pruneLast: false,
  prunePropagation: 'foreground',
  replace: false,
  force: false,
  validate: 'none',
  skipDryRunOnMissingResource: false,
  adopt: false,
  selfHeal: true,
};

function plan(
  objects: KubeObject[],
  more: Partial<PlanInput> & { sync?: Partial<Body['sync']> } = {},
): SyncPlan {
  return planSync({
    objects,
    scopes,
    body: {
      destinationNamespace: 'shop',
      sync: { ...sync, ...more.sync },
      allowed: { namespaces: ['*'], clusterKinds: ['*'], namespacedKindsDenied: [] },
    },
    inventory: [],
    livePolicies: new Map(),
    naming: { revision: 'abcdef0123', attempt: '3' },
    ...more,
  });
}

/** `wave: group group`, a group's tasks joined by `+`, prunes behind a minus. */
function shown(waves: SyncWave[]): string[] {
  return waves.map(({ wave: number, groups, prunes }) => {
    const applied = groups.map((group) => group.map((task) => task.identity.name).join('+'));
    const pruned = prunes.map((group) => `-${group.map((task) => task.entry.name).join('+')}`);
    return `${number}: ${[...applied, ...pruned].join(' ')}`;
  });
}

const names = (groups: PruneTask[][]) =>
  groups.map((group) => group.map((task) => task.entry.name).join('+'));

function owned(kind: string, name: string): InventoryEntry {
  return { ...identityOf(object(kind, name, {}, 'shop')), uid: `uid-${name}` };
}

describe('order', () => {
  test('kinds that others need come first, unknown kinds late, webhooks last', () => {
    const kinds = [
      'x/Widget',
      'admissionregistration.k8s.io/ValidatingWebhookConfiguration',
      'apps/Deployment',
      'Service',
      'Namespace',
      'Secret',
    ];
    const sorted = kinds.map((kind) => identityOf(object(kind, 'a'))).sort(compareForApply);
    expect(sorted.map((identity) => identity.kind)).toEqual([
      'Namespace',
      'Secret',
      'Service',
      'Deployment',
      'Widget',
      'ValidatingWebhookConfiguration',
    ]);
  });

  test('a kind of the same name in another group has no rank of its own', () => {
    expect(kindRank({ group: 'serving.knative.dev', kind: 'Service' })).toBeGreaterThan(
      kindRank({ group: 'apps', kind: 'Deployment' }),
    );
  });

  test('groups hold equal kinds, deletes run the other way', () => {
    const all = ['Service', 'ConfigMap', 'Service'].map((kind, index) =>
      identityOf(object(kind, `n${index}`)),
    );
    const show = (groups: { name: string }[][]) =>
      groups.map((group) => group.map((identity) => identity.name).join('+'));
    expect(show(groupByKind(all, (identity) => identity, 'apply'))).toEqual(['n1', 'n0+n2']);
    expect(show(groupByKind(all, (identity) => identity, 'delete'))).toEqual(['n0+n2', 'n1']);
  });
});

describe('applying', () => {
  test('goes by sync wave, then kind, then name', () => {
    const { phases } = plan([
      object('apps/Deployment', 'web'),
      object('ConfigMap', 'b'),
      object('ConfigMap', 'a'),
      object('ConfigMap', 'early', wave(-1)),
      object('Service', 'late', wave(2)),
    ]);
    expect(shown(phases.Sync)).toEqual(['-1: early', '0: a+b web', '2: late']);
  });

  test('gives namespaced objects the default namespace and takes it from cluster-scoped ones', () => {
    const { phases } = plan([
      object('ConfigMap', 'a'),
      object('ConfigMap', 'b', {}, 'other'),
      object('rbac.authorization.k8s.io/ClusterRole', 'r', {}, 'shop'),
    ]);
    const placed = phases.Sync.flatMap((each) => each.groups.flat()).map((task) => [
      task.identity.name,
      task.object.metadata['namespace'],
    ]);
    expect(placed).toEqual([
      ['b', 'other'],
      ['a', 'shop'],
      ['r', undefined],
    ]);
  });

  test('a kind takes its scope from the CRD in the same bundle', () => {
    const crd: KubeObject = {
      ...object('apiextensions.k8s.io/CustomResourceDefinition', 'widgets.x'),
      spec: { group: 'x', scope: 'Namespaced', names: { kind: 'Widget' } },
    };
    const { phases, failed } = plan([object('x/Widget', 'w'), crd]);
    expect(failed).toEqual([]);
    expect(phases.Sync[0]?.groups.at(-1)?.[0]?.identity).toMatchObject({ name: 'w', namespace: 'shop' });
  });

  test('an object of an unknown kind fails alone and is pruned in no namespace', () => {
    const result = plan([object('x/Widget', 'w'), object('ConfigMap', 'a')], {
      inventory: [{ ...owned('x/Widget', 'w') }],
    });
    expect(result.failed).toMatchObject([{ identity: { name: 'w' }, reason: 'UnknownKind' }]);
    expect(shown(result.phases.Sync)).toEqual(['0: a']);
  });

  test('what the project does not allow fails alone, and is still not pruned', () => {
    const body: PlanInput['body'] = {
      destinationNamespace: 'shop',
      sync,
      allowed: { namespaces: ['shop', 'shop-*'], clusterKinds: [], namespacedKindsDenied: ['Secret'] },
    };
    const objects = [
      object('ConfigMap', 'ok'),
      object('ConfigMap', 'ok-too', {}, 'shop-eu'),
      object('Namespace', 'shop-eu'),
      object('ConfigMap', 'elsewhere', {}, 'kube-system'),
      object('Secret', 'denied'),
      object('rbac.authorization.k8s.io/ClusterRole', 'role'),
      object('Namespace', 'kube-system'),
    ];
    const result = plan(objects, { body, inventory: [owned('Secret', 'denied')] });
    expect(result.failed.map((failure) => failure.identity.name)).toEqual([
      'elsewhere',
      'denied',
      'role',
      'kube-system',
    ]);
    expect(shown(result.phases.Sync)).toEqual(['0: shop-eu ok+ok-too']);
  });

  test('two manifests that the default namespace makes one are a failure, not a coin toss', () => {
    const { failed, phases } = plan([object('ConfigMap', 'a'), object('ConfigMap', 'a', {}, 'shop')]);
    expect(failed).toMatchObject([{ reason: 'DuplicateIdentity' }]);
    expect(shown(phases.Sync)).toEqual(['0: a']);
  });
});

describe('prerequisites', () => {
  const crd: KubeObject = {
    ...object('apiextensions.k8s.io/CustomResourceDefinition', 'widgets.x'),
    spec: { group: 'x', scope: 'Cluster', names: { kind: 'Widget' } },
  };

  test('a Namespace and a CRD are lifted to the wave that needs them', () => {
    const { phases } = plan([
      object('Namespace', 'shop'),
      object('ConfigMap', 'a', wave(-3)),
      crd,
      object('x/Widget', 'w', wave(-1)),
      object('Service', 's'),
    ]);
    expect(shown(phases.Sync)).toEqual(['-3: shop a', '-1: widgets.x w', '0: s']);
  });

  test('a Namespace that a PreSync hook needs is made before it', () => {
    const { phases } = plan([
      object('Namespace', 'shop', wave(4)),
      object('batch/Job', 'migrate', hook('PreSync')),
      object('ConfigMap', 'a'),
    ]);
    expect(shown(phases.PreSync)).toEqual(['0: shop migrate']);
    expect(shown(phases.Sync)).toEqual(['0: a']);
  });

  test('one that comes early enough stays where it is', () => {
    const { phases } = plan([object('Namespace', 'shop', wave(-9)), object('ConfigMap', 'a')]);
    expect(shown(phases.Sync)).toEqual(['-9: shop', '0: a']);
  });

  test('hooks of deletion and failure lift nothing', () => {
    const { phases } = plan([
      object('Namespace', 'shop', wave(1)),
      object('batch/Job', 'j', hook('PreDelete')),
      object('batch/Job', 'k', hook('SyncFail')),
    ]);
    expect(shown(phases.Sync)).toEqual(['1: shop']);
  });

  test('createNamespace makes the destination first, untracked, with its metadata', () => {
    const { phases, desired } = plan([object('ConfigMap', 'a', wave(-2))], {
      sync: { createNamespace: true, managedNamespaceMetadata: { labels: { team: 'web' } } },
    });
    expect(shown(phases.Sync)).toEqual(['-2: shop a']);
    expect(phases.Sync[0]?.groups[0]?.[0]).toMatchObject({
      tracked: false,
      object: { metadata: { labels: { team: 'web' } } },
    });
    expect([...desired]).toEqual(['/ConfigMap/shop/a']);
  });

  test('createNamespace leaves a Namespace of the bundle alone', () => {
    const { phases } = plan([object('Namespace', 'shop')], { sync: { createNamespace: true } });
    expect(phases.Sync.flatMap((each) => each.groups.flat())).toMatchObject([{ tracked: true }]);
  });
});

describe('hooks', () => {
  test('run in their phases and are not applied as ordinary objects', () => {
    const result = plan([
      object('batch/Job', 'before', hook('PreSync', wave(1))),
      object(
        'batch/Job',
        'both',
        hook('PreSync,PostSync', { 'argocd.argoproj.io/hook-delete-policy': 'HookSucceeded' }),
      ),
      object('batch/Job', 'never', hook('Skip')),
      object('batch/Job', 'failed', hook('SyncFail')),
      object('batch/Job', 'chart-test', { 'helm.sh/hook': 'test' }),
      object('ConfigMap', 'a'),
    ]);
    expect(shown(result.phases.PreSync)).toEqual(['0: both', '1: before']);
    expect(shown(result.phases.Sync)).toEqual(['0: a']);
    expect(shown(result.phases.PostSync)).toEqual(['0: both']);
    expect(shown(result.phases.SyncFail)).toEqual(['0: failed']);
    expect(result.phases.PostSync[0]?.groups[0]?.[0]).toMatchObject({
      type: 'hook',
      deletePolicies: ['HookSucceeded'],
    });
    expect(result.skipped.map((identity) => identity.name)).toEqual(['never', 'chart-test']);
    expect([...result.desired]).toEqual(['/ConfigMap/shop/a']);
  });

  test('generateName is completed by revision, phase and attempt, within 57 characters', () => {
    const generated = (generateName: string) => {
      const job = object('batch/Job', generateName, hook('PreSync'));
      return { ...job, metadata: { ...job.metadata, generateName } };
    };
    const task = (prefix: string) => plan([generated(prefix)]).phases.PreSync[0]?.groups[0]?.[0];
    expect(task('migrate-')?.object.metadata).toMatchObject({
      name: 'migrate-abcdef0-presync-3',
      namespace: 'shop',
    });
    expect(task('migrate-')?.object.metadata['generateName']).toBeUndefined();
    expect(task('m'.repeat(80))?.identity.name).toMatch(/^m{40}abcdef0-presync-3$/);
  });
});

describe('pruning', () => {
  const live = (entries: [InventoryEntry, Record<string, string>][]) =>
    new Map(
      entries.map(([entry, annotations]) => [
        identityKey(entry),
        policyOf(object('ConfigMap', entry.name, annotations)),
      ]),
    );

  test('candidates are what is owned and no longer wanted', () => {
    const { phases } = plan([object('ConfigMap', 'a')], {
      inventory: [owned('ConfigMap', 'a'), owned('Service', 'old'), owned('ConfigMap', 'older')],
    });
    expect(shown(phases.Sync)).toEqual(['0: a -old -older']);
  });

  test('waves are mirrored: what came last goes first', () => {
    const [first, middle, last] = [
      owned('ConfigMap', 'first'),
      owned('ConfigMap', 'middle'),
      owned('ConfigMap', 'last'),
    ];
    const livePolicies = live([
      [first, wave(-1)],
      [middle, {}],
      [last, wave(5)],
    ]);
    const { phases } = plan([object('Service', 's', wave(5))], {
      inventory: [first, middle, last],
      livePolicies,
    });
    expect(shown(phases.Sync)).toEqual(['-1: -last', '0: -middle', '5: s -first']);
  });

  test('PruneLast, of the application or of one object, comes after every wave', () => {
    const [a, b] = [owned('ConfigMap', 'a'), owned('ConfigMap', 'b')];
    const livePolicies = live([
      [a, { 'argocd.argoproj.io/sync-options': 'PruneLast=true' }],
      [b, {}],
    ]);
    const one = plan([], { inventory: [a, b], livePolicies });
    expect([shown(one.phases.Sync), names(one.pruneLast)]).toEqual([['0: -b'], ['a']]);
    const all = plan([], { inventory: [a, b], livePolicies, sync: { pruneLast: true } });
    expect([shown(all.phases.Sync), names(all.pruneLast)]).toEqual([[], ['a+b']]);
  });

  test('a removal goes by descending wave, then against the kind order', () => {
    const [web, config, late] = [
      owned('apps/Deployment', 'web'),
      owned('ConfigMap', 'config'),
      owned('ConfigMap', 'late'),
    ];
    expect(names(planRemoval([config, web, late], live([[late, wave(3)]])))).toEqual([
      'late',
      'web',
      'config',
    ]);
  });

  test('whatever the bundle, nothing is both wanted and pruned, and every object has one place', () => {
    const kinds = fc.constantFrom('ConfigMap', 'Secret', 'apps/Deployment', 'batch/Job', 'x/Widget');
    const anyObject = fc
      .tuple(
        kinds,
        fc.constantFrom('a', 'b', 'c'),
        fc.constantFrom({}, wave(1), wave(-2), hook('PreSync'), hook('Skip')),
      )
      .map(([kind, name, annotations]) => object(kind, name, annotations));
    const bundle = fc.uniqueArray(anyObject, { selector: (each) => identityKey(identityOf(each)) });
    const inventory = fc.uniqueArray(
      fc.tuple(kinds, fc.constantFrom('a', 'b', 'c')).map(([kind, name]) => owned(kind, name)),
      { selector: identityKey },
    );
    fc.assert(
      fc.property(bundle, inventory, (objects, entries) => {
        const result = plan(objects, { inventory: entries });
        const tasks = Object.values(result.phases).flatMap((waves) =>
          waves.flatMap((each) => each.groups.flat()),
        );
        expect(tasks.length + result.skipped.length + result.failed.length).toBe(objects.length);
        const pruned = result.phases.Sync.flatMap((each) => each.prunes.flat()).map((task) =>
          identityKey(task.entry),
        );
        expect(pruned.filter((key) => result.desired.has(key))).toEqual([]);
        expect(
          new Set([...pruned, ...entries.map(identityKey).filter((key) => result.desired.has(key))]).size,
        ).toBe(entries.length);
      }),
    );
  });
});
