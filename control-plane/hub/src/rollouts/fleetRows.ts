/** Rows of one application's rollouts ⇄ the state that domain/rollout decides on. Pure. */
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
  assignment: number;
  revisionNumber: number | null;
  variantId: string | null;
  bundle: string | null;
  /** Null: there is none, or nothing rewrites it. */
  head: Buffer | null;
  /** Digest of its body where that is not the application's present one. */
  staleBody: string | null;
  entitledRevision: number | null;
  pinnedRevision: number | null;
  pinReason: string | null;
  pinExpiresMs: number | null;
  rolloutState: StoredTargetState;
  isLeaving: boolean;
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
  wave: number;
  outcome: TargetOutcome['outcome'];
  reason: string | null;
  assignment: number | null;
  state: StoredOutcomeState;
}

/** The revision, and what is not as in a target that waits for its turn: of a large wave most is. */
export type StoredOutcomeState = Pick<TargetOutcome, 'revision'> & Partial<OutcomeDetail>;

type OutcomeDetail = Omit<
  TargetOutcome,
  'target' | 'revision' | 'wave' | 'outcome' | 'reason' | 'assignment'
>;

const waiting: OutcomeDetail = {
  message: '',
  assignedAtMs: null,
  echoedAtMs: null,
  soakedMs: 0,
  healthyFromMs: null,
  finishedAtMs: null,
  regressedAtMs: null,
  givenBefore: null,
};

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
    assignment: row.assignment,
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
            expiresAtMs: row.pinExpiresMs,
          },
    healthy,
    leaving: row.isLeaving,
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
    ...waiting,
    ...row.state,
    target: row.targetId,
    wave: row.wave,
    outcome: row.outcome,
    reason: (row.reason ?? '') as TargetOutcome['reason'],
    assignment: row.assignment,
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

/** An outcome's `state` as it is written. */
export function outcomeDetail(outcome: TargetOutcome): StoredOutcomeState {
  const detail: Record<string, unknown> = { revision: outcome.revision };
  for (const key of detailKeys) if (outcome[key] !== waiting[key]) detail[key] = outcome[key];
  return detail as unknown as StoredOutcomeState;
}

const detailKeys = Object.keys(waiting) as (keyof OutcomeDetail)[];

/** A target's `rollout_state` as it is written. */
export function targetDetail({ given, healthy, lane }: TargetState): StoredTargetState {
  return { given, healthy: [...healthy], lane };
}

/** A rollout goes by the strategy it was made with; of one from before a setting existed, that setting has its default. */
function completed(strategy: Strategy): Strategy {
  const waves = strategy.waves.map((wave) => ({ ...waveDefaults, ...wave }));
  return { ...defaultStrategy, ...strategy, waves };
}
