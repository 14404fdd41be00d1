/**
 * Application × clusters → target rows: new ones Unassigned, returning ones taken back, leaving ones marked with their
 * grace or held for a person. What is due to be removed is told, not done: its entry is the rollouts' to write.
 */
import { leaving, type Leaving } from '@flotilla/domain/placement/leaving';
import { placed } from '@flotilla/domain/placement/placed';

import type { Sql } from '../platform/transaction.ts';
import { setCondition } from '../platform/conditions.ts';
import * as store from './placement.store.ts';
import type { ApplicationSpec } from './spec.ts';

export interface PlacementInput {
  applicationId: string;
  projectId: string;
  spec: ApplicationSpec;
  leaveConfirmedAt: Date | null;
  nowMs: number;
}

export interface PlacementResult {
  /** Anything was written. */
  changed: boolean;
  added: number;
  returned: number;
  /** Grace over: to become Removing. */
  due: string[];
  held: number;
  /** When the next grace ends. */
  wakeAtMs: number | null;
}

/** The caller holds the application's lock. */
export async function place(tx: Sql, input: PlacementInput): Promise<PlacementResult> {
  const { applicationId, projectId, spec, nowMs } = input;
  const clusters = await store.readClusters(tx, projectId);
  const targets = await store.readPlacedTargets(tx, applicationId);
  const wanted = new Set(placed(spec.placement as Parameters<typeof placed>[0], clusters));
  const present = new Set(targets.map(({ clusterId }) => clusterId));
  const added = [...wanted].filter((clusterId) => !present.has(clusterId));
  const returned = targets.filter(({ state, clusterId }) => state === 'Removing' && wanted.has(clusterId));
  const step = leaving(
    targets
      .filter(({ state }) => state !== 'Removing')
      .map((target) => ({ id: target.id, placed: wanted.has(target.clusterId), leaving: leavingOf(target) })),
    { graceMs: spec.syncPolicy.graceMs, confirmedAtMs: input.leaveConfirmedAt?.getTime() ?? null },
    nowMs,
  );
  await store.insertTargets(tx, applicationId, added);
  await store.takeBack(
    tx,
    returned.map(({ id }) => id),
  );
  await store.saveLeaving(tx, step.changed);
  const isAsked = await setCondition(tx, applicationId, 'LeavingHeld', questionText(step.question));
  return {
    changed: added.length + returned.length + step.changed.size > 0 || isAsked,
    added: added.length,
    returned: returned.length,
    due: [...step.due],
    held: step.question?.targets ?? 0,
    wakeAtMs: step.wakeAtMs,
  };
}

function leavingOf(row: store.PlacedTargetRow): Leaving | null {
  if (row.leavingSince === null) return null;
  return {
    sinceMs: row.leavingSince.getTime(),
    untilMs: (row.leavingUntil ?? row.leavingSince).getTime(),
    held: row.leavingHeld,
  };
}

function questionText(question: { targets: number; of: number } | null): string | null {
  if (question === null) return null;
  return `${question.targets} of ${question.of} targets would leave: confirm it, or undo the change`;
}
