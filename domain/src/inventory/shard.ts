/** Inventory ⇄ bytes for Secrets of bounded size: sharded by hash of identity, so that a change rewrites few of them. */
import { canonicalBytes, parseJson } from '../bundle/canonical.ts';
import type { Sha256 } from '../digest/sha256.ts';
import { hookPhases, type HookPhase } from '../object/annotations.ts';
import { identityKey, parseIdentityKey } from '../object/identity.ts';
import { isMap } from '../object/metadata.ts';
import type { Json, JsonMap } from '../object/types.ts';
import { unionInventory, type InventoryEntry } from './inventory.ts';

export const shardBytesMax = 512 * 1024;

/** Where the operation of an assignment stands, durable beside the inventory: the same assignment is resumed, never run twice. */
export interface OperationNote {
  assignment: number;
  attempt: number;
  finished: boolean;
  /** Phases done; HookSucceeded deletes only after its phase is here. */
  phases: HookPhase[];
  /** Identity keys of hooks found finished for this assignment. */
  hooks: string[];
}

export interface InventoryShard {
  application: string;
  shard: number;
  shards: number;
  /** On shard 0, else null. */
  note: OperationNote | null;
  entries: InventoryEntry[];
}

/** The fewest shards (a power of two, at least `shardsMin`) that keep each ≤ `shardBytesMax` before compression. */
export function shardInventory(
  inventory: { application: string; note: OperationNote | null; entries: InventoryEntry[] },
  sha256: Sha256,
  shardsMin = 1,
): InventoryShard[] {
  const hashes = inventory.entries.map((entry) => hashOf(entry, sha256));
  let shards = 1;
  while (shards < shardsMin) shards *= 2;
  for (; ; shards *= 2) {
    const cut = cutShards(inventory, hashes, shards);
    if (shards >= shardsMax || cut.every((shard) => encodeShard(shard).length <= shardBytesMax)) return cut;
  }
}

/** 20,000 objects with the longest names Kubernetes takes fit in 64; more would only hide a mistake. */
const shardsMax = 256;

function cutShards(
  inventory: { application: string; note: OperationNote | null; entries: InventoryEntry[] },
  hashes: number[],
  shards: number,
): InventoryShard[] {
  const { application, note } = inventory;
  const cut = Array.from({ length: shards }, (_, shard): InventoryShard => {
    return { application, shard, shards, note: shard === 0 ? note : null, entries: [] };
  });
  inventory.entries.forEach((entry, index) => cut[(hashes[index] ?? 0) % shards]?.entries.push(entry));
  return cut;
}

function hashOf(entry: InventoryEntry, sha256: Sha256): number {
  const hash = sha256(new TextEncoder().encode(identityKey(entry)));
  return new DataView(hash.buffer, hash.byteOffset, hash.byteLength).getUint32(0);
}

/** RFC 8785 JSON, entries as `[identity key, uid]`. */
export function encodeShard(shard: InventoryShard): Uint8Array {
  const entries = shard.entries.map((entry) => [identityKey(entry), entry.uid]);
  return canonicalBytes({ ...shard, entries, version: 1 });
}

export function decodeShard(
  bytes: Uint8Array,
): { ok: true; shard: InventoryShard } | { ok: false; reason: string } {
  try {
    const value = parseJson(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    const shard = isMap(value) ? readShard(value) : null;
    return shard ? { ok: true, shard } : { ok: false, reason: 'the shard is malformed' };
  } catch (error) {
    return { ok: false, reason: error instanceof Error ? error.message : String(error) };
  }
}

function readShard(value: JsonMap): InventoryShard | null {
  const { application, shard, shards, note, entries: entriesIn, version } = value;
  if (version !== 1 || typeof application !== 'string') return null;
  if (typeof shard !== 'number' || typeof shards !== 'number' || !Array.isArray(entriesIn)) return null;
  const entries = entriesIn.map(readEntry);
  if (entries.some((entry) => entry === null)) return null;
  return { application, shard, shards, note: readNote(note), entries: entries as InventoryEntry[] };
}

function readEntry(value: Json): InventoryEntry | null {
  const [key, uid] = Array.isArray(value) ? value : [];
  const identity = typeof key === 'string' ? parseIdentityKey(key) : null;
  return identity && typeof uid === 'string' ? { ...identity, uid } : null;
}

function readNote(value: Json | undefined): OperationNote | null {
  if (!isMap(value)) return null;
  const { assignment, attempt, finished, phases, hooks } = value;
  if (typeof assignment !== 'number' || typeof attempt !== 'number') return null;
  const texts = (list: Json | undefined) =>
    Array.isArray(list) ? list.filter((item) => typeof item === 'string') : [];
  return {
    assignment,
    attempt,
    finished: finished === true,
    phases: hookPhases.filter((phase) => texts(phases).includes(phase)),
    hooks: texts(hooks),
  };
}

/** The union of whatever shards are there: a crash between two writes leaves a mixture, which must lose nothing. */
export function mergeShards(shards: InventoryShard[]): {
  note: OperationNote | null;
  entries: InventoryEntry[];
} {
  const oldestFirst = shards.toSorted((a, b) => a.shards - b.shards);
  const entries = oldestFirst.reduce<InventoryEntry[]>(
    (union, shard) => unionInventory(union, shard.entries),
    [],
  );
  const notes = shards.map((shard) => shard.note).filter((note) => note !== null);
  const newest = notes.sort((a, b) => b.assignment - a.assignment || b.attempt - a.attempt)[0];
  return { note: newest ?? null, entries };
}
