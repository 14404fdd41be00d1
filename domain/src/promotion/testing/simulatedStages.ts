/** Simulated fleets in a row, for the tests of promotion: a look goes through them in order, as the hub's does. */
import { next } from '../../rollout/next.ts';
import { newestKnown } from '../../rollout/proposal.ts';
import type { Rollout } from '../../rollout/state.ts';
import type { RolloutEvent } from '../../rollout/step.ts';
import {
  clusterOf,
  freshId,
  observations,
  simulatedFleet,
  work,
  type SimulatedFleet,
} from '../../rollout/testing/simulatedFleet.ts';
import { propose } from '../../rollout/verbs.ts';
import { noCandidates, type Candidates, type StageBefore } from '../candidates.ts';
import { dropRejected } from '../dropRejected.ts';
import { promoteTo, stepPromotion, type PersonsPromotion } from '../promote.ts';
import { stagesOf } from '../parseStages.ts';
import type { Stage } from '../stage.ts';

export interface SimulatedStage {
  stage: Stage;
  fleet: SimulatedFleet;
  candidates: Candidates;
  newestProposed: number;
  /** Forward, by its last step. */
  completedNow: readonly Rollout[];
}

export interface SimulatedStages {
  nowMs: number;
  /** The newest that is Ready; 0 for none. */
  newest: number;
  automated: boolean;
  stages: SimulatedStage[];
  events: RolloutEvent[];
}

export function simulatedStages(written: unknown, clusters = 2): SimulatedStages {
  const parsed = stagesOf(written, {});
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  const stages = parsed.stages.map((stage, at) => {
    const fleet = simulatedFleet(stage.strategy, clusters);
    // Ids of rollouts are unique over all stages.
    fleet.ids = at * 1000;
    return { stage, fleet, candidates: noCandidates, newestProposed: 0, completedNow: [] };
  });
  return { nowMs: stages[0]?.fleet.nowMs ?? 0, newest: 0, automated: true, stages, events: [] };
}

export function stageNamed(all: SimulatedStages, name: string): SimulatedStage {
  const found = all.stages.find(({ stage }) => stage.name === name);
  if (found === undefined) throw new Error(`no stage ${name}`);
  return found;
}

/** Whether anything changed. */
export function look(all: SimulatedStages): boolean {
  let changed = false;
  for (const own of all.stages) changed = lookAt(all, own) || changed;
  return changed;
}

/** Moves the clock in strides, with the clusters at work and a look after each. */
export function pass(all: SimulatedStages, durationMs: number, strideMs = 5_000): void {
  const endMs = all.nowMs + durationMs;
  while (all.nowMs < endMs) {
    all.nowMs = Math.min(endMs, all.nowMs + strideMs);
    for (const { fleet } of all.stages) {
      fleet.nowMs = all.nowMs;
      work(fleet);
    }
    look(all);
  }
}

export function commit(all: SimulatedStages): number {
  all.newest += 1;
  look(all);
  return all.newest;
}

export function promoteBy(
  all: SimulatedStages,
  name: string,
  revision: number | null = null,
): PersonsPromotion {
  const own = stageNamed(all, name);
  const { stage, fleet, candidates, newestProposed } = own;
  const before = beforeOf(all, own);
  if (before === null) throw new Error(`${name} is the first stage`);
  const input = { stage, before, newestProposed, rolloutId: freshId(fleet), revision, by: 'alice' };
  const result = promoteTo(fleet.state, candidates, input, observations(fleet), all.nowMs);
  if (result.ok) save(all, own, result.state, result.candidates, result.events);
  return result;
}

/** What its clusters are assigned. */
export function revisionsIn(all: SimulatedStages, name: string): (number | null)[] {
  return [...stageNamed(all, name).fleet.state.targets.values()].map(({ revision }) => revision);
}

