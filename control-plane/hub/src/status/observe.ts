/**
 * Pure half of ingest for states: which reports are news, what row each becomes, and what of the change is history.
 * A report is news when its cluster owns the target and (fence, seq) is above what is stored.
 */
import { transitions, type HealthTrail } from '@flotilla/domain/status/transitions';
import type { ObservationRow, StoredObservation, StoredTarget, TransitionRow } from './ingest.store.ts';
import type { ReportedState } from './report.ts';

export interface Observed {
  row: ObservationRow;
  target: StoredTarget;
  history: TransitionRow[];
  /** Sync, health, operation, removal or assignment are others than before. */
  changed: boolean;
  /** Anything at all is other than before: a condition, a message, a resource. */
  altered: boolean;
}

/** The latest report of each target, where several were waiting. */
export function latestStates(states: readonly ReportedState[]): ReportedState[] {
  const latest = new Map<string, ReportedState>();
  for (const state of states) {
    const other = latest.get(state.state.target);
    if (!other || isAbove(state, other)) latest.set(state.state.target, state);
  }
  return [...latest.values()];
}

/** Null: not this cluster's target, or not newer than what is stored. */
export function observe(report: ReportedState, target: StoredTarget | undefined, now: Date): Observed | null {
  if (!target || target.clusterId !== report.clusterId) return null;
  const before = target.observed;
  if (before && !isAbove(report, before)) return null;
  const { state } = report;
  const previous = before && {
    state: { ...state, sync: before.sync, operation: before.operation, removal: before.removal },
    trail: trailOf(before),
  };
  const step = transitions(previous, state, { nowMs: now.getTime(), inRollout: target.inRollout });
  const changed = before === null || isChanged(before, report);
  const row: ObservationRow = {
    ...report,
    targetId: target.targetId,
    applicationId: target.applicationId,
    changedAtMs: changed ? now.getTime() : before.changedAtMs,
    healthSinceMs: step.trail.sinceMs,
    healthRecorded: step.trail.recorded ?? state.health.status,
    flaps: step.trail.flaps,
  };
  const history = step.rows
    .filter((transition) => !isToldByFact(transition))
    .map((transition) => ({ ...transition, at: new Date(transition.atMs), agentAt: null, ...idsOf(target) }));
  return { row, target, history, changed, altered: changed || before.digest !== report.digest };
}

export function idsOf(target: StoredTarget): Pick<TransitionRow, 'targetId' | 'clusterId' | 'applicationId'> {
  return { targetId: target.targetId, clusterId: target.clusterId, applicationId: target.applicationId };
}

/** The agent keeps a fact of every result and removal; the state may have coalesced it away. */
function isToldByFact(transition: { kind: string; to: string }): boolean {
  if (transition.kind === 'Removal') return transition.to === 'Removed';
  return transition.kind === 'Operation' && ['Succeeded', 'Failed', 'Error'].includes(transition.to);
}

function isAbove(a: { fence: bigint; seq: bigint }, b: { fence: bigint; seq: bigint }): boolean {
  return a.fence > b.fence || (a.fence === b.fence && a.seq > b.seq);
}

function trailOf(stored: StoredObservation): HealthTrail {
  return {
    health: stored.health,
    sinceMs: stored.healthSinceMs,
    recorded: stored.healthRecorded,
    flaps: stored.flaps,
  };
}

function isChanged(before: StoredObservation, { state }: ReportedState): boolean {
  return (
    before.sync !== state.sync ||
    before.health !== state.health.status ||
    before.assignment !== state.assignment ||
    before.revision !== state.revision ||
    before.removal !== state.removal ||
    before.operation?.phase !== state.operation?.phase ||
    before.operation?.assignment !== state.operation?.assignment ||
    before.operation?.attempt !== state.operation?.attempt
  );
}
