/**
 * Entries on their way out. What goes away stays in a cluster's set as Removing until its agent says Removed; a row goes
 * only then, or where nobody could ever say so: it was never assigned, or its cluster is revoked.
 */
import type { HeadOperation, RemovalMode } from '@flotilla/domain/desired/entry';
import { parseHead } from '@flotilla/domain/desired/parse';

import { encodedHead, operationOf } from './entry.ts';
import type { StoredApplicationState } from './fleetRows.ts';
import type { SeenTargetRow } from './seenTargets.store.ts';
import type { EntryToSave } from './targets.store.ts';

type Operations = NonNullable<StoredApplicationState['operations']>;

export interface Removals {
  /** Entries that become Removing, or change how. */
  entries: EntryToSave[];
  /** Rows that go. */
  gone: SeenTargetRow[];
  /** Came back while it was removed, and is now confirmed gone: the entry goes, the row stays. */
  cleared: SeenTargetRow[];
}

/** `due`: targets that are to be removed now, and how. `operations`: what a person asked of targets that is still to be sent. */
export function removalsOf(
  targets: readonly SeenTargetRow[],
  due: ReadonlyMap<string, RemovalMode>,
  operations: Operations = {},
): Removals {
  const removals: Removals = { entries: [], gone: [], cleared: [] };
  for (const target of targets) {
    const isConfirmed = isRemoved(target);
    const mode = due.get(target.id);
    if (isConfirmed && target.state === 'Unassigned' && mode === undefined) removals.cleared.push(target);
    else if (isConfirmed || isNobodys(target, mode)) removals.gone.push(target);
    else if (mode !== undefined) removals.entries.push(...removingEntry(target, mode, operations[target.id]));
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
function removingEntry(
  target: SeenTargetRow,
  mode: RemovalMode,
  asked: Operations[string] | undefined,
): EntryToSave[] {
  if (target.clusterState === 'Paused' || target.clusterState === 'Quarantined' || target.head === null)
    return [];
  if (target.state === 'Removing' && target.removal === mode) return [];
  return [entryOf(target, target.head, mode, operationOf(asked))];
}

/** The same removal once more, by an inventory that a person has confirmed. */
export function confirmedRemovals(targets: readonly SeenTargetRow[], by: string): EntryToSave[] {
  const operation = { force: true, initiatedBy: by };
  return targets.flatMap((target) =>
    target.head === null || target.removal === null
      ? []
      : [entryOf(target, target.head, target.removal as RemovalMode, operation)],
  );
}

function entryOf(
  { id, clusterId, assignment }: SeenTargetRow,
  present: Uint8Array,
  removal: RemovalMode,
  operation: HeadOperation,
): EntryToSave {
  const parsed = parseHead(present);
  if (!parsed.ok) throw new Error(`the head of target ${id} is broken: ${parsed.reason}`);
  const head = {
    ...parsed.value,
    state: 'Removing',
    removal,
    assignment: assignment + 1,
    deletesMax: 0,
    operation,
  } as const;
  return {
    target: id,
    clusterId,
    state: 'Removing',
    removal,
    assignment: head.assignment,
    ...encodedHead(head),
    bodyDigest: head.body,
    assigned: null,
  };
}
