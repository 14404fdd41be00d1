/**
 * When time alone will change something: the earliest soak end, deadline, long-enough degradation, end of a pin, change
 * of a sync window or next check of a gate.
 */
import type { Draft } from './draft.ts';
import { degradedForMs, degradedSinceOf, wakeOf } from './outcome.ts';
import { carriedRules, laneRules, waveRules } from './judgeRules.ts';
import type { Observations } from './step.ts';
import type { Strategy } from './strategy.ts';
import { nextWindowChange } from './windows.ts';

/** Of the state that the step ends in; null: only news can change it. */
export function wakeTime(draft: Draft, strategy: Strategy, seen: Observations): number | null {
  const times = [
    ...rolloutTimes(draft, seen),
    ...targetTimes(draft, strategy, seen),
    ...windowTimes(draft),
    ...draft.checkTimes,
  ];
  return times.reduce<number | null>((least, time) => (least === null || time < least ? time : least), null);
}

/** Windows were only asked for where something is to be assigned. */
function windowTimes(draft: Draft): number[] {
  const time = nextWindowChange(draft);
  return time === null ? [] : [time];
}

function rolloutTimes(draft: Draft, seen: Observations): number[] {
  const { open } = draft.state;
  if (open === null) return [];
  const times: (number | null)[] = [];
  for (const outcome of open.outcomes.values()) {
    const observation = seen.targets.get(outcome.target);
    const since =
      outcome.outcome === 'Succeeded' && outcome.regressedAtMs === null
        ? degradedSinceOf(outcome, observation)
        : null;
    const isPresent = draft.targets.get(outcome.target)?.assignment === outcome.assignment;
    if (since !== null && isPresent) times.push(since + degradedForMs);
    else times.push(wakeOf(outcome, observation, waveRules(open, outcome, seen), draft.nowMs));
  }
  for (const progress of open.carried) {
    times.push(wakeOf(progress, seen.targets.get(progress.target), carriedRules(open, seen), draft.nowMs));
  }
  return times.filter((time) => time !== null);
}

function targetTimes(draft: Draft, strategy: Strategy, seen: Observations): number[] {
  const times: (number | null)[] = [];
  for (const { id, lane, pin } of draft.targets.values()) {
    if (pin !== null) times.push(pin.expiresAtMs);
    if (lane !== null) times.push(wakeOf(lane, seen.targets.get(id), laneRules(strategy, seen), draft.nowMs));
  }
  return times.filter((time) => time !== null);
}
