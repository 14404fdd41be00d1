/**
 * What people and automation ask of a rollout, as pure transitions. A verb never assigns: it changes the state, and the
 * next step draws the consequences.
 */
import type { Strategy } from './strategy.ts';
import type { FleetState, Rollout } from './state.ts';
import type { Observations, VerbResult } from './step.ts';

export interface Proposal {
  /** Fresh id of the rollout. */
  id: string;
  revision: number;
  strategy: Strategy;
  /** False: the rollout waits as AwaitingSync for a person. */
  automated: boolean;
  by: string;
}

type Seen = Pick<Observations, 'targets'>;
export type { Rollout };

/** A new revision is ready. Starts, waits as AwaitingSync or Queued, or supersedes; refuses a Rejected revision. */
export declare function propose(state: FleetState, proposal: Proposal, seen: Seen, nowMs: number): VerbResult;
/** A person starts a revision, also an older or Rejected one, over whatever is open. */
export declare function start(state: FleetState, proposal: Proposal, seen: Seen, nowMs: number): VerbResult;
/** A person starts the waiting rollout. */
export declare function startWaiting(state: FleetState, by: string, seen: Seen, nowMs: number): VerbResult;
export declare function pause(state: FleetState, by: string, reason: string): VerbResult;
/** Failures so far are accepted: only new ones halt again. */
export declare function resume(state: FleetState, by: string): VerbResult;
/** `wave`: name; counts only for the open rollout. */
export declare function approve(state: FleetState, wave: string, by: string, nowMs: number): VerbResult;
/** Skips the rest of the soak of every target that is soaking. */
export declare function promote(state: FleetState, by: string, nowMs: number): VerbResult;
/** Withdraws the revision where it was not assigned and moves nothing that was. */
export declare function abort(state: FleetState, by: string, reason: string, nowMs: number): VerbResult;
/** Undoes the open rollout, or the last completed one, in waves; its revision becomes Rejected. */
export declare function rollback(
  state: FleetState,
  options: { id: string; of: Rollout; by: string; reason: string },
  seen: Seen,
  nowMs: number,
): VerbResult;
/** A Failed, Skipped or Deferred target gets another assignment, in the rollout or in the lane. */
export declare function retry(state: FleetState, target: string, by: string): VerbResult;
export declare function skip(
  state: FleetState,
  target: string,
  by: string,
  reason: string,
  nowMs: number,
): VerbResult;
export declare function pin(
  state: FleetState,
  target: string,
  pin: { revision: number; reason: string; expiresAtMs: number | null },
  by: string,
): VerbResult;
export declare function unpin(state: FleetState, target: string, by: string): VerbResult;
/** Answers the question of the drop guard for one revision, for the whole fleet. */
export declare function confirmDrop(state: FleetState, revision: number, by: string): VerbResult;
/** Accepts the failures in the lane, so that it moves on. */
export declare function resumeLane(state: FleetState, by: string): VerbResult;
