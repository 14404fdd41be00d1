/**
 * The rollout state machine of one application: judge what was observed, settle the rollout, open waves, assign.
 *
 * `next` is pure and total. Running it twice on the same observations changes nothing the second time, whatever
 * happened to the save of the first. A step asks for what it lacks (`wanted`) instead of waiting for it.
 */
import type { Strategy } from './strategy.ts';
import type { FleetState } from './state.ts';
import type { Observations, Step } from './step.ts';

/** `strategy` is the application's present one: it governs the lane. An open rollout goes by its own copy. */
export function next(strategy: Strategy, state: FleetState, observations: Observations, nowMs: number): Step {
  throw new Error(`not written yet ${String(strategy)} ${String(state)} ${String(observations)} ${nowMs}`);
}
