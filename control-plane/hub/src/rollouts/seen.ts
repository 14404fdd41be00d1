/** What a step sees beside the state: clusters, reports, renderings. Pure, from rows. */
import type { Drop, Observation, Observations, Rendering } from '@flotilla/domain/rollout/step';

import type { SyncWindowSpec } from '../applications/project.ts';
import { windowsOfTargets } from './syncWindows.ts';
import type { RevisionRow } from './fleet.store.ts';
import type { SeenTargetRow } from './seenTargets.store.ts';
import type { TargetVariants } from './variants.ts';

export interface SeenInput {
  targets: readonly SeenTargetRow[];
  revisions: ReadonlyMap<number, RevisionRow>;
  /** Null: no revision differs from target to target. */
  variants: TargetVariants | null;
  drop: (from: string, to: string) => Drop | null;
  prune: boolean;
  outages: readonly { fromMs: number; toMs: number }[];
  rollbackId: string;
  /** Of the project. */
  syncWindows: readonly SyncWindowSpec[];
  application: { name: string; namespace: string };
}

/** By target. `isConfirmed`: a person let a target delete by its rebuilt inventory. */
export function seenTargetsOf(
  rows: readonly SeenTargetRow[],
  nowMs: number,
  isConfirmed: (row: SeenTargetRow) => boolean,
): Observations['targets'] {
  return new Map(
    rows.map((row) => {
      const seen = observationOf(row, nowMs);
      if (row.rebuiltHeld === null) return [row.id, seen];
      const rebuilt = isConfirmed(row)
        ? { confirmedDeletes: row.rebuiltHeld }
        : { inventoryUnconfirmed: true };
      return [row.id, { ...seen, ...rebuilt }];
    }),
  );
}

export function observationsOf(input: SeenInput, seenTargets: Observations['targets']): Observations {
  const { targets, revisions, variants, drop, prune, outages, rollbackId, syncWindows, application } = input;
  return {
    targets: seenTargets,
    render: (revision, target) => variants?.render(revision, target) ?? renderingOf(revisions.get(revision)),
    drop,
    prune,
    windows: windowsOfTargets(syncWindows, application, targets),
    outages,
    rollbackId,
  };
}

/** A live session has been heard of within this time. */
const liveForMs = 90_000;

function observationOf(row: SeenTargetRow, nowMs: number): Observation {
  const { connectedMs, lastSeenMs, unconfirmedFence, observedFence } = row;
  const isLive = connectedMs !== null && lastSeenMs !== null && lastSeenMs > nowMs - liveForMs;
  const isConfirmed = unconfirmedFence === null || unconfirmedFence === observedFence;
  return {
    clusterName: row.clusterName,
    labels: row.labels,
    clusterState: row.clusterState,
    connection: connectionOf(connectedMs, isLive),
    // Null without a live session that reported or confirmed what is stored.
    liveSinceMs: isLive && isConfirmed ? connectedMs : null,
    lastSeenMs,
    reported: reportedOf(row),
  };
}

function connectionOf(connectedMs: number | null, isLive: boolean): Observation['connection'] {
  if (connectedMs === null) return 'Never';
  return isLive ? 'Connected' : 'Offline';
}

function reportedOf(row: SeenTargetRow): Observation['reported'] {
  if (!row.reported) return null;
  type Reported = NonNullable<Observation['reported']>;
  const operation = row.operation as Reported['operation'];
  return {
    assignment: row.observedAssignment,
    health: row.health as Reported['health'],
    healthMessage: row.healthMessage,
    healthSinceMs: row.healthSinceMs,
    operation: operation && {
      assignment: operation.assignment,
      phase: operation.phase,
      message: operation.message,
    },
    bundle: row.otherBundle === '' ? null : (row.otherBundle ?? row.bundle),
  };
}

/** Without templates and overrides a revision has one variant, whatever the target. */
function renderingOf(revision: RevisionRow | undefined): Rendering {
  if (revision === undefined) return { state: 'Failed', message: 'the revision is not kept any more' };
  const { state, error, variant, bundle, sizeBytes } = revision;
  if (variant !== null && bundle !== null)
    return { state: 'Ready', variant, bundle, sizeBytes: sizeBytes ?? 0 };
  if (state === 'Candidate') return { state: 'Pending' };
  return { state: 'Failed', message: error ?? 'the revision does not render' };
}
