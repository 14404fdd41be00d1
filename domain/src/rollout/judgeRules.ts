/** By which soak and deadline an assignment is judged, depending on what made it. */
import type { JudgeRules } from './outcome.ts';
import type { Rollout, TargetOutcome } from './state.ts';
import type { Observations } from './step.ts';
import type { Strategy } from './strategy.ts';

type Seen = Pick<Observations, 'outages'>;

export function waveRules(open: Rollout, outcome: TargetOutcome, seen: Seen): JudgeRules {
  const wave = open.strategy.waves[outcome.wave];
  const deadlineMs = wave?.deadlineMs ?? open.strategy.deadlineMs;
  return { soakMs: wave?.soakMs ?? 0, deadlineMs, outages: seen.outages };
}

/** In flight from a superseded rollout: ends with its operation, the soak is no longer asked for. */
export function carriedRules(open: Rollout, seen: Seen): JudgeRules {
  return { soakMs: 0, deadlineMs: open.strategy.deadlineMs, outages: seen.outages };
}

export function laneRules(strategy: Strategy, seen: Seen): JudgeRules {
  return { soakMs: 0, deadlineMs: strategy.deadlineMs, outages: seen.outages };
}
