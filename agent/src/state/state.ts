/**
 * Everything the agent keeps, opened once. In the cluster: the agent's Secret and the inventory. On the volume, sealed
 * with a key from that Secret: snapshot, bundles and the memory of the skip ladder; beside them the facts.
 */
import type { Clock } from '../clock.ts';
import type { KubeClient } from '../kube/client.ts';
import { openAppliedCache } from './applied.ts';
import type { AppliedCache } from './applied.ts';
import { openBundleStore } from './bundles.ts';
import type { BundleStore } from './bundles.ts';
import { ensureFolder } from './disk.ts';
import { openFactRing } from './facts.ts';
import type { FactRing } from './facts.ts';
import { openInventoryStore } from './inventory.ts';
import type { InventoryStore } from './inventory.ts';
import type { AgentSecret } from './secrets.ts';
import { openSnapshotFile } from './snapshot.ts';
import type { SnapshotFile } from './snapshot.ts';

export interface AgentState {
  secret: AgentSecret;
  snapshot: SnapshotFile;
  bundles: BundleStore;
  applied: AppliedCache;
  inventory: InventoryStore;
  facts: FactRing;
}

export interface OpenStateOptions {
  kube: KubeClient;
  clock: Clock;
  secret: AgentSecret;
  namespace: string;
  /** The volume's folder. */
  folder: string;
}

export async function openState(options: OpenStateOptions): Promise<AgentState> {
  const { kube, clock, secret, namespace, folder } = options;
  const key = secret.sealKey();
  await ensureFolder(folder);
  return {
    secret,
    snapshot: await openSnapshotFile(folder, key),
    bundles: await openBundleStore(folder, key),
    applied: await openAppliedCache(folder, key),
    inventory: await openInventoryStore(kube, namespace),
    facts: await openFactRing({ folder, clock }),
  };
}
