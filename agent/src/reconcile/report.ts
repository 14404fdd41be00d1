/**
 * report: hands a target's state on, when it is another than the last one. Changes that come in bursts (a rollout's
 * status, a wave of watch events) are told once per window, the latest winning.
 */
import type { ObservedState } from '@flotilla/domain/status/observed';
import type { Clock } from '../clock.ts';
import { assess } from './assess.ts';
import type { Target } from './target.ts';
import { isUnderWay } from './target.ts';

export interface Reporter {
  /** Something may have changed: looked at within the window. */
  schedule(target: Target): void;
  /** Told now, if it changed. */
  report(target: Target): void;
  stop(): void;
}

const windowMs = 20;
/** While an operation waits or runs its progress is looked at less often: its end is told at once, and then not after something else. */
const underWayWindowMs = 100;

export function createReporter(options: {
  clock: Clock;
  onState: (state: ObservedState, isEnd: boolean) => void;
}): Reporter {
  const { clock, onState } = options;
  const scheduled = new Map<Target, NodeJS.Timeout>();
  const report = (target: Target): void => {
    clearTimeout(scheduled.get(target));
    scheduled.delete(target);
    const state = assess(target, clock.nowMs());
    if (target.state !== null && JSON.stringify(state) === JSON.stringify(target.state)) return;
    const isEnd =
      state.operation?.finishedAt != null &&
      state.operation.finishedAt !== target.state?.operation?.finishedAt;
    target.state = state;
    onState(state, isEnd);
  };
  return {
    schedule: (target) => {
      if (scheduled.has(target)) return;
      const waitMs = isUnderWay(target) ? underWayWindowMs : windowMs;
      const timer = setTimeout(() => report(target), waitMs);
      scheduled.set(target, timer);
    },
    report,
    stop: () => {
      for (const timer of scheduled.values()) clearTimeout(timer);
      scheduled.clear();
    },
  };
}
