/** Gates of waves, one guarantee a test. */
import { expect, test } from 'vitest';
import { describeRollout, timeWords } from './describe.ts';
import { estimateEnd } from './estimate.ts';
import { tallyOf } from './tally.ts';
import { minuteMs, phase, propose, revisions, settled, strategyOf } from './testing/scenario.ts';
import { apply, report, run, tick, type SimulatedFleet } from './testing/simulatedFleet.ts';
import * as verbs from './verbs.ts';

const http = { url: 'https://shop.example.com/health' };
const gate = { name: 'errors', http, interval: '1m', count: 2, failureLimit: 1 };

function gated(more: object = {}, wave: object = {}): SimulatedFleet {
  const waves = [{ name: 'canary', clusters: { names: ['c000'] }, gates: [] }];
  const prod = { name: 'prod', clusters: { names: ['*'] }, ...wave };
  const fleet = settled(strategyOf({ waves: [...waves, { gates: [gate], ...prod }], ...more }), 3);
  propose(fleet, 2);
  tick(fleet);
  return fleet;
}

/** The canary is done and its successor waits for its gate. */
function waiting(more: object = {}, wave: object = {}): SimulatedFleet {
  const fleet = gated(more, wave);
  for (let round = 0; round < 20 && fleet.checks.length === 0; round++) run(fleet, 5_000);
  return fleet;
}

const says = (isSuccess: boolean, message: string) => () => ({ isSuccess, message });

function waitsFor(fleet: SimulatedFleet) {
  const { open } = fleet.state;
  if (open === null) throw new Error('nothing is open');
  return describeRollout(open, tallyOf(open), fleet.nowMs);
}

test('a wave opens only when its gate has succeeded as often as it must, the first check being made at once', () => {
  const fleet = waiting();
  expect(fleet.checks).toMatchObject([{ wave: 'prod', gate: 'errors', run: 0, check: 1 }]);
  expect(revisions(fleet)).toEqual([2, 1, 1]);
  run(fleet, 5_000);
  expect(tick(fleet)).toMatchObject({ wanted: { checks: [] }, wakeAtMs: fleet.nowMs + minuteMs });
  expect(revisions(fleet)).toEqual([2, 1, 1]);
  run(fleet, minuteMs + 5_000);
  expect(revisions(fleet)).toEqual([2, 2, 2]);
  const told = fleet.events.filter(({ kind }) => kind === 'GateChecked' || kind === 'WaveWaits');
  expect(told.map(({ message }) => message)).toEqual([
    'wave prod waits for gate errors',
    'wave prod: gate errors passed a check: status 200 (1 of 2 passed, 0 failed of 1 allowed)',
    'wave prod: gate errors passed a check: status 200 (2 of 2 passed, 0 failed of 1 allowed)',
  ]);
});

test('a failure that is allowed takes no success away', () => {
  const fleet = waiting();
  fleet.gate = ({ check }) => ({ isSuccess: check !== 2, message: '' });
  run(fleet, 3 * minuteMs);
  expect(phase(fleet)).toBe('Completed');
});

test('a check counts once, whoever reports it how often, and not after its gate started over', () => {
  const fleet = waiting();
  const [first] = fleet.checks;
  if (first === undefined) throw new Error('no check');
  expect([report(fleet, first), report(fleet, first)]).toEqual([true, false]);
  expect(report(fleet, { ...first, check: 3 })).toBe(false);
  fleet.gate = says(false, '0.07 above 0.05');
  run(fleet, 3 * minuteMs);
  apply(fleet, verbs.resume(fleet.state, 'ann', fleet.nowMs));
  expect(report(fleet, first)).toBe(false);
});

test('a gate that fails more often than it may pauses the rollout and says why; resume checks it from the start', () => {
  const fleet = waiting();
  fleet.gate = says(false, '0.07 above 0.05');
  run(fleet, 2 * minuteMs);
  expect(fleet.state.open).toMatchObject({
    phase: 'Paused',
    pausedBy: 'failures',
    phaseReason: 'wave prod: gate errors failed 2 of 2 checks: 0.07 above 0.05',
  });
  expect(revisions(fleet)).toEqual([2, 1, 1]);
  apply(fleet, verbs.resume(fleet.state, 'ann', fleet.nowMs));
  expect(tick(fleet).wanted.checks).toMatchObject([{ gate: 'errors', run: 1, check: 1 }]);
  fleet.gate = says(true, '0.01 at most 0.05');
  run(fleet, 2 * minuteMs);
  expect(revisions(fleet)).toEqual([2, 2, 2]);
});

