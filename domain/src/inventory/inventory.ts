/**
 * The objects an agent owns for an application: identity and UID, nothing that can be computed again. It grows (old ∪ new)
 * before the first apply and shrinks only after a confirmed delete, so that no crash leaves an object nobody knows of.
 */
import { digestOfText, type Digest, type Sha256 } from '../digest/sha256.ts';
import { compareText, identityKey, identityOf } from '../object/identity.ts';
import { ownerOf, type Tracker } from '../object/tracking.ts';
import type { Identity, KubeObject } from '../object/types.ts';

/** `uid` is '' for an object that is about to be made. */
export interface InventoryEntry extends Identity {
  uid: string;
}

/** Old ∪ new, sorted by identity. A known uid stays; a different known uid in `planned` wins. */
export function unionInventory(held: InventoryEntry[], planned: InventoryEntry[]): InventoryEntry[] {
  const union = new Map(held.map((entry) => [identityKey(entry), entry]));
  for (const entry of planned) {
    const key = identityKey(entry);
    const old = union.get(key);
    if (old === undefined || entry.uid !== '') union.set(key, entry);
  }
  return sortedEntries(union);
}

/** Without the entries whose delete was confirmed: same identity and same uid, or a uid that was never known. */
export function shrinkInventory(held: InventoryEntry[], deleted: InventoryEntry[]): InventoryEntry[] {
  const gone = new Map(deleted.map((entry) => [identityKey(entry), entry.uid]));
  return held.filter((entry) => {
    const uid = gone.get(identityKey(entry));
    return uid === undefined || (entry.uid !== '' && entry.uid !== uid);
  });
}

/** From live objects: those that carry our tracking and describe themselves. Prunes only after confirmation. */
export function rebuildInventory(live: KubeObject[], tracker: Tracker): InventoryEntry[] {
  const ours = live.filter((object) => ownerOf(object, tracker).type === 'ours');
  return sortedEntries(
    new Map(
      ours.map((object) => [identityKey(identityOf(object)), { ...identityOf(object), uid: uidOf(object) }]),
    ),
  );
}

/** Over identities and UIDs of the whole inventory of a cluster, by application; independent of order. */
export function inventoryDigest(
  byApplication: ReadonlyMap<string, InventoryEntry[]>,
  sha256: Sha256,
): Digest {
  const lines: string[] = [];
  for (const [application, entries] of byApplication) {
    for (const entry of entries) lines.push(`${application} ${identityKey(entry)} ${entry.uid}\n`);
  }
  return digestOfText(sha256, lines.sort().join(''));
}

export function uidOf(object: KubeObject): string {
  const uid = object.metadata['uid'];
  return typeof uid === 'string' ? uid : '';
}

function sortedEntries(entries: ReadonlyMap<string, InventoryEntry>): InventoryEntry[] {
  return [...entries].sort(([a], [b]) => compareText(a, b)).map(([, entry]) => entry);
}
