/** What may be deleted: per candidate, and whether the pass may begin at all. Every doubt keeps the object. */
import type { ObjectPolicy } from '../object/annotations.ts';
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
  | 'DesiredElsewhere'
  | 'RebuiltInventory';

/** `forget`: it is gone, drop it from the inventory. `handOver`: another application on this agent wants it. */
export type PruneDecision =
  | { action: 'delete'; uid: string }
  | { action: 'keep'; reason: KeepReason }
  | { action: 'forget' }
  | { action: 'waiting'; finalizers: string[] };

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

export declare function decidePrune(candidate: PruneCandidate, rules: PruneRules): PruneDecision;

export interface PassInput {
  cause: 'prune' | 'removal';
  deletes: number;
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

export declare function decidePass(input: PassInput): PassDecision;