export function degrade(all: SimulatedStages, stage: string, cluster: string, isDegraded: boolean): void {
  const found = clusterOf(stageNamed(all, stage).fleet, cluster);
  if (found.reported === null) throw new Error(`${cluster} has reported nothing`);
  const health = isDegraded ? 'Degraded' : 'Healthy';
  found.reported = { ...found.reported, health, healthMessage: 'by hand', healthSinceMs: all.nowMs };
}

export function kinds(all: SimulatedStages): string[] {
  const own = ['Candidate', 'CandidateHeld', 'CandidateWithdrawn', 'AwaitingPromotion', 'StagePromoted'];
  return all.events
    .filter(({ kind }) => own.includes(kind))
    .map(({ kind, message }) => `${kind}: ${message}`);
}

function lookAt(all: SimulatedStages, own: SimulatedStage): boolean {
  const { fleet } = own;
  const seen = observations(fleet);
  const before = beforeOf(all, own);
  const rejected = before === null ? fleet.state.rejected : before.fleet.rejected;
  const dropped = dropRejected({ ...fleet.state, rejected }, all.nowMs);
  fleet.state = dropped.state;
  const taken = before === null ? takeNewest(all, own) : takeNext(all, own, before);
  const step = next(fleet.strategy, taken.state, seen, all.nowMs);
  const events = [...dropped.events, ...taken.events, ...step.events];
  const changed = taken.candidates !== own.candidates || events.length + step.assignments.length > 0;
  own.completedNow = step.state.closed.filter(isCompleted);
  save(all, own, step.state, taken.candidates, events);
  fleet.checks = step.wanted.checks;
  for (const { target, assignment, revision, bundle } of step.assignments)
    clusterOf(fleet, target).task = { assignment, revision, bundle, atMs: all.nowMs };
  for (const other of all.stages) other.fleet.state = { ...other.fleet.state, rejected: step.state.rejected };
  return changed;
}

function takeNewest(all: SimulatedStages, { fleet, stage, newestProposed, candidates }: SimulatedStage) {
  const unmoved = { state: fleet.state, candidates, events: [] };
  if (all.newest <= newestProposed) return unmoved;
  const { strategy } = stage;
  const proposal = {
    id: freshId(fleet),
    revision: all.newest,
    strategy,
    automated: all.automated,
    by: 'automation',
  };
  const result = propose(fleet.state, proposal, observations(fleet), all.nowMs);
  return result.ok ? { ...result, candidates } : unmoved;
}

function takeNext(all: SimulatedStages, own: SimulatedStage, before: StageBefore) {
  const { stage, fleet, candidates, newestProposed } = own;
  const input = { stage, before, newestProposed, automated: all.automated, rolloutId: freshId(fleet) };
  return stepPromotion(fleet.state, candidates, input, observations(fleet), all.nowMs);
}

function beforeOf(all: SimulatedStages, own: SimulatedStage): StageBefore | null {
  const at = all.stages.findIndex(({ stage }) => stage === own.stage);
  const before = all.stages[at - 1];
  if (before === undefined) return null;
  const { stage, fleet, completedNow } = before;
  const rollouts = new Map(
    fleet.closed.filter(isCompleted).map(({ revision, id }): [number, string] => [revision, id]),
  );
  return { name: stage.name, fleet: fleet.state, seen: observations(fleet), rollouts, completedNow };
}

function isCompleted({ phase, kind }: Rollout): boolean {
  return phase === 'Completed' && kind === 'forward';
}

function save(
  all: SimulatedStages,
  own: SimulatedStage,
  state: SimulatedFleet['state'],
  candidates: Candidates,
  events: readonly RolloutEvent[],
): void {
  const made: (Rollout | null)[] = [state.open, state.waiting, ...state.closed];
  const forward = made
    .filter((rollout) => rollout?.kind === 'forward')
    .map((rollout) => rollout?.revision ?? 0);
  own.newestProposed = Math.max(own.newestProposed, newestKnown(state), ...forward);
  own.candidates = candidates;
  own.fleet.closed.push(...state.closed);
  own.fleet.state = { ...state, closed: [] };
  all.events.push(...events);
}
