import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { defaultPolicy, type ObjectPolicy } from '../object/annotations.ts';
import type { Owner } from '../object/tracking.ts';
import { decidePass, decidePrune, type PassInput, type PruneCandidate, type PruneRules } from './prune.ts';

const entry = { group: '', kind: 'ConfigMap', namespace: 'shop', name: 'a', uid: 'u1' };
const key = '/ConfigMap/shop/a';
const ours: Owner = { type: 'ours' };
const rules: PruneRules = {
  cause: 'prune',
  enabled: true,
  confirmed: new Set(),
  desiredElsewhere: new Set(),
  rebuilt: false,
};

type Live = NonNullable<PruneCandidate['live']>;

function candidate(
  live: Partial<Live> = {},
  policy: Partial<ObjectPolicy> = {},
  of: Partial<typeof entry> = {},
): PruneCandidate {
  return {
    entry: { ...entry, ...of },
    live: {
      uid: 'u1',
      owner: ours,
      deleting: false,
      finalizers: [],
      policy: { ...defaultPolicy, ...policy },
      ...live,
    },
  };
}

const keep = (reason: string) => ({ action: 'keep', reason });
const deletes = { action: 'delete', uid: 'u1' };

describe('one candidate', () => {
  test.each<[string, PruneCandidate, Partial<PruneRules>, object]>([
    ['nothing speaks against it', candidate(), {}, deletes],
    ['it is gone', { entry, live: null }, {}, { action: 'forget' }],
    ['its uid was never known', candidate({}, {}, { uid: '' }), {}, deletes],
    ['it was made anew by somebody', candidate({ uid: 'u2' }), {}, keep('OtherUid')],
    ['it lost our mark', candidate({ owner: { type: 'none' } }), {}, keep('NotOurs')],
    ['Argo CD took it', candidate({ owner: { type: 'argocd', name: 'x' } }), {}, keep('NotOurs')],
    [
      'another application here wants it',
      candidate(),
      { desiredElsewhere: new Set([key]) },
      { action: 'handOver' },
    ],
    [
      'that application has marked it already',
      candidate({ owner: { type: 'flotilla', hub: 'h', application: 'b' } }),
      { desiredElsewhere: new Set([key]) },
      { action: 'handOver' },
    ],
    [
      'it is going already',
      candidate({ deleting: true, finalizers: ['x/y'] }),
      {},
      { action: 'waiting', uid: 'u1', finalizers: ['x/y'] },
    ],
    ['prune is off', candidate(), { enabled: false }, keep('PruneDisabled')],
    ['Prune=false', candidate({}, { prune: 'denied' }), {}, keep('Denied')],
    [
      'Prune=false, asked for by name',
      candidate({}, { prune: 'denied' }),
      { confirmed: new Set([key]) },
      keep('Denied'),
    ],
    ['Prune=confirm', candidate({}, { prune: 'confirm' }), {}, keep('AwaitingConfirmation')],
    [
      'Prune=confirm, asked for by name',
      candidate({}, { prune: 'confirm' }),
      { confirmed: new Set([key]) },
      deletes,
    ],
    ['helm.sh/resource-policy: keep', candidate({}, { keep: true }), {}, keep('KeepPolicy')],
    ['the inventory was rebuilt', candidate(), { rebuilt: true }, keep('RebuiltInventory')],
    ['a Namespace', candidate({}, {}, { kind: 'Namespace', namespace: '' }), {}, keep('ProtectedKind')],
    ['a claim', candidate({}, {}, { kind: 'PersistentVolumeClaim' }), {}, keep('ProtectedKind')],
    [
      'a CRD',
      candidate({}, {}, { group: 'apiextensions.k8s.io', kind: 'CustomResourceDefinition' }),
      {},
      keep('ProtectedKind'),
    ],
    [
      'a claim, asked for by name',
      candidate({}, {}, { kind: 'PersistentVolumeClaim' }),
      { confirmed: new Set(['/PersistentVolumeClaim/shop/a']) },
      deletes,
    ],
    ['a removal with prune off', candidate(), { cause: 'removal', enabled: false }, deletes],
    [
      'a removal of what only prune spares',
      candidate({}, { prune: 'denied' }),
      { cause: 'removal' },
      deletes,
    ],
    [
      'a removal with Delete=false',
      candidate({}, { delete: 'denied' }),
      { cause: 'removal' },
      keep('Denied'),
    ],
    [
      'a removal of a Namespace',
      candidate({}, {}, { kind: 'Namespace' }),
      { cause: 'removal' },
      keep('ProtectedKind'),
    ],
  ])('%s', (_name, given, change, decision) => {
    expect(decidePrune(given, { ...rules, ...change })).toEqual(decision);
  });

  test('whatever else holds, only an object that is ours, by that very uid, is deleted', () => {
    const owner = fc.constantFrom<Owner>(ours, { type: 'none' }, { type: 'helm', name: 'x' });
    fc.assert(
      fc.property(
        owner,
        fc.constantFrom('u1', 'u2'),
        fc.boolean(),
        fc.boolean(),
        fc.constantFrom<PruneRules['cause']>('prune', 'removal'),
        (who, uid, enabled, asked, cause) => {
          const decision = decidePrune(candidate({ owner: who, uid }), {
            ...rules,
            enabled,
            cause,
            confirmed: new Set(asked ? [key] : []),
          });
          if (decision.action === 'delete')
            expect([who.type, uid, decision.uid]).toEqual(['ours', 'u1', 'u1']);
        },
      ),
    );
  });
});

describe('a pass', () => {
  const pass: PassInput = {
    cause: 'prune',
    deletes: 3,
    deletesMax: 3,
    bundle: { complete: true, objects: 5 },
    allowEmpty: false,
    failedGroups: [],
  };

  test.each<[string, Partial<PassInput>, object]>([
    ['as many as allowed', {}, { outcome: 'allowed' }],
    [
      'one more',
      { deletesMax: 2 },
      { outcome: 'held', deletes: 3, deletesMax: 2, condition: { type: 'GuardHeld' } },
    ],
    [
      'none, whatever else is wrong',
      { deletes: 0, deletesMax: 0, failedGroups: ['x'] },
      { outcome: 'allowed' },
    ],
    [
      'an empty bundle',
      { bundle: { complete: true, objects: 0 } },
      { outcome: 'blocked', reason: 'BundleEmpty', condition: { type: 'PruneBlocked' } },
    ],
    [
      'an empty bundle that is allowed',
      { bundle: { complete: true, objects: 0 }, allowEmpty: true },
      { outcome: 'allowed' },
    ],
    [
      'an incomplete bundle, even if allowed to be empty',
      { bundle: { complete: false, objects: 0 }, allowEmpty: true },
      { outcome: 'blocked', reason: 'BundleIncomplete' },
    ],
    [
      'a group that discovery did not give',
      { failedGroups: ['metrics.k8s.io'] },
      { outcome: 'blocked', reason: 'DiscoveryFailed', condition: { type: 'DiscoveryFailed' } },
    ],
    [
      'a removal, which goes by the inventory',
      { cause: 'removal', bundle: { complete: false, objects: 0 }, deletesMax: 0 },
      { outcome: 'allowed' },
    ],
    [
      'a removal without discovery',
      { cause: 'removal', failedGroups: ['x'] },
      { outcome: 'blocked', reason: 'DiscoveryFailed' },
    ],
  ])('%s', (_name, change, decision) => {
    expect(decidePass({ ...pass, ...change })).toMatchObject(decision);
  });
});
