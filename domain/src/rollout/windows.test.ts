/** Sync windows: of the project, of a wave, and what they never hold up. */
import { describe, expect, test } from 'vitest';
import type { Window } from '../window/window.ts';
import { describeRollout } from './describe.ts';
import { next } from './next.ts';
import {
  minuteMs,
  neverOpen,
  outcomes,
  phase,
  propose,
  revisions,
  settled,
  strategyOf,
} from './testing/scenario.ts';
import { addCluster, apply, observations, run, tick, type SimulatedFleet } from './testing/simulatedFleet.ts';
import { tallyOf } from './tally.ts';
import * as verbs from './verbs.ts';

/** Open from the full hour on for ten minutes. */
const hourly = { schedule: '0 * * * *', duration: '10m' };
const twoWaves = strategyOf({
  waves: [
    { name: 'canary', clusters: { names: ['c000'] } },
    { name: 'prod', clusters: { names: ['*'] }, window: hourly, maxConcurrent: 1 },
  ],
});

/** To this minute of the next hour. */
function runTo(fleet: SimulatedFleet, minute: number): void {
  const hourMs = 60 * minuteMs;
  const nextMs = (Math.floor(fleet.nowMs / hourMs) + 1) * hourMs + minute * minuteMs;
  run(fleet, nextMs - fleet.nowMs);
}

function waiting(fleet: SimulatedFleet): string {
  const { open } = fleet.state;
  if (open === null) throw new Error('nothing is open');
  return describeRollout(open, tallyOf(open), fleet.nowMs).waitsFor;
}

function events(fleet: SimulatedFleet, kind: string): string[] {
  return fleet.events.filter((event) => event.kind === kind).map(({ message }) => message);
}

describe('a window of a wave', () => {
  test('lets the waves before it go, and holds its own until it opens, and says until when', () => {
    const fleet = settled(twoWaves, 2);
    runTo(fleet, 20);
    propose(fleet, 2);
    run(fleet, 2 * minuteMs);
    expect(revisions(fleet)).toEqual([2, 1]);
    expect(waiting(fleet)).toBe(
      'wave prod waits for a sync window until 1970-01-01 02:00 UTC (allows from 0 * * * * for 10m, UTC)',
    );
    expect(fleet.state.open?.waves[1]?.announcedUntilMs).toBe(2 * 60 * minuteMs);
    const step = tick(fleet);
    expect(step.wakeAtMs).toBe(2 * 60 * minuteMs);
    runTo(fleet, 1);
    expect(revisions(fleet)).toEqual([2, 2]);
    expect(events(fleet, 'WaveWaits')).toHaveLength(1);
  });

  test('that closes in the middle stalls nothing that runs, and keeps back the rest', () => {
    const fleet = settled(twoWaves, 3);
    fleet.takesMs = 8 * minuteMs;
    runTo(fleet, 50);
    propose(fleet, 2);
    runTo(fleet, 12);
    expect(outcomes(fleet)).toEqual({ c000: 'Succeeded', c001: 'Succeeded', c002: 'Progressing' });
    run(fleet, 10 * minuteMs);
    expect(phase(fleet)).toBe('Completed');
  });

  test('that closes before the next turn is said of a wave that is open', () => {
    const fleet = settled(twoWaves, 3);
    fleet.takesMs = 12 * minuteMs;
    runTo(fleet, 40);
    propose(fleet, 2);
    runTo(fleet, 30);
    expect(revisions(fleet)).toEqual([2, 2, 1]);
    expect(waiting(fleet)).toMatch(/^wave prod: 1 of 2 wait for a sync window until 1970-01-01 0\d:00 UTC/);
    runTo(fleet, 1);
    expect(revisions(fleet)).toEqual([2, 2, 2]);
    expect(waiting(fleet)).toMatch(/^wave prod: 1 of 2 in progress until .* at the latest$/);
  });

  test('does not stand in the way of a rollback', () => {
    const fleet = settled(strategyOf({ onFailure: 'rollback', window: hourly }), 2);
    runTo(fleet, 5);
    fleet.fate = (_, revision) => (revision === 2 ? 'degrades' : 'ok');
    fleet.takesMs = 6 * minuteMs;
    propose(fleet, 2);
    run(fleet, 10 * minuteMs);
    expect(revisions(fleet)).toEqual([1, 1]);
  });
});

describe('windows of the project', () => {
  const passable: Window = { ...neverOpen, manualSync: true };

  test('hold waves, lane and rollbacks alike', () => {
    const fleet = settled(strategyOf({}), 2);
    fleet.windows = [neverOpen];
    addCluster(fleet, 'new', {});
    propose(fleet, 2);
    run(fleet, minuteMs);
    expect(revisions(fleet)).toEqual([1, 1, null]);
    expect(waiting(fleet)).toMatch(/^wave all waits for a sync window until/);
  });

  test('let a person pass where they say so, and never automation', () => {
    const fleet = settled(strategyOf({}), 1);
    fleet.windows = [passable];
    propose(fleet, 2);
    run(fleet, minuteMs);
    expect(revisions(fleet)).toEqual([1]);
    const proposal = { id: 'by-ann', revision: 2, strategy: fleet.strategy, automated: true, by: 'ann' };
    apply(fleet, verbs.start(fleet.state, proposal, observations(fleet), fleet.nowMs));
    run(fleet, minuteMs);
    expect(revisions(fleet)).toEqual([2]);
  });

  test('let a person ask for one target again', () => {
    const fleet = settled(strategyOf({}), 2);
    fleet.windows = [passable];
    apply(fleet, verbs.retry(fleet.state, 'c001', 'ann', fleet.nowMs));
    const step = tick(fleet);
    expect(step.assignments.map(({ target }) => target)).toEqual(['c001']);
  });

  test('of one target hold that target only', () => {
    const fleet = settled(strategyOf({}), 2);
    propose(fleet, 2);
    const windows = (target: string) => (target === 'c001' ? [neverOpen] : []);
    const seen = { ...observations(fleet), windows };
    const step = next(fleet.strategy, fleet.state, seen, fleet.nowMs);
    expect(step.assignments.map(({ target }) => target)).toEqual(['c000']);
    expect(step.events.map(({ message }) => message)).toContainEqual(
      expect.stringMatching(/^wave all waits for a sync window/),
    );
  });
});
