/** What a step sees beside the state: clusters, reports, renderings. Pure, from rows. */
import type { Drop, Observation, Observations, Rendering } from '@flotilla/domain/rollout/step';

import type { SyncWindowSpec } from '../applications/project.ts';
import { windowsOfTargets } from './syncWindows.ts';
import type { RevisionRow, SeenTargetRow } from './fleet.store.ts';
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

/** By target. */
export function seenTargetsOf(rows: readonly SeenTargetRow[]): Observations['targets'] {
  return new Map(rows.map((row) => [row.id, observationOf(row)]));
}

export function observationsOf(
  input: SeenInput,
  seenTargets: Observations['targets'] = seenTargetsOf(input.targets),
): Observations {
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

function observationOf(row: SeenTargetRow): Observation {
  return {
    clusterName: row.clusterName,
    labels: row.labels,
    clusterState: row.clusterState,
    connection: row.connection,
    liveSinceMs: row.liveSinceMs,
    lastSeenMs: row.lastSeenMs,
    reported: reportedOf(row),
  };
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
