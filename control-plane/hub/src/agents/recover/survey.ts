/** What recovering clusters hold that the database does not: the list a person looks at before anything is taken over. */
import { sha256Hex } from '../../platform/digest.ts';
import type { Sql } from '../../platform/transaction.ts';
import { readEntry } from './heldEntry.ts';
import * as store from './recover.store.ts';

export interface Difference {
  application: string;
  target: string;
  held: { assignment: number; revision: number; bundle: string } | null;
  stored: { assignment: number; revision: number | null; state: string } | null;
}

export interface Survey {
  cluster: string;
  clusterId: string;
  reason: string | null;
  lastSeenAt: Date | null;
  /** False: it has not said what it holds; it stays recovering. */
  heard: boolean;
  entries: number;
  differences: Difference[];
  unreadable: { target: string; reason: string }[];
}

export async function surveyOf(source: Sql, cluster: store.RecoveringCluster): Promise<Survey> {
  const heard = cluster.report !== null && cluster.report.fence === cluster.fence;
  const { id: clusterId, name, recoveringReason: reason, lastSeenAt } = cluster;
  const common = { cluster: name, clusterId, reason, lastSeenAt, heard };
  if (!heard) return { ...common, entries: 0, differences: [], unreadable: [] };
  const { entries, bodies } = await store.readHoldings(source, clusterId);
  const read = entries.map((entry) => readEntry(entry, bodies));
  const stored = new Map((await store.readTargets(source, clusterId)).map((target) => [target.id, target]));
  const differences = read.flatMap((one): Difference[] => {
    if (!one.ok) return [];
    const { head, headBytes, body } = one.entry;
    const known = stored.get(head.target);
    stored.delete(head.target);
    if (known?.headDigest === sha256Hex(headBytes)) return [];
    const { assignment, revision, bundle } = head;
    const held = { assignment, revision, bundle: bundle.digest };
    return [{ application: body.application.name, target: head.target, held, stored: storedOf(known) }];
  });
  const notHeld = [...stored.values()].filter(({ headDigest }) => headDigest !== null);
  return {
    ...common,
    entries: entries.length,
    differences: [
      ...differences,
      ...notHeld.map((target) => ({
        application: target.application,
        target: target.id,
        held: null,
        stored: storedOf(target),
      })),
    ],
    unreadable: read.flatMap((one) => (one.ok ? [] : [{ target: one.target, reason: one.reason }])),
  };
}

function storedOf(target: store.StoredTarget | undefined): Difference['stored'] {
  if (!target || target.headDigest === null) return null;
  return { assignment: Number(target.assignment), revision: target.revisionNumber, state: target.state };
}
