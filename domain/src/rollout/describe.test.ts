import { expect, test } from 'vitest';
import { heldBy, waitsFor, waveViews } from './describe.ts';
import type { Rollout } from './state.ts';
import { minuteMs, propose, settled, strategyOf } from './testing/scenario.ts';
import { apply, run, tick, type SimulatedFleet } from './testing/simulatedFleet.ts';
import * as verbs from './verbs.ts';

const strategy = strategyOf({
  waves: [
    { name: 'canary', clusters: { names: ['c000'] }, soak: '5m' },
    { name: 'prod', clusters: { names: ['*'] }, approval: true },
  ],
});

function openOf(fleet: SimulatedFleet): Rollout {
  if (fleet.state.open === null) throw new Error('nothing is open');
  return fleet.state.open;
}

test('a rollout says what it waits for, and how long', () => {
  const fleet = settled(strategy, 3);
  propose(fleet, 2);
  tick(fleet);
  expect(waitsFor(openOf(fleet), fleet.nowMs)).toBe('wave canary: 1 of 1 in progress');
  run(fleet, minuteMs);
  expect(waitsFor(openOf(fleet), fleet.nowMs)).toMatch(/^wave canary: 1 of 1 soaking, 4m\d+s left$/);
  expect(waveViews(openOf(fleet), fleet.nowMs)).toMatchObject([
    { name: 'canary', state: 'Soaking', targets: 1, counts: { Soaking: 1 } },
    { name: 'prod', state: 'Waiting', targets: 2, counts: { Pending: 2 } },
    { name: 'rest', state: 'Waiting', targets: 0, counts: {} },
  ]);
  run(fleet, 5 * minuteMs);
  expect(waitsFor(openOf(fleet), fleet.nowMs)).toBe('wave prod waits for approval');
  apply(fleet, verbs.pause(fleet.state, 'ann', 'lunch', fleet.nowMs));
  expect(waitsFor(openOf(fleet), fleet.nowMs)).toBe('paused: lunch');
});

test('a target says what keeps it where it is', () => {
  const fleet = settled(strategy, 2);
  propose(fleet, 2, false);
  const target = fleet.state.targets.get('c001');
  if (target === undefined) throw new Error('no target');
  const connected = { state: 'Active', connected: true };
  expect(heldBy(target, connected, fleet.state)).toBe('manual sync');
  expect(heldBy(target, { state: 'Paused', connected: true }, fleet.state)).toBe('cluster Paused');
  expect(heldBy(target, { state: 'Active', connected: false }, fleet.state)).toBe('offline');
  expect(heldBy({ ...target, leaving: true }, connected, fleet.state)).toBe('leaving');
  expect(heldBy(target, connected, { open: null, waiting: null })).toBe('');
});
