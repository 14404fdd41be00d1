/** Rows of one application's rollouts ⇄ the state that domain/rollout decides on. Pure. */
import type { Stored, StageMemory } from '@flotilla/domain/promotion/arrange';
import type { Ready, Soaking } from '@flotilla/domain/promotion/candidates';
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
  stage: string;
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

/** Of one stage; an application without stages has one, whose fields are the application's own. */
export interface StoredStage {
  laneDrops?: HeldDrop[];
  laneForgiven?: number;
  sinceMs?: number;
  inherited?: number[];
  soaking?: Soaking | null;
  ready?: Ready | null;
}

export interface StoredApplicationState extends StoredStage {
  confirmedDrops?: number[];
  /** In order; not there in an application without stages. */
  stages?: (StoredStage & { name: string })[];
  /** Options of `sync now` for targets whose assignment is still to be made. */
  operations?: Record<string, { force: boolean; initiatedBy: string }>;
}

export interface RolloutRow {
  id: string;
  stage: string;
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

/** What was completed in one stage, last completed first. */
export interface CompletedRow {
  stage: string;
  revision: number;
  rollout: string;
}

export interface FleetRows {
  targets: readonly TargetRow[];
  /** Open and waiting, of all stages. */
  rollouts: readonly RolloutRow[];
  /** Of the open ones. */
  outcomes: readonly OutcomeRow[];
  completed: readonly CompletedRow[];
  rejected: readonly number[];
}

/** Targets that are being removed are no part of it. `memories`: of the present stages. */
export function storedOf(
  rows: FleetRows,
  application: StoredApplicationState,
  memories: readonly StageMemory[],
): Stored {
  const kept = storedStages(application);
  const names = new Set([...memories.map(({ name }) => name), ...rows.rollouts.map(({ stage }) => stage)]);
  return {
    targets: new Map(
      rows.targets.filter(({ state }) => state !== 'Removing').map((row) => [row.id, targetOf(row)]),
    ),
    rollouts: new Map(
      [...names].map((name) => {
        const memory = memories.find((known) => known.name === name);
        const { laneDrops = [], laneForgiven = 0 } = kept.find((known) => known.name === name) ?? {};
        const completed = rows.completed
          .filter(({ stage }) => stage === name)
          .map(({ revision }) => revision);
        const all = [...new Set([...completed, ...(memory?.inherited ?? [])])].slice(0, completedMax);
        return [name, { ...rolloutsIn(name, rows), completed: all, laneDrops, laneForgiven }];
      }),
    ),
    rejected: rows.rejected,
    confirmedDrops: application.confirmedDrops ?? [],
  };
}

export const completedMax = 10;

function rolloutsIn(stage: string, rows: FleetRows): Pick<FleetState, 'open' | 'waiting'> {
  const rollouts = rows.rollouts
    .filter((row) => row.stage === stage)
    .map((row) => rolloutOf(row, rows.outcomes));
  return {
    open: rollouts.find(({ phase }) => phase === 'Running' || phase === 'Paused') ?? null,
    waiting: rollouts.find(({ phase }) => phase === 'Queued' || phase === 'AwaitingSync') ?? null,
  };
}

/** As they were when the application was last looked at. */
export function storedStages(state: StoredApplicationState): (StoredStage & { name: string })[] {
  return state.stages ?? [{ ...state, name: '' }];
}

export function memoryOf({
  name,
  sinceMs = 0,
  inherited = [],
  soaking = null,
  ready = null,
}: StoredStage & { name: string }): StageMemory {
  return { name, sinceMs, inherited, candidates: { soaking, ready } };
}

/** A stage as it is stored. */
export function storedStage(
  { name, sinceMs, inherited, candidates }: StageMemory,
  fleet: FleetState,
): StoredStage & { name: string } {
  const { laneDrops, laneForgiven } = fleet;
  return { name, sinceMs, inherited: [...inherited], ...candidates, laneDrops: [...laneDrops], laneForgiven };
}

/** Of rows that were known from an earlier look. */
const known = new WeakMap<TargetRow, TargetState>();

function targetOf(row: TargetRow): TargetState {
  const before = known.get(row);
  if (before !== undefined) return before;
  const state = newTargetOf(row);
  known.set(row, state);
  return state;
}

function newTargetOf(row: TargetRow): TargetState {
  const { given = null, healthy = [], lane = null } = row.rolloutState;
  // One that came back while it was being removed holds nothing that counts.
  const isAssigned = row.state !== 'Unassigned';
  return {
    id: row.id,
    clusterId: row.clusterId,
    stage: row.stage,
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
export function rolloutColumns(rollout: Rollout): Omit<
  RolloutRow,
  'stage' | 'createdAt' | 'startedAt' | 'closedAt'
> & {
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