test('a gate that fails rolls back, or lets the wave pass, where the strategy says so', () => {
  const back = waiting({ onFailure: 'rollback' });
  back.gate = says(false, 'status 500, not 200 to 299');
  run(back, 3 * minuteMs);
  expect(back.closed.slice(-2).map(({ phase: closed }) => closed)).toEqual(['RolledBack', 'Completed']);
  expect(revisions(back)).toEqual([1, 1, 1]);
  expect(back.state.rejected).toEqual([2]);
  const on = waiting({ onFailure: 'continue' });
  on.gate = says(false, 'status 500, not 200 to 299');
  run(on, 3 * minuteMs);
  expect(on.events.find(({ kind }) => kind === 'BudgetPassed')?.message).toMatch(
    /^goes on all the same: .*gate errors/,
  );
  expect(revisions(on)).toEqual([2, 2, 2]);
});

test('what a gate said counts only for the revision it was asked about', () => {
  const fleet = waiting();
  const [first] = fleet.checks;
  run(fleet, 10_000);
  propose(fleet, 3);
  tick(fleet);
  expect(first !== undefined && report(fleet, first)).toBe(false);
  for (let round = 0; round < 20 && fleet.checks.length === 0; round++) run(fleet, 5_000);
  expect(fleet.checks).toMatchObject([{ gate: 'errors', run: 0, check: 1 }]);
  run(fleet, 5_000);
  expect(revisions(fleet)).toEqual([3, 1, 1]);
});

test('an approval lets nothing past a gate, which is checked after it; promote does', () => {
  const fleet = gated({}, { approval: true });
  fleet.gate = says(false, 'no');
  run(fleet, minuteMs);
  expect(fleet.checks).toEqual([]);
  expect(verbs.promote(fleet.state, 'ann', fleet.nowMs)).toMatchObject({ ok: false });
  apply(fleet, verbs.approve(fleet.state, 'prod', 'ann', fleet.nowMs));
  tick(fleet);
  expect(fleet.checks).toHaveLength(1);
  expect(revisions(fleet)).toEqual([2, 1, 1]);
  apply(fleet, verbs.promote(fleet.state, 'ann', fleet.nowMs));
  expect(fleet.events.at(-1)?.message).toBe('wave prod past gate errors, by ann');
  run(fleet, minuteMs);
  expect(revisions(fleet)).toEqual([2, 2, 2]);
});

test('a wave without targets and the way back pass without a gate', () => {
  const empty = gated({}, { clusters: { names: ['nobody'] } });
  run(empty, minuteMs);
  expect(phase(empty)).toBe('Completed');
  const fleet = gated({ waves: [], gates: [gate] });
  run(fleet, 3 * minuteMs);
  const of = fleet.closed.at(-1);
  if (of === undefined) throw new Error('nothing has closed');
  fleet.gate = says(false, 'no');
  apply(
    fleet,
    verbs.rollback(
      fleet.state,
      { id: 'x-0000', of, by: 'ann', reason: '' },
      { targets: new Map() },
      fleet.nowMs,
    ),
  );
  run(fleet, minuteMs);
  expect(revisions(fleet)).toEqual([1, 1, 1]);
});

test('a plan that is required is a gate of the first wave, also where that has no targets, and of no other', () => {
  const canary = { name: 'canary', clusters: { names: ['nobody'] }, gates: [] };
  const strategy = strategyOf({ plan: 'required', waves: [canary] });
  expect(strategy.waves.map(({ gates }) => gates.map(({ name }) => name))).toEqual([['plan'], []]);
  const fleet = settled(strategy, 2);
  fleet.gate = says(false, '1 would fail: denied');
  propose(fleet, 2);
  run(fleet, minuteMs);
  expect(fleet.state.open).toMatchObject({
    phase: 'Paused',
    phaseReason: 'wave canary: gate plan failed 1 of 1 checks: 1 would fail: denied',
  });
  expect(revisions(fleet)).toEqual([1, 1]);
  apply(fleet, verbs.promote(fleet.state, 'ann', fleet.nowMs));
  apply(fleet, verbs.resume(fleet.state, 'ann', fleet.nowMs));
  run(fleet, minuteMs);
  expect(revisions(fleet)).toEqual([2, 2]);
});

test('a rollout says how far its gate has come, and when it can have passed', () => {
  const fleet = waiting();
  fleet.gate = says(false, '0.07 above 0.05');
  const at = (ms: number) => timeWords(ms, fleet.nowMs);
  expect(waitsFor(fleet)).toMatchObject({
    waitsFor: `wave prod waits for gate errors (0 of 2 passed); ${at(fleet.nowMs + minuteMs)} at the earliest`,
    untilMs: fleet.nowMs + minuteMs,
  });
  run(fleet, 5_000);
  const endMs = fleet.nowMs + 2 * minuteMs;
  expect(waitsFor(fleet)).toMatchObject({
    waitsFor: `wave prod waits for gate errors (0 of 2 passed, 1 failed: 0.07 above 0.05); ${at(endMs)} at the earliest`,
    untilMs: endMs,
  });
  const { open } = fleet.state;
  expect(open === null ? null : estimateEnd(open, tallyOf(open), fleet.nowMs)).toBeGreaterThan(endMs);
});
