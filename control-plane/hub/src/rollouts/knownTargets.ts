/** Targets as a worker saw them last, so that its next look reads what changed since. Lost whenever in doubt: a look then reads all. */
import type { TargetState } from '@flotilla/domain/rollout/state';

import { targetDetail } from './fleetRows.ts';
import type { KnownTargets, SeenTargetRow } from './seenTargets.store.ts';
import type { EntryToSave } from './targets.store.ts';

/** What a save wrote of targets, and nothing else of them. */
export interface WrittenTargets {
  xid: string;
  targets: readonly TargetState[];
  /** Active ones with the body that is wanted. */
  entries: readonly EntryToSave[];
}

/** As a look that reads everything would find them. */
export function afterSave(known: KnownTargets, written: WrittenTargets | null): KnownTargets {
  if (written === null) return known;
  const { xid, targets, entries } = written;
  const rows = new Map(known.rows);
  const assigned = new Map(entries.map((entry) => [entry.target, entry]));
  for (const target of targets) {
    const row = rows.get(target.id);
    if (row === undefined) continue;
    const entry = assigned.get(target.id);
    assigned.delete(target.id);
    rows.set(target.id, { ...row, ...stateColumns(target), ...(entry && entryColumns(row, entry)) });
  }
  for (const [id, entry] of assigned) {
    const row = rows.get(id);
    if (row !== undefined) rows.set(id, { ...row, ...entryColumns(row, entry) });
  }
  return { ...known, ownXid: xid, rows };
}

function stateColumns(target: TargetState): Partial<SeenTargetRow> {
  const { stage, entitled, pin } = target;
  return {
    stage,
    entitledRevision: entitled,
    pinnedRevision: pin?.revision ?? null,
    pinReason: pin?.reason ?? null,
    pinExpiresMs: pin?.expiresAtMs ?? null,
    rolloutState: targetDetail(target),
  };
}

function entryColumns(
  row: SeenTargetRow,
  { assignment, assigned, head }: EntryToSave,
): Partial<SeenTargetRow> {
  const bundle = assigned?.bundle ?? row.bundle;
  const observed = row.reported ? (row.otherBundle ?? row.bundle) : null;
  return {
    state: 'Active',
    removal: null,
    assignment,
    revisionNumber: assigned?.revision ?? row.revisionNumber,
    variantId: assigned?.variant ?? row.variantId,
    bundle,
    // As it would have been read.
    head: row.isLeaving || row.isRemoved ? Buffer.from(head) : null,
    staleBody: null,
    otherBundle: observed === bundle ? null : observed,
  };
}

/** Some half a kilobyte each. */
const rowsMax = 50_000;
/** Of fewer all are read as fast. */
const rowsMin = 100;

export class KnownFleets {
  readonly #rowsMin: number;
  /** By application; the one that was looked at last comes last. */
  readonly #fleets = new Map<string, KnownTargets>();

  constructor(min = rowsMin) {
    this.#rowsMin = min;
  }

  /** Whoever takes it gives it back only when what it did with it is committed. */
  take(applicationId: string): KnownTargets | null {
    const known = this.#fleets.get(applicationId) ?? null;
    this.#fleets.delete(applicationId);
    return known;
  }

  keep(applicationId: string, known: KnownTargets): void {
    if (known.rows.size < this.#rowsMin) return;
    this.#fleets.set(applicationId, known);
    let kept = [...this.#fleets.values()].reduce((sum, { rows }) => sum + rows.size, 0);
    for (const [id, { rows }] of this.#fleets) {
      if (kept <= rowsMax) return;
      this.#fleets.delete(id);
      kept -= rows.size;
    }
  }
}
