/** Inventory ⇄ bytes for Secrets of bounded size: sharded by hash of identity, so that a change rewrites few of them. */
import type { Sha256 } from '../digest/sha256.ts';
import type { HookPhase } from '../object/annotations.ts';
import type { InventoryEntry } from './inventory.ts';

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
export declare function shardInventory(
  inventory: { application: string; note: OperationNote | null; entries: InventoryEntry[] },
  sha256: Sha256,
  shardsMin?: number,
): InventoryShard[];
export declare function encodeShard(shard: InventoryShard): Uint8Array;
export declare function decodeShard(
  bytes: Uint8Array,
): { ok: true; shard: InventoryShard } | { ok: false; reason: string };
/** The union of whatever shards are there: a crash between two writes leaves a mixture, which must lose nothing. */
export declare function mergeShards(shards: InventoryShard[]): {
  note: OperationNote | null;
  entries: InventoryEntry[];
};
