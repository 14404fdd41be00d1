/**
 * What is stored about the rollouts of one application: its targets, at most one open rollout, at most one waiting.
 * Values are never changed in place; a step returns new ones and keeps by reference what it did not touch, so that a
 * store writes only what differs (`changes.ts`). Times are epoch milliseconds of Postgres's clock.
 */
import type { Digest } from '../digest/sha256.ts';
import type { Strategy } from './strategy.ts';

export type WaitingPhase = 'AwaitingSync' | 'Queued';
export type OpenPhase = 'Running' | 'Paused';
export type ClosedPhase = 'Completed' | 'RolledBack' | 'Aborted' | 'Superseded';
export type Phase = WaitingPhase | OpenPhase | ClosedPhase;

/** Why a rollout is Paused: by its failure budget, or by a person. Only the first lets a newer revision supersede it. */
export type PauseReason = 'failures' | 'person';

export type OutcomeType =
  | 'Pending'
  | 'Assigned'
  | 'Progressing'
  | 'Soaking'
  | 'Succeeded'
  | 'Failed'
  | 'Deferred'
  | 'Skipped'
  | 'RolledBack'
  | 'Superseded';

/** Stable words; `message` says the rest. */
export type OutcomeReason =
  | ''
  | 'operation'
  | 'degraded'
  | 'render'
  | 'deadline'
  | 'lost'
  | 'offline'
  | 'paused'
  | 'pinned'
  | 'person'
  | 'left'
  | 'withdrawn';

/** How far one target has come with one assignment; the same in a rollout and in the lane. */
export interface Progress {
  target: string;
  /** What this target moves to; in a rollback it differs from target to target. */
  revision: number;
  outcome: OutcomeType;
  reason: OutcomeReason;
  message: string;
  /** The assignment that was made; null while Pending, Deferred or Skipped. */
  assignment: number | null;
  assignedAtMs: number | null;
  /** When an observation first echoed the assignment. */
  echoedAtMs: number | null;
  /** Healthy time of ended stretches that is known for certain. */
  soakedMs: number;
  /** Start of the present healthy stretch of a live session; null outside of one. */
  healthyFromMs: number | null;
  finishedAtMs: number | null;
}

export interface TargetOutcome extends Progress {
  /** Index into the rollout's waves. */
  wave: number;
  /** Degraded or failed again after Succeeded: counts in the budget until the rollout ends. */
  regressedAtMs: number | null;
  /** What the target was given before this rollout opened its wave; comes back when it is withdrawn unassigned. */
  givenBefore: number | null;
}

export interface Approval {
  by: string;
  atMs: number;
}

/** How far one gate of a wave has come in this rollout, so for this revision only. */
export interface GateProgress {
  name: string;
  /** Rises when the gate starts over: a check that was under way for the run before does not count. */
  run: number;
  passed: number;
  failed: number;
  /** When the next check may be made. */
  dueAtMs: number;
  /** What the last check found, and whether that was a success; '' before the first. */
  last: string;
  isLastSuccess: boolean;
  /** Who let the wave pass without it: a person by `promote`, or automation by `onFailure: continue`. */
  waivedBy: string | null;
}

export interface WaveProgress {
  name: string;
  openedAtMs: number | null;
  approval: Approval | null;
  /** Of gates that were checked or waived; not there in what was stored before they existed. */
  gates?: readonly GateProgress[];
  /** Failures that a person accepted by resuming, or that `continue` passed over. */
  forgiven: number;
  /** What this wave was last announced to wait for, so that it is announced once; '' for nothing. */
  announced: string;
  /** When that ends, in ms; null, or not there in what was stored before: nobody knows. */
  announcedUntilMs?: number | null;
}

/** Who made a rollout that no person asked for. */
export const automation = 'automation';

export interface Rollout {
  id: string;
  kind: 'forward' | 'rollback';
  /** The rollout that a rollback undoes. */
  of: string | null;
  /** The revision moved to; of a rollback: the revision that it undoes. */
  revision: number;
  /** As it was when the rollout was made. */
  strategy: Strategy;
  phase: Phase;
  phaseReason: string;
  pausedBy: PauseReason | null;
  createdBy: string;
  createdAtMs: number;
  startedAtMs: number | null;
  closedAtMs: number | null;
  /** One for each of the strategy's waves; empty while waiting. */
  waves: readonly WaveProgress[];
  /** By target id; membership is fixed when the rollout starts. Empty while waiting. */
  outcomes: ReadonlyMap<string, TargetOutcome>;
  /** In flight from rollouts that this one superseded: counted in `maxConcurrent` until they end. */
  carried: readonly Progress[];
  /** Revisions whose drop of objects awaits a person's answer; nothing of theirs is assigned meanwhile. */
  heldDrops: readonly HeldDrop[];
}

export interface HeldDrop {
  revision: number;
  dropped: number;
  total: number;
  sinceMs: number;
}

export interface Pin {
  revision: number;
  reason: string;
  expiresAtMs: number | null;
}

export interface TargetState {
  id: string;
  clusterId: string;
  /** Name of the stage that it belongs to; '' in an application without stages. */
  stage: string;
  /** Counter of the last assignment; 0 before the first. */
  assignment: number;
  /** What is assigned. */
  revision: number | null;
  variant: string | null;
  bundle: Digest | null;
  /** What the last rollout that opened this target's wave gave it. */
  given: number | null;
  /** The only answer to "which revision belongs here"; kept up to date by every step. */
  entitled: number | null;
  pin: Pin | null;
  /** Revisions that Succeeded here, newest success first, at most 10. */
  healthy: readonly number[];
  /** Left the placement: rollouts no longer count it, the lane no longer moves it. */
  leaving: boolean;
  /** Of the last assignment outside any rollout; null when there was none, or a rollout took over. */
  lane: Progress | null;
}

/** Everything about the rollouts of one application, or of one stage of it (promotion/stage.ts). */
export interface FleetState {
  targets: ReadonlyMap<string, TargetState>;
  open: Rollout | null;
  waiting: Rollout | null;
  /** Closed by the steps since this state was loaded; empty on load. */
  closed: readonly Rollout[];
  /** Revisions of Completed forward rollouts, last completed first, at most 10. */
  completed: readonly number[];
  rejected: readonly number[];
  /** Revisions whose drop of objects a person confirmed. */
  confirmedDrops: readonly number[];
  /** Drops that hold the lane. */
  laneDrops: readonly HeldDrop[];
  /** Failures in the lane that a person accepted by resuming it. */
  laneForgiven: number;
}

export const emptyFleet: FleetState = {
  targets: new Map(),
  open: null,
  waiting: null,
  closed: [],
  completed: [],
  rejected: [],
  confirmedDrops: [],
  laneDrops: [],
  laneForgiven: 0,
};
