/** What may be deleted: per candidate, and whether the pass may begin at all. Every doubt keeps the object. */
import type { ObjectPolicy } from '../object/annotations.ts';
import { identityKey, kindKey } from '../object/identity.ts';
import type { Owner } from '../object/tracking.ts';
import type { InventoryEntry } from '../inventory/inventory.ts';
import type { Condition } from '../status/words.ts';

export type KeepReason =
  | 'PruneDisabled'
  | 'ProtectedKind'
  | 'KeepPolicy'
  | 'Denied'
  | 'AwaitingConfirmation'
  | 'NotOurs'
  | 'OtherUid'
  | 'RebuiltInventory';

/**
 * `forget`: it is gone, drop it from the inventory. `handOver`: another application on this agent wants it, drop it from this
 * inventory without a delete. `waiting`: its delete was asked for, these finalizers hold it.
 */
export type PruneDecision =
  | { action: 'delete'; uid: string }
  | { action: 'keep'; reason: KeepReason }
  | { action: 'forget' }
  | { action: 'handOver' }
  | { action: 'waiting'; uid: string; finalizers: string[] };

export interface PruneCandidate {
  entry: InventoryEntry;
  /** Null: not found by a read that succeeded. */
  live: { uid: string; owner: Owner; policy: ObjectPolicy; deleting: boolean; finalizers: string[] } | null;
}

export interface PruneRules {
  /** `removal`: the whole application goes (`Delete=` options count instead of `Prune=`). */
  cause: 'prune' | 'removal';
  enabled: boolean;
  /** Identity keys a person asked for by name. */
  confirmed: ReadonlySet<string>;
  /** Identity keys that other applications on this agent want. */
  desiredElsewhere: ReadonlySet<string>;
  /** The inventory was rebuilt from annotations and nobody has confirmed it yet. */
  rebuilt: boolean;
}

/** First match decides; deletion is what is left when nothing speaks against it. */
export function decidePrune(candidate: PruneCandidate, rules: PruneRules): PruneDecision {
  const { entry, live } = candidate;
  const key = identityKey(entry);
  if (live === null) return { action: 'forget' };
  if (rules.desiredElsewhere.has(key)) return { action: 'handOver' };
  if (live.owner.type !== 'ours') return keep('NotOurs');
  if (entry.uid !== '' && entry.uid !== live.uid) return keep('OtherUid');
  if (live.deleting) return { action: 'waiting', uid: live.uid, finalizers: live.finalizers };
  if (rules.cause === 'prune' && !rules.enabled) return keep('PruneDisabled');
  const permission = rules.cause === 'prune' ? live.policy.prune : live.policy.delete;
  if (permission === 'denied') return keep('Denied');
  if (rules.confirmed.has(key)) return { action: 'delete', uid: live.uid };
  if (rules.rebuilt) return keep('RebuiltInventory');
  if (live.policy.keep) return keep('KeepPolicy');
  if (permission === 'confirm') return keep('AwaitingConfirmation');
  if (isProtected(entry)) return keep('ProtectedKind');
  return { action: 'delete', uid: live.uid };
}

function keep(reason: KeepReason): PruneDecision {
  return { action: 'keep', reason };
}

/** Deleting one of these deletes what others put into it. */
const protectedKinds: ReadonlySet<string> = new Set([
  '/Namespace',
  '/PersistentVolumeClaim',
  'apiextensions.k8s.io/CustomResourceDefinition',
]);

export function isProtected(kind: { group: string; kind: string }): boolean {
  return protectedKinds.has(kindKey(kind));
}

export interface PassInput {
  cause: 'prune' | 'removal';
  deletes: number;
  /** From the head. */
  deletesMax: number;
  bundle: { complete: boolean; objects: number };
  allowEmpty: boolean;
  /** API groups of the inventory whose discovery failed. */
  failedGroups: string[];
}

export type PassDecision =
  | { outcome: 'allowed' }
  | { outcome: 'held'; deletes: number; deletesMax: number; condition: Condition }
  | {
      outcome: 'blocked';
      reason: 'DiscoveryFailed' | 'BundleEmpty' | 'BundleIncomplete';
      condition: Condition;
    };

/**
 * Whether a pass may begin: all of it or none, so that a guard never lets half of a mistake through. A removal goes by the
 * inventory, so the bundle does not matter to it; its cause is the accepted `Removing`.
 */
export function decidePass(input: PassInput): PassDecision {
  const { cause, deletes, deletesMax, bundle } = input;
  if (deletes === 0) return { outcome: 'allowed' };
  if (input.failedGroups.length > 0) {
    return blocked('DiscoveryFailed', `discovery failed for ${input.failedGroups.toSorted().join(', ')}`);
  }
  if (cause === 'removal') return { outcome: 'allowed' };
  if (!bundle.complete) return blocked('BundleIncomplete', 'the bundle in force is incomplete');
  if (bundle.objects === 0 && !input.allowEmpty)
    return blocked('BundleEmpty', 'the bundle is empty and allowEmpty is off');
  if (deletes <= deletesMax) return { outcome: 'allowed' };
  const message = `${deletes} objects would be deleted, ${deletesMax} are allowed until a person confirms`;
  return { outcome: 'held', deletes, deletesMax, condition: { type: 'GuardHeld', message } };
}

function blocked(reason: (PassDecision & { outcome: 'blocked' })['reason'], message: string): PassDecision {
  const type = reason === 'DiscoveryFailed' ? 'DiscoveryFailed' : 'PruneBlocked';
  return { outcome: 'blocked', reason, condition: { type, message } };
}
