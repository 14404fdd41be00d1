/**
 * The objects an agent owns for an application: identity and UID, nothing that can be computed again. It grows (old ∪ new)
 * before the first apply and shrinks only after a confirmed delete, so that no crash leaves an object nobody knows of.
 */
import type { Digest, Sha256 } from '../digest/sha256.ts';
import type { Identity, KubeObject } from '../object/types.ts';
import type { Tracker } from '../object/tracking.ts';

/** `uid` is '' for an object that is about to be made. */
export interface InventoryEntry extends Identity {
  uid: string;
}

/** Old ∪ new, sorted by identity. A known uid stays; a different known uid in `planned` wins. */
export declare function unionInventory(held: InventoryEntry[], planned: InventoryEntry[]): InventoryEntry[];
/** Without the entries whose delete was confirmed: same identity and same uid, or a uid that was never known. */
export declare function shrinkInventory(held: InventoryEntry[], deleted: InventoryEntry[]): InventoryEntry[];
/** From live objects: those that carry our tracking and describe themselves. Prunes only after confirmation. */
export declare function rebuildInventory(live: KubeObject[], tracker: Tracker): InventoryEntry[];
/** Over identities and UIDs of the whole inventory of a cluster, by application; independent of order. */
export declare function inventoryDigest(
  byApplication: ReadonlyMap<string, InventoryEntry[]>,
  sha256: Sha256,
): Digest;
