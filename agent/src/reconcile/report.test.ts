/** When a target's state is told: what is under way within a window, its end at once and not behind something else. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { ObservedState } from '@flotilla/domain/status/observed';
import { systemClock } from '../clock.ts';
import { testBody, testHead } from '../hub/desired.fixture.ts';
import { createReporter } from './report.ts';
import type { Target } from './target.ts';
import { newTarget } from './target.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function setUp() {
  const told: { state: ObservedState; isEnd: boolean }[] = [];
  const reporter = createReporter({
    clock: systemClock(),
    onState: (state, isEnd) => void told.push({ state, isEnd }),
  });
  const target = newTarget({ ...testHead(), body: 'body' }, testBody(), 'hub');
  return { told, reporter, target };
}

function begin(target: Target): void {
  const startedAt = new Date().toISOString();
  target.operation = {
    assignment: 1,
    phase: 'Running',
    message: '',
    startedAt,
    finishedAt: null,
    attempt: 1,
  };
}

function end(target: Target): void {
  if (target.operation === null) throw new Error('nothing runs');
  target.operation = { ...target.operation, phase: 'Succeeded', finishedAt: new Date().toISOString() };
  target.finishedAssignment = 1;
}

test('an operation that ends within the window is told once, at its end', () => {
  const { told, reporter, target } = setUp();
  target.conditions.set('WaitingForBundle', 'not on disk yet');
  reporter.schedule(target);
  vi.advanceTimersByTime(40);
  target.conditions.clear();
  begin(target);
  reporter.schedule(target);
  vi.advanceTimersByTime(40);
  expect(told).toEqual([]);
  end(target);
  reporter.report(target);
  expect(told.map(({ state, isEnd }) => [state.operation?.phase, isEnd])).toEqual([['Succeeded', true]]);
  vi.advanceTimersByTime(1_000);
  expect(told.length).toBe(1);
});

test('one that takes longer is seen to run', () => {
  const { told, reporter, target } = setUp();
  begin(target);
  reporter.schedule(target);
  vi.advanceTimersByTime(101);
  expect(told.map(({ state }) => state.operation?.phase)).toEqual(['Running']);
});
