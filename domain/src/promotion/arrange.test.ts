import { expect, test } from 'vitest';
import { defaultStrategy } from '../rollout/strategy.ts';
import { emptyFleet, type TargetState } from '../rollout/state.ts';
import { observations, simulatedFleet, addCluster, tick } from '../rollout/testing/simulatedFleet.ts';
import { propose } from '../rollout/testing/scenario.ts';
import { arrange, memoriesOf, type StageMemory, type StageRollouts, type Stored } from './arrange.ts';
import { noCandidates } from './candidates.ts';
import { stagesOf } from './parseStages.ts';
import type { Stage } from './stage.ts';

const env = (name: string) => ({ selector: { matchLabels: { env: name } } });

function stagesNamed(...stageNames: string[]): Stage[] {
  const parsed = stagesOf(
    stageNames.length === 0 ? {} : { stages: stageNames.map((name) => ({ name, clusters: env(name) })) },
    {},
  );
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.stages;
}

/** One cluster an environment, each with revision 3. */
function fleetOf(stage: (env: string) => string, ...envs: string[]) {
  const fleet = simulatedFleet(defaultStrategy, 0);
  for (const name of envs) addCluster(fleet, name, { env: name });
  const targets = new Map(
    [...fleet.state.targets.values()].map((target): [string, TargetState] => [
      target.id,
      { ...target, stage: stage(target.id), revision: 3, given: 3, entitled: 3, assignment: 1, healthy: [3] },
    ]),
  );
  fleet.state = { ...fleet.state, targets, completed: [3] };
  return fleet;
}

function storedOf(targets: Stored['targets'], rollouts: Record<string, Partial<StageRollouts>> = {}): Stored {
  const all = Object.entries(rollouts).map(([name, own]): [string, StageRollouts] => [
    name,
    { ...emptyFleet, ...own },
  ]);
  return { targets, rollouts: new Map(all), rejected: [], confirmedDrops: [] };
}

function memory(name: string, change: Partial<StageMemory> = {}): StageMemory {
  return { name, sinceMs: 0, inherited: [], candidates: noCandidates, ...change };
}

test('an application without stages stays as it is, and nothing of it is copied', () => {
  const { state, ...fleet } = fleetOf(() => '', 'dev', 'production');
  const stored = storedOf(state.targets, { '': { completed: [3] } });
  const arranged = arrange(stagesNamed(), stored, observations({ ...fleet, state }), 5);
  expect(arranged.fleets).toHaveLength(1);
  expect(arranged.fleets[0]?.state.targets).toBe(state.targets);
  expect(arranged.fleets[0]?.before).toBe(arranged.fleets[0]?.state);
  expect(arranged.ended).toEqual([]);
});

test('stages that are turned on inherit what was completed, and move nothing', () => {
  const known = [memory('')];
  const memories = memoriesOf(stagesNamed('dev', 'production'), known, new Map([['', [3, 2]]]), 5);
  expect(memories.map(({ sinceMs, inherited }) => ({ sinceMs, inherited }))).toEqual([
    { sinceMs: 5, inherited: [3, 2] },
    { sinceMs: 5, inherited: [3, 2] },
  ]);
  const fleet = fleetOf(() => '', 'dev', 'production');
  const { fleets } = arrange(
    stagesNamed('dev', 'production'),
    storedOf(fleet.state.targets),
    observations(fleet),
    5,
  );
  expect(
    fleets.map(({ state }) => [...state.targets.values()].map(({ id, stage, given }) => [id, stage, given])),
  ).toEqual([[['dev', 'dev', 3]], [['production', 'production', 3]]]);
  expect([...(fleets[0]?.before.targets.values() ?? [])][0]?.stage).toBe('');
});

test('stages that are turned off leave to the one without a name what the last one completed', () => {
  const known = [memory('dev'), memory('production', { inherited: [1] })];
  const completed = new Map([
    ['dev', [4, 3]],
    ['production', [3, 1]],
  ]);
  expect(memoriesOf(stagesNamed(), known, completed, 5)).toEqual([
    memory('', { sinceMs: 5, inherited: [3, 1] }),
  ]);
});

test('a stage that is new among others inherits nothing; the others keep what is theirs', () => {
  const known = [memory('dev', { sinceMs: 1 }), memory('production', { sinceMs: 1 })];
  const memories = memoriesOf(stagesNamed('dev', 'staging', 'production'), known, new Map([['dev', [4]]]), 5);
  expect(memories[0]).toBe(known[0]);
  expect(memories[1]).toEqual(memory('staging', { sinceMs: 5 }));
  expect(memories[2]).toBe(known[1]);
});

test('a target whose stage is another one joins that as new, with its pin', () => {
  const fleet = fleetOf(() => 'dev', 'dev', 'production');
  const pin = { revision: 2, reason: 'kept', expiresAtMs: null };
  const targets = new Map([...fleet.state.targets].map(([id, target]) => [id, { ...target, pin }]));
  const { fleets } = arrange(stagesNamed('dev', 'production'), storedOf(targets), observations(fleet), 5);
  const [moved] = fleets[1]?.state.targets.values() ?? [];
  expect(moved).toMatchObject({
    id: 'production',
    stage: 'production',
    given: null,
    lane: null,
    revision: 3,
    pin,
  });
});

test('a stage that is no more ends its rollout, and what was given and not assigned comes off', () => {
  const fleet = fleetOf(() => 'prod', 'dev', 'production');
  fleet.strategy = { ...defaultStrategy, waves: [{ ...defaultStrategy.waves[0]!, maxConcurrent: 1 }] };
  propose(fleet, 4);
  tick(fleet);
  const { targets, open } = fleet.state;
  expect([...targets.values()].map(({ given, revision }) => [given, revision])).toEqual([
    [4, 4],
    [4, 3],
  ]);
  const stored = storedOf(targets, { prod: { open } });
  const { ended, events, fleets } = arrange(stagesNamed(), stored, observations(fleet), 5);
  expect(ended[0]?.state.closed[0]).toMatchObject({
    phase: 'Aborted',
    phaseReason: 'the application has no stage prod any more',
  });
  expect(events.map(({ kind }) => kind)).toContain('Closed');
  expect([...(fleets[0]?.state.targets.values() ?? [])].map(({ stage, given }) => [stage, given])).toEqual([
    ['', 4],
    ['', 3],
  ]);
});
