/**
 * The inventory around a pass: grown to old ∪ new before the first write, told the UIDs afterwards. An unchanged set of
 * identities is not written at all.
 */
import type { InventoryEntry } from '@flotilla/domain/inventory/inventory';
import { unionInventory } from '@flotilla/domain/inventory/inventory';
import type { OperationNote } from '@flotilla/domain/inventory/shard';
import { identityKey, parseIdentityKey } from '@flotilla/domain/object/identity';
import type { Identity } from '@flotilla/domain/object/types';
import type { Run } from './context.ts';
import { ensureMayWrite } from './context.ts';
import { heldInventory } from './observe.ts';

/** Before the first apply: afterwards no crash leaves an object that the inventory does not know. */
export async function growInventory(run: Run, owned: Identity[]): Promise<void> {
  const held = heldInventory(run);
  const known = new Set(held.entries.map(identityKey));
  const fresh = owned.filter((identity) => !known.has(identityKey(identity)));
  if (fresh.length === 0 && !(held.rebuilt && isConfirmed(run))) return;
  const planned = fresh.map(({ group, kind, namespace, name }) => ({
    group,
    kind,
    namespace,
    name,
    uid: '',
  }));
  await store(run, { ...held, entries: unionInventory(held.entries, planned) });
}

/**
 * The Secrets are gone but our objects are there: the inventory is rebuilt from what carries our tracking. What it says is
 * not trusted for deletes until a person confirms (by a forced sync).
 */
export async function rebuildIfLost(run: Run): Promise<void> {
  const application = run.body.application.id;
  if (run.cluster.state.inventory.read(application) !== null) return;
  const entries = [...run.target.records.values()].flatMap(({ key, uid }): InventoryEntry[] => {
    const identity = uid === '' ? null : parseIdentityKey(key);
    return identity === null ? [] : [{ ...identity, uid }];
  });
  if (entries.length === 0) return;
  run.cluster.log.warn(
    { target: run.target.uid, application, objects: entries.length },
    'inventory lost and rebuilt',
  );
  await store(run, { entries: unionInventory([], entries), note: null, rebuilt: true });
}

/** After the applies: the UIDs that the server gave. Only where one was not known or is another now. */
export async function noteUids(run: Run): Promise<void> {
  const held = heldInventory(run);
  let changed = false;
  const entries = held.entries.map((entry): InventoryEntry => {
    const uid = run.target.records.get(identityKey(entry))?.uid ?? '';
    if (uid === '' || uid === entry.uid) return entry;
    changed = true;
    return { ...entry, uid };
  });
  if (changed) await store(run, { ...held, entries });
}

/** Where the operation's hooks stand; durable before any of them is deleted for having succeeded. */
export async function noteOperation(run: Run, note: OperationNote): Promise<void> {
  await store(run, { ...heldInventory(run), note });
}

async function store(
  run: Run,
  inventory: { entries: InventoryEntry[]; note: OperationNote | null; rebuilt: boolean },
): Promise<void> {
  ensureMayWrite(run);
  await run.cluster.state.inventory.write(run.body.application.id, {
    ...inventory,
    rebuilt: inventory.rebuilt && !isConfirmed(run),
  });
  noteRebuilt(run);
}

/** Whether what a rebuilt inventory says may be deleted. */
export function isConfirmed({ head }: Run): boolean {
  return head.operation.force === true;
}

/** Shown until a person confirms, also by a process that did not rebuild it. */
export function noteRebuilt({ cluster, target, body }: Run): void {
  if (cluster.state.inventory.isRebuilt(body.application.id))
    target.conditions.set('InventoryRebuilt', rebuiltText);
  else target.conditions.delete('InventoryRebuilt');
}

const rebuiltText =
  'the inventory was lost and rebuilt from the objects that carry its mark: nothing is deleted until a person confirms it';
