/**
 * From what is stored of an application to the fleets of its present stages. Nothing moves because somebody edited the
 * spec: what a target was given stays when stages are turned on or off, and a new stage inherits what was completed
 * before there were any. A stage that is no more ends its rollouts; a target whose stage is another one joins it as new.
 */
import { draftOf, stateOf } from '../rollout/draft.ts';
import { close, memberOf } from '../rollout/phases.ts';
import { dropWaiting } from '../rollout/proposal.ts';
import { emptyFleet, type FleetState, type TargetState } from '../rollout/state.ts';
import type { Observations, RolloutEvent } from '../rollout/step.ts';
import { noCandidates, type Candidates } from './candidates.ts';
import { stageOf, type Stage } from './stage.ts';

/** What is stored of a stage beside its rollouts and its targets. */
export interface StageMemory {
  name: string;
  /** Rollouts from before are another stage's that had this name. */
  sinceMs: number;
  /** Revisions that count as completed here though they were before the stage was, last completed first. */
  inherited: readonly number[];
  candidates: Candidates;
}

/** Its rollouts, and its own state of the lane; without targets. */
export type StageRollouts = Pick<FleetState, 'open' | 'waiting' | 'completed' | 'laneDrops' | 'laneForgiven'>;

/**
 * Of each present stage, in order. `known`: those that were there before; `completedIn`: of the stages that were there
 * before, by name, in their order.
 */
export function memoriesOf(
  stages: readonly Stage[],
  known: readonly StageMemory[],
  completedIn: ReadonlyMap<string, readonly number[]>,
  nowMs: number,
): StageMemory[] {
  const wasStaged = known.some(({ name }) => name !== '');
  const isStaged = stages.some(({ name }) => name !== '');
  const source = wasStaged === isStaged ? undefined : known.at(-1)?.name;
  const inherited = source === undefined ? [] : (completedIn.get(source) ?? []);
  return stages.map(
    ({ name }) =>
      known.find((memory) => memory.name === name) ?? {
        name,
        sinceMs: nowMs,
        inherited,
        candidates: noCandidates,
      },
  );
}

export interface Stored {
  targets: ReadonlyMap<string, TargetState>;
  /** By the name of a stage, those that are no more included. */
  rollouts: ReadonlyMap<string, StageRollouts>;
  rejected: readonly number[];
  confirmedDrops: readonly number[];
}

export interface Arranged {
  /** By the present stages, in order. `before`: the same targets as they are stored, to tell what changed. */
  fleets: { stage: Stage; before: FleetState; state: FleetState }[];
  /** Stages that are no more and had a rollout open or waiting. */
  ended: { name: string; before: FleetState; state: FleetState }[];
  events: readonly RolloutEvent[];
}

export function arrange(
  stages: readonly Stage[],
  stored: Stored,
  seen: Pick<Observations, 'targets'>,
  nowMs: number,
): Arranged {
  const { targets, rollouts, rejected, confirmedDrops } = stored;
  const shared = { ...emptyFleet, rejected, confirmedDrops };
  const ended = [...rollouts]
    .filter(([name, { open, waiting }]) => isNoMore(name, stages) && (open !== null || waiting !== null))
    .map(([name, own]) =>
      end(
        name,
        { ...shared, ...own, targets: new Map([...targets].filter(([, { stage }]) => stage === name)) },
        nowMs,
      ),
    );
  const placed = restageAll(stages, withdrawn(targets, ended), seen);
  return {
    fleets: stages.map((stage) => {
      const own = placed.get(stage.name) ?? new Map<string, TargetState>();
      const state: FleetState = { ...shared, ...rollouts.get(stage.name), targets: own };
      return { stage, before: asStored(state, targets), state };
    }),
    ended,
    events: ended.flatMap(({ events }) => events),
  };
}

function isNoMore(name: string, stages: readonly Stage[]): boolean {
  return !stages.some((stage) => stage.name === name);
}

function end(name: string, before: FleetState, nowMs: number) {
  const draft = draftOf(before, nowMs);
  const reason = name === '' ? 'the application got stages' : `the application has no stage ${name} any more`;
  dropWaiting(draft, 'Aborted', reason);
  close(draft, 'Aborted', reason);
  return { name, before, state: stateOf(draft), events: draft.events };
}

/** Closing withdrew a revision where it was given and not assigned. */
function withdrawn(targets: Stored['targets'], ended: readonly { state: FleetState }[]): Stored['targets'] {
  if (ended.length === 0) return targets;
  const after = new Map(targets);
  for (const { state } of ended) for (const [id, target] of state.targets) after.set(id, target);
  return after;
}

/** The same where nothing is another: an application without stages is not copied. */
function asStored(state: FleetState, targets: Stored['targets']): FleetState {
  const isSame =
    state.targets === targets || [...state.targets].every(([id, target]) => targets.get(id) === target);
  if (isSame) return state;
  const stored = [...state.targets.keys()].flatMap((id) => targets.get(id) ?? []);
  return { ...state, targets: new Map(stored.map((target) => [target.id, target])) };
}

function restageAll(
  stages: readonly Stage[],
  targets: Stored['targets'],
  seen: Pick<Observations, 'targets'>,
): Map<string, Stored['targets']> {
  const [only] = stages;
  const isOnly = stages.length === 1 && only !== undefined;
  if (isOnly && targets.values().every(({ stage }) => stage === only.name))
    return new Map([[only.name, targets]]);
  const placed = new Map(stages.map(({ name }) => [name, new Map<string, TargetState>()]));
  for (const target of targets.values()) {
    const stage = stageOf(stages, memberOf(target, seen));
    placed.get(stage)?.set(target.id, restage(target, stage));
  }
  return placed;
}

/** Its pin stays, and so do its objects. */
function restage(target: TargetState, stage: string): TargetState {
  if (target.stage === stage) return target;
  if (target.stage === '' || stage === '') return { ...target, stage };
  return { ...target, stage, given: null, lane: null };
}
