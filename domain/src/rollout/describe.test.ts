import { expect, test } from 'vitest';
import { describeRollout, dropWords, timeWords, type RolloutView } from './describe.ts';
import { tallyOf } from './tally.ts';
import { minuteMs, propose, settled, strategyOf } from './testing/scenario.ts';
import { apply, run, tick, type SimulatedFleet } from './testing/simulatedFleet.ts';
import * as verbs from './verbs.ts';

const strategy = strategyOf({
  waves: [
    { name: 'canary', clusters: { names: ['c000'] }, soak: '5m' },
    { name: 'prod', clusters: { names: ['*'] }, approval: true, maxFailures: 1 },
  ],
});

function viewOf(fleet: SimulatedFleet): RolloutView {
  const { open } = fleet.state;
  if (open === null) throw new Error('nothing is open');
  return describeRollout(open, tallyOf(open), fleet.nowMs);
}

test('a rollout says what it waits for, and until when', () => {
  const fleet = settled(strategy, 3);
  propose(fleet, 2);
  tick(fleet);
  const deadlineMs = fleet.nowMs + 30 * minuteMs;
  expect(viewOf(fleet)).toMatchObject({
    waitsFor: `wave canary: 1 of 1 in progress until ${timeWords(deadlineMs, fleet.nowMs)} at the latest`,
    untilMs: deadlineMs,
  });
  run(fleet, minuteMs);
  const view = viewOf(fleet);
  const soakedMs = (fleet.state.open?.outcomes.get('c000')?.healthyFromMs ?? 0) + 5 * minuteMs;
  expect(view).toMatchObject({
    waitsFor: `wave canary: 1 of 1 soaking until ${timeWords(soakedMs, fleet.nowMs)}`,
    untilMs: soakedMs,
  });
  expect(view.waves).toMatchObject([
    { name: 'canary', state: 'Soaking', targets: 1, tally: { counts: { Soaking: 1 } } },
    { name: 'prod', state: 'Waiting', targets: 2, tally: { counts: { Pending: 2 } } },
    { name: 'rest', state: 'Waiting', targets: 0, tally: { counts: {} } },
  ]);
  run(fleet, 5 * minuteMs);
  expect(viewOf(fleet)).toMatchObject({ waitsFor: 'wave prod waits for approval', untilMs: null });
  apply(fleet, verbs.pause(fleet.state, 'ann', 'lunch', fleet.nowMs));
  expect(viewOf(fleet)).toMatchObject({ waitsFor: 'paused: lunch', untilMs: null });
});

test('a wave counts what failed and what turned bad, and a question comes before everything', () => {
  const fleet = settled(strategy, 3);
  propose(fleet, 2);
  fleet.fate = (cluster) => (cluster === 'c001' ? 'operationFails' : 'ok');
  run(fleet, 7 * minuteMs);
  apply(fleet, verbs.approve(fleet.state, 'prod', 'ann', fleet.nowMs));
  tick(fleet);
  fleet.nowMs += 2 * minuteMs;
  const { open } = fleet.state;
  if (open === null) throw new Error('nothing is open');
  expect(viewOf(fleet).waves[1]).toMatchObject({ state: 'Running', tally: { failures: 0 } });
  run(fleet, 10_000);
  const closed = fleet.closed.at(-1);
  expect(closed === undefined ? null : tallyOf(closed).waves[1]).toMatchObject({
    counts: { Failed: 1, Succeeded: 1 },
    failures: 1,
  });
  const asked = { ...open, heldDrops: [{ revision: 2, dropped: 12, total: 30, sinceMs: 0 }] };
  expect(describeRollout(asked, tallyOf(asked), fleet.nowMs).waitsFor).toBe(
    'confirmation: revision 2 drops 12 of 30 objects',
  );
});

test('nothing is promised of a bundle that nobody knows any more', () => {
  const unknown = Number.MAX_SAFE_INTEGER;
  expect(dropWords({ revision: 2, dropped: unknown, total: unknown, sinceMs: 0 })).toBe(
    'revision 2 may drop any object: what is there now is not kept any more',
  );
});

test('a time of another day has its date', () => {
  const nowMs = Date.parse('2026-11-30T23:50:00Z');
  expect(timeWords(nowMs + 5 * minuteMs, nowMs)).toBe('23:55 UTC');
  expect(timeWords(nowMs + 15 * minuteMs, nowMs)).toBe('2026-12-01 00:05 UTC');
});
