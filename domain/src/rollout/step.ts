/**
 * What goes into a step beside the state, and what comes out. Everything a step reads is here, so that it can be
 * repeated: the same input gives the same output, and a step on its own output with the same observations does nothing.
 */
import type { Digest } from '../digest/sha256.ts';
import type { Labels } from '../placement/selector.ts';
import type { ClusterState, ConnectionState, HealthStatus, OperationPhase } from '../status/words.ts';
import type { Window } from '../window/window.ts';
import type { FleetState } from './state.ts';

/** What is known of a target and its cluster at the time of the step. */
export interface Observation {
  clusterName: string;
  labels: Labels;
  clusterState: ClusterState;
  connection: ConnectionState;
  /** Since when the live session has confirmed the stored state; null without one. Only then does `reported` count. */
  liveSinceMs: number | null;
  /** When the agent was last heard. */
  lastSeenMs: number | null;
  /** What the agent last said about the target; null when it has said nothing yet. */
  reported: Reported | null;
  /** The inventory was rebuilt and nobody confirmed it: nothing may be pruned. */
  inventoryUnconfirmed?: boolean;
  /** It was rebuilt, and a person confirmed that so many objects go by it. */
  confirmedDeletes?: number;
}

export interface Reported {
  /** The echoed assignment: of another one than the current nothing counts. */
  assignment: number;
  health: HealthStatus;
  healthMessage: string;
  healthSinceMs: number;
  /** Of the operation that this assignment started; null when none was reported. */
  operation: { assignment: number; phase: OperationPhase; message: string } | null;
  /** The bundle in force on the cluster; null before the first. */
  bundle: Digest | null;
}

/** What a revision renders to for one target. `Pending`: not rendered yet, the step asks for it in `wanted`. */
export type Rendering =
  | { state: 'Ready'; variant: string; bundle: Digest; sizeBytes: number }
  | { state: 'Failed'; message: string }
  | { state: 'Pending' };

/** Objects of `from` that `to` no longer has, out of how many. */
export interface Drop {
  dropped: number;
  total: number;
}

export interface Observations {
  targets: ReadonlyMap<string, Observation>;
  /** Must be pure for the length of a step. */
  render: (revision: number, targetId: string) => Rendering;
  /** Counted from two bundle indexes; null: not counted yet, the step asks for it in `wanted`. */
  drop: (from: Digest, to: Digest) => Drop | null;
  /** False: `deletesMax` is 0 everywhere. */
  prune: boolean;
  /** Sync windows of the project for this target: the same array wherever the same ones apply. */
  windows: (targetId: string) => readonly Window[];
  /** Spans in which no replica with the role `agents` was up. They count towards no deadline. */
  outages: readonly { fromMs: number; toMs: number }[];
  /** UUID for a rollback that the step may have to open; fresh for every step, forgotten when unused. */
  rollbackId: string;
}

export type AssignmentCause = 'rollout' | 'rollback' | 'lane' | 'retry';

/** To be written to the target and its head, in the same transaction as the state. */
export interface Assignment {
  target: string;
  clusterId: string;
  /** The new counter: one more than the target's before. */
  assignment: number;
  revision: number;
  variant: string;
  bundle: Digest;
  sizeBytes: number;
  /** The most objects that a prune pass of this assignment may delete. */
  deletesMax: number;
  cause: AssignmentCause;
  reason: string;
  rollout: string | null;
  /** Name of the wave; '' in the lane. */
  wave: string;
}

export type RolloutEventKind =
  | 'Waiting'
  | 'Started'
  | 'WaveOpened'
  | 'WaveWaits'
  | 'Outcome'
  | 'Regressed'
  | 'Joined'
  | 'Left'
  | 'DropHeld'
  | 'Confirmed'
  | 'Paused'
  | 'Resumed'
  | 'Approved'
  | 'GateChecked'
  | 'Promoted'
  | 'Retried'
  | 'Skipped'
  | 'BudgetPassed'
  | 'Rejected'
  | 'Closed'
  | 'Pinned'
  | 'Unpinned'
  | 'Lane'
  | 'LaneHeld'
  | 'Candidate'
  | 'CandidateHeld'
  | 'CandidateWithdrawn'
  | 'AwaitingPromotion'
  | 'StagePromoted';

/** A decision with its reason. `target` is '' where it concerns the whole rollout. */
export interface RolloutEvent {
  /** '' in the lane. */
  rollout: string;
  kind: RolloutEventKind;
  target: string;
  message: string;
  detail: Readonly<Record<string, string | number | boolean | null>>;
}

/** One check of one gate, the same one until its result is recorded. */
export interface WantedCheck {
  rollout: string;
  /** Names of the wave and of its gate. */
  wave: string;
  gate: string;
  run: number;
  /** From 1 within the run. */
  check: number;
}

/** What the step would have needed to go on. Make it, and step again. */
export interface Wanted {
  /** Due now. Reported by `recordCheck` (checks.ts), not seen by the next step before that. */
  checks: readonly WantedCheck[];
  renders: readonly { revision: number; target: string }[];
  drops: readonly { from: Digest; to: Digest }[];
}

export interface Step {
  state: FleetState;
  assignments: readonly Assignment[];
  events: readonly RolloutEvent[];
  wanted: Wanted;
  /** When time alone will change something (soak, deadline, degraded for long enough, a gate's next check); null: only news can. */
  wakeAtMs: number | null;
}

/** A verb's answer: a pure transition, or why not. */
export type VerbResult =
  { ok: true; state: FleetState; events: readonly RolloutEvent[] } | { ok: false; reason: string };
