/** The words in which the tests of the state machine tell their stories. */
import { parseStrategy } from '../parseStrategy.ts';
import { defaultStrategy, type Strategy } from '../strategy.ts';
import * as verbs from '../verbs.ts';
import type { Window } from '../../window/window.ts';
import {
  apply,
  freshId,
  observations,
  run,
  simulatedFleet,
  tick,
  type SimulatedFleet,
} from './simulatedFleet.ts';

export const minuteMs = 60_000;

/** Of a project: denies a year from each New Year on. */
export const neverOpen: Window = {
  kind: 'deny',
  schedule: '0 0 1 1 *',
  durationMs: 366 * 24 * 60 * minuteMs,
  timeZone: 'UTC',
  manualSync: false,
};

export function strategyOf(input: unknown): Strategy {
  const parsed = parseStrategy(input);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.strategy;
}

export function propose(fleet: SimulatedFleet, revision: number, automated = true): void {
  const proposal = { id: freshId(fleet), revision, strategy: fleet.strategy, automated, by: 'automation' };
  apply(fleet, verbs.propose(fleet.state, proposal, observations(fleet), fleet.nowMs));
}

export function outcomes(fleet: SimulatedFleet): Record<string, string> {
  const rollout = fleet.state.open ?? fleet.closed.at(-1);
  const entries = [...(rollout?.outcomes.values() ?? [])].map(({ target, outcome, reason }) => [
    target,
    reason === '' ? outcome : `${outcome}(${reason})`,
  ]);
  return Object.fromEntries(entries) as Record<string, string>;
}

export function count(fleet: SimulatedFleet, outcome: string): number {
  return Object.values(outcomes(fleet)).filter((found) => found === outcome).length;
}

export function revisions(fleet: SimulatedFleet): (number | null)[] {
  return [...fleet.state.targets.values()].map(({ revision }) => revision);
}

export function phase(fleet: SimulatedFleet): string {
  return fleet.state.open?.phase ?? fleet.closed.at(-1)?.phase ?? 'none';
}

/** A fleet on which revision 1 has been completed. */
export function settled(strategy: Strategy, clusters: number): SimulatedFleet {
  const fleet = simulatedFleet(defaultStrategy, clusters);
  propose(fleet, 1);
  tick(fleet);
  run(fleet, 2 * minuteMs);
  if (phase(fleet) !== 'Completed') throw new Error(`revision 1 is ${phase(fleet)}`);
  fleet.strategy = strategy;
  return fleet;
}
