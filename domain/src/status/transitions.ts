/**
 * What of a target's changing state is worth a row: every change of sync and operation, and every change of health that
 * lasted. A health that lasts less than 30 s outside a rollout only raises a counter; the recorded history then reads as
 * if it had not been, and never ends on a state that the target has left.
 */
import type { ObservedState } from './observed.ts';
import type { HealthStatus } from './words.ts';

export const flapMs = 30_000;

/** Kept on the observation's row. */
export interface HealthTrail {
  health: HealthStatus;
  sinceMs: number;
  /** The health that the last transition row ended on; null: none was written yet. */
  recorded: HealthStatus | null;
  flaps: number;
}

export interface Transition {
  kind: 'Sync' | 'Health' | 'Operation' | 'Removal';
  from: string | null;
  to: string;
  atMs: number;
  detail: Readonly<Record<string, string | number>>;
}

export interface TransitionStep {
  rows: readonly Transition[];
  trail: HealthTrail;
}

/** From what was stored to what is reported now. `inRollout`: record every change of health at once. */
export function transitions(
  previous: { state: ObservedState; trail: HealthTrail } | null,
  next: ObservedState,
  options: { nowMs: number; inRollout: boolean },
): TransitionStep {
  const before = previous?.state ?? null;
  const health = healthStep(previous?.trail ?? null, next, options);
  return {
    rows: [
      ...changed('Sync', before?.sync ?? null, next.sync, options.nowMs, detailOf(next)),
      ...operationRows(before, next, options.nowMs),
      ...health.rows,
      ...changed('Removal', before?.removal ?? 'None', next.removal, options.nowMs, detailOf(next)),
    ],
    trail: health.trail,
  };
}

/** Records a health that has lasted since: for the periodic sweep over rows whose health is not the recorded one. */
export function settle(trail: HealthTrail, nowMs: number): TransitionStep {
  if (trail.recorded === trail.health || nowMs - trail.sinceMs < flapMs) return { rows: [], trail };
  return record(trail, {});
}

function healthStep(
  trail: HealthTrail | null,
  next: ObservedState,
  options: { nowMs: number; inRollout: boolean },
): TransitionStep {
  const { status, message } = next.health;
  if (trail === null)
    return record({ health: status, sinceMs: options.nowMs, recorded: null, flaps: 0 }, { message });
  if (trail.health === status) return options.inRollout ? recordIfNew(trail) : settle(trail, options.nowMs);
  const settled = settle(trail, options.nowMs);
  const isFlap = settled.trail.recorded !== settled.trail.health;
  const moved: HealthTrail = {
    health: status,
    sinceMs: options.nowMs,
    recorded: settled.trail.recorded,
    flaps: trail.flaps + (isFlap ? 1 : 0),
  };
  if (!options.inRollout) return { rows: settled.rows, trail: moved };
  const now = recordIfNew(moved, message);
  return { rows: [...settled.rows, ...now.rows], trail: now.trail };
}

function recordIfNew(trail: HealthTrail, message = ''): TransitionStep {
  return trail.recorded === trail.health
    ? { rows: [], trail }
    : record(trail, message === '' ? {} : { message });
}

function record(trail: HealthTrail, detail: Transition['detail']): TransitionStep {
  const row: Transition = {
    kind: 'Health',
    from: trail.recorded,
    to: trail.health,
    atMs: trail.sinceMs,
    detail,
  };
  return { rows: [row], trail: { ...trail, recorded: trail.health } };
}

function operationRows(before: ObservedState | null, next: ObservedState, nowMs: number): Transition[] {
  const { operation } = next;
  if (operation === null) return [];
  const earlier = before?.operation ?? null;
  const isSame =
    earlier !== null &&
    earlier.assignment === operation.assignment &&
    earlier.phase === operation.phase &&
    earlier.attempt === operation.attempt;
  if (isSame) return [];
  const { assignment, attempt, message } = operation;
  return [
    {
      kind: 'Operation',
      from: earlier?.assignment === assignment ? earlier.phase : null,
      to: operation.phase,
      atMs: nowMs,
      detail: { assignment, attempt, message },
    },
  ];
}

function detailOf(next: ObservedState): Transition['detail'] {
  return { assignment: next.assignment, revision: next.revision };
}

function changed(
  kind: Transition['kind'],
  from: string | null,
  to: string,
  atMs: number,
  detail: Transition['detail'],
): Transition[] {
  return from === to ? [] : [{ kind, from, to, atMs, detail }];
}
