/** Rows of one application's rollouts ⇄ the state that domain/rollout decides on. Pure. */
import { lastHealthy } from '@flotilla/domain/rollout/entitled';
import type {
  FleetState,
  HeldDrop,
  Progress,
  Rollout,
  TargetOutcome,
  TargetState,
  WaveProgress,
} from '@flotilla/domain/rollout/state';
import { defaultStrategy, waveDefaults, type Strategy } from '@flotilla/domain/rollout/strategy';

export interface TargetRow {
  id: string;
  clusterId: string;
  state: 'Unassigned' | 'Active' | 'Suspended' | 'Removing';
  removal: string | null;
  assignment: bigint;
  revisionNumber: number | null;
  variantId: string | null;
  bundle: string | null;
  head: Buffer | null;
  bodyDigest: string | null;
  entitledRevision: number | null;
  pinnedRevision: number | null;
  pinReason: string | null;
  pinExpiresAt: Date | null;
  rolloutState: StoredTargetState;
  leavingSince: Date | null;
  leavingUntil: Date | null;
  leavingHeld: boolean;
}

/** What has no column of its own. */
export interface StoredTargetState {
  given?: number | null;
  healthy?: number[];
  lane?: Progress | null;
}

export interface StoredApplicationState {
  confirmedDrops?: number[];
  laneDrops?: HeldDrop[];
  laneForgiven?: number;
  /** Options of `sync now` for targets whose assignment is still to be made. */
  operations?: Record<string, { force: boolean; initiatedBy: string }>;
}

export interface RolloutRow {
  id: string;
  kind: 'forward' | 'rollback';
  ofId: string | null;
  revisionNumber: number;
  phase: Rollout['phase'];
  phaseReason: string | null;
  strategy: Strategy;
  state: StoredRolloutState;
  createdBy: string;
  createdAt: Date;
  startedAt: Date | null;
  closedAt: Date | null;
}

export interface StoredRolloutState {
  pausedBy?: Rollout['pausedBy'];
  waves?: WaveProgress[];
  carried?: Progress[];
  heldDrops?: HeldDrop[];
}

export interface OutcomeRow {
  rolloutId: string;
  targetId: string;
  clusterId: string;
  wave: number;
  outcome: TargetOutcome['outcome'];
  reason: string | null;
  assignment: bigint | null;
  state: StoredOutcomeState;
}

export type StoredOutcomeState = Omit<TargetOutcome, 'target' | 'wave' | 'outcome' | 'reason' | 'assignment'>;

export interface FleetRows {
  targets: readonly TargetRow[];
  /** Open and waiting. */
  rollouts: readonly RolloutRow[];
  /** Of the open one. */
  outcomes: readonly OutcomeRow[];
  completed: readonly number[];
  rejected: readonly number[];
  application: StoredApplicationState;
}

/** Targets that are being removed are no part of it. */
export function fleetStateOf(rows: FleetRows): FleetState {
  const rollouts = rows.rollouts.map((row) => rolloutOf(row, rows.outcomes));
  const { confirmedDrops = [], laneDrops = [], laneForgiven = 0 } = rows.application;
  return {
    targets: new Map(
      rows.targets.filter(({ state }) => state !== 'Removing').map((row) => [row.id, targetOf(row)]),
    ),
    open: rollouts.find(({ phase }) => phase === 'Running' || phase === 'Paused') ?? null,
    waiting: rollouts.find(({ phase }) => phase === 'Queued' || phase === 'AwaitingSync') ?? null,
    closed: [],
    completed: rows.completed,
    rejected: rows.rejected,
    confirmedDrops,
    laneDrops,
    laneForgiven,
  };
}

function targetOf(row: TargetRow): TargetState {
  const { given = null, healthy = [], lane = null } = row.rolloutState;
  // One that came back while it was being removed holds nothing that counts.
  const isAssigned = row.state !== 'Unassigned';
  return {
    id: row.id,
    clusterId: row.clusterId,
    assignment: Number(row.assignment),
    revision: isAssigned ? row.revisionNumber : null,
    variant: isAssigned ? row.variantId : null,
    bundle: isAssigned ? row.bundle : null,
    given,
    entitled: row.entitledRevision,
    pin:
      row.pinnedRevision === null
        ? null
        : {
            revision: row.pinnedRevision,
            reason: row.pinReason ?? '',
            expiresAtMs: row.pinExpiresAt?.getTime() ?? null,
          },
    healthy,
    leaving: row.leavingSince !== null,
    lane,
  };
}

export function rolloutOf(row: RolloutRow, outcomes: readonly OutcomeRow[]): Rollout {
  const { pausedBy = null, waves = [], carried = [], heldDrops = [] } = row.state;
  const own = outcomes.filter(({ rolloutId }) => rolloutId === row.id);
  return {
    id: row.id,
    kind: row.kind,
    of: row.ofId,
    revision: row.revisionNumber,
    strategy: completed(row.strategy),
    phase: row.phase,
    phaseReason: row.phaseReason ?? '',
    pausedBy,
    createdBy: row.createdBy,
    createdAtMs: row.createdAt.getTime(),
    startedAtMs: row.startedAt?.getTime() ?? null,
    closedAtMs: row.closedAt?.getTime() ?? null,
    waves,
    outcomes: new Map(own.map((outcome) => [outcome.targetId, outcomeOf(outcome)])),
    carried,
    heldDrops,
  };
}

function outcomeOf(row: OutcomeRow): TargetOutcome {
  return {
    ...row.state,
    target: row.targetId,
    wave: row.wave,
    outcome: row.outcome,
    reason: (row.reason ?? '') as TargetOutcome['reason'],
    assignment: row.assignment === null ? null : Number(row.assignment),
  };
}

/** Columns of a rollout as they are written. */
export function rolloutColumns(rollout: Rollout): Omit<RolloutRow, 'createdAt' | 'startedAt' | 'closedAt'> & {
  createdAtMs: number;
  startedAtMs: number | null;
  closedAtMs: number | null;
} {
  const { id, kind, of: ofId, revision: revisionNumber, phase, phaseReason, strategy, createdBy } = rollout;
  const { createdAtMs, startedAtMs, closedAtMs, pausedBy, waves, carried, heldDrops } = rollout;
  const state: StoredRolloutState = {
    pausedBy,
    waves: [...waves],
    carried: [...carried],
    heldDrops: [...heldDrops],
  };
  return {
    id,
    kind,
    ofId,
    revisionNumber,
    phase,
    phaseReason,
    strategy,
    state,
    createdBy,
    createdAtMs,
    startedAtMs,
    closedAtMs,
  };
}

export function outcomeColumns(rollout: string, outcome: TargetOutcome) {
  const { target, wave, outcome: type, reason, assignment, ...state } = outcome;
  return {
    rollout,
    target,
    wave,
    outcome: type,
    reason,
    assignment,
    state: state satisfies StoredOutcomeState,
  };
}

export function targetColumns(target: TargetState, rejected: readonly number[]) {
  const { id, entitled, pin, given, healthy, lane } = target;
  return {
    id,
    entitled,
    pinned: pin?.revision ?? null,
    reason: pin?.reason ?? null,
    expires: pin?.expiresAtMs ?? null,
    healthy: lastHealthy(target, rejected),
    state: { given, healthy: [...healthy], lane } satisfies StoredTargetState,
  };
}

/** A rollout goes by the strategy it was made with; of one from before a setting existed, that setting has its default. */
function completed(strategy: Strategy): Strategy {
  const waves = strategy.waves.map((wave) => ({ ...waveDefaults, ...wave }));
  return { ...defaultStrategy, ...strategy, waves };
}
