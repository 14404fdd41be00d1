/**
 * Entries on their way out. What goes away stays in a cluster's set as Removing until its agent says Removed; a row goes
 * only then, or where nobody could ever say so: it was never assigned, or its cluster is revoked.
 */
import type { RemovalMode } from '@flotilla/domain/desired/entry';
import { parseHead } from '@flotilla/domain/desired/parse';

import { encodedHead } from './entry.ts';
import type { SeenTargetRow } from './seenTargets.store.ts';
import type { EntryToSave } from './targets.store.ts';

export interface Removals {
  /** Entries that become Removing, or change how. */
  entries: EntryToSave[];
  /** Rows that go. */
  gone: SeenTargetRow[];
  /** Came back while it was removed, and is now confirmed gone: the entry goes, the row stays. */
  cleared: SeenTargetRow[];
}

/** `due`: targets that are to be removed now, and how. */
export function removalsOf(
  targets: readonly SeenTargetRow[],
  due: ReadonlyMap<string, RemovalMode>,
): Removals {
  const removals: Removals = { entries: [], gone: [], cleared: [] };
  for (const target of targets) {
    const isConfirmed = isRemoved(target);
    const mode = due.get(target.id);
    if (isConfirmed && target.state === 'Unassigned' && mode === undefined) removals.cleared.push(target);
    else if (isConfirmed || isNobodys(target, mode)) removals.gone.push(target);
    else if (mode !== undefined) removals.entries.push(...removingEntry(target, mode));
  }
  return removals;
}

/** Said of this very assignment, whose head was Removing. */
function isRemoved(target: SeenTargetRow): boolean {
  if (target.head === null || !target.isRemoved) return false;
  const head = parseHead(target.head);
  return head.ok && head.value.state === 'Removing' && head.value.assignment === target.observedAssignment;
}

function isNobodys(target: SeenTargetRow, mode: RemovalMode | undefined): boolean {
  const isLeft = mode !== undefined || target.state === 'Removing';
  return isLeft && (target.head === null || target.clusterState === 'Revoked');
}

/** A Paused cluster is sent no removal, nor is one in quarantine; it comes when that has ended. */
function removingEntry(target: SeenTargetRow, mode: RemovalMode): EntryToSave[] {
  if (target.clusterState === 'Paused' || target.clusterState === 'Quarantined' || target.head === null)
    return [];
  if (target.state === 'Removing' && target.removal === mode) return [];
  const present = parseHead(target.head);
  if (!present.ok) throw new Error(`the head of target ${target.id} is broken: ${present.reason}`);
  const assignment = target.assignment + 1;
  const head = {
    ...present.value,
    state: 'Removing',
    removal: mode,
    assignment,
    deletesMax: 0,
    operation: {},
  } as const;
  return [
    {
      target: target.id,
      clusterId: target.clusterId,
      state: 'Removing',
      removal: mode,
      assignment,
      ...encodedHead(head),
      bodyDigest: head.body,
      assigned: null,
    },
  ];
}
