/**
 * The rollout state machine of one application: observe → settle → assign.
 *
 * `next` is pure and total. Running it twice on the same observations changes nothing the second time, whatever
 * happened to the save of the first. A step asks for what it lacks (`wanted`) instead of waiting for it.
 */
import { takeTurns } from './assign.ts';
import { draftOf, stepOf, type Draft } from './draft.ts';
import { keepBudget, keepGates, openWaves } from './gates.ts';
import { announceLane, assignLane } from './lane.ts';
import { observeJoiners, observeLane, observePins, observeRollout } from './observe.ts';
import { openForward } from './phases.ts';
import type { FleetState } from './state.ts';
import type { Observations, Step } from './step.ts';
import type { Strategy } from './strategy.ts';
import { wakeTime } from './wake.ts';

/** `strategy` is the application's present one: it governs the lane. An open rollout goes by its own copy. */
export function next(strategy: Strategy, state: FleetState, seen: Observations, nowMs: number): Step {
  const draft = draftOf(state, nowMs);
  observe(draft, strategy, seen);
  moveRollout(draft, seen);
  announceLane(draft, strategy);
  assignLane(draft, strategy, seen);
  return stepOf(draft, wakeTime(draft, strategy, seen));
}

function observe(draft: Draft, strategy: Strategy, seen: Observations): void {
  observePins(draft);
  observeRollout(draft, seen);
  observeJoiners(draft, seen);
  observeLane(draft, strategy, seen);
}

/**
 * Until nothing moves: a target that is deferred when its turn comes may end its wave, which opens the next one. Ends,
 * because outcomes and waves only ever go forward within a step.
 */
function moveRollout(draft: Draft, seen: Observations): void {
  for (;;) {
    const before = draft.state;
    settle(draft, seen);
    takeTurns(draft, seen);
    if (draft.state === before) return;
  }
}

function settle(draft: Draft, seen: Observations): void {
  keepBudget(draft, seen);
  keepGates(draft, seen);
  openWaves(draft, seen);
  startQueued(draft, seen);
}

/** What had to wait for the open rollout starts when that has closed. */
function startQueued(draft: Draft, seen: Observations): void {
  const { open, waiting } = draft.state;
  if (open !== null || waiting?.phase !== 'Queued') return;
  draft.state = { ...draft.state, waiting: null };
  openForward(draft, waiting, seen, []);
}
