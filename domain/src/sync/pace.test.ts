/** Ladder, retry, wait, fight: the small decisions about when to write and when to leave alone. */
import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import type { HealthStatus } from '../status/words.ts';
import { fightPolicy, fightsIn, recordRevert, type FightRecord } from './fight.ts';
import { climb, mustPass } from './ladder.ts';
import { operationRetry, reconnectDelayMs, retryDelayMs, selfHealDelayMs } from './retry.ts';
import { judgeWave, type WaitedObject } from './wait.ts';

describe('the skip ladder', () => {
  const written = { object: 'o1', sent: 's1', resourceVersion: '7' };
  const base = { object: 'o1', sent: 's1', written, live: 'unchanged' as const, force: false };

  test.each<[string, Partial<Parameters<typeof climb>[0]>, object]>([
    ['the same object, and the watch says it stands', {}, { action: 'skip', rung: 'live' }],
    [
      'the same object at the resourceVersion of our write',
      { live: null, liveResourceVersion: '7' },
      { action: 'skip', rung: 'unchanged' },
    ],
    ['the same object that nobody has seen since', { live: null }, { action: 'patch', reason: 'Unobserved' }],
    ['never written by us', { written: null }, { action: 'patch', reason: 'New' }],
    ['another object', { object: 'o2' }, { action: 'patch', reason: 'Changed' }],
    ['the same object, sent otherwise', { sent: 's2' }, { action: 'patch', reason: 'Changed' }],
    ['drifted', { live: 'inspect' }, { action: 'patch', reason: 'Drifted' }],
    ['gone', { live: 'missing' }, { action: 'patch', reason: 'Missing' }],
    ['made anew', { live: 'recreated' }, { action: 'patch', reason: 'Missing' }],
    ['going away: a write would change nothing', { live: 'deleting' }, { action: 'skip', rung: 'live' }],
    ['asked for', { force: true }, { action: 'patch', reason: 'Forced' }],
  ])('%s', (_name, change, verdict) => {
    expect(climb({ ...base, ...change })).toEqual(verdict);
  });

  test.each([
    [{ bundle: 'b', applied: 'b', drifted: 0, force: false }, false],
    [{ bundle: 'b', applied: 'a', drifted: 0, force: false }, true],
    [{ bundle: 'b', applied: null, drifted: 0, force: false }, true],
    [{ bundle: 'b', applied: 'b', drifted: 1, force: false }, true],
    [{ bundle: 'b', applied: 'b', drifted: 0, force: true }, true],
  ])('the first rung for %o', (input, passes) => {
    expect(mustPass(input)).toBe(passes);
  });
});

describe('retry', () => {
  test('an operation has five tries, 5 s apart at first, doubling', () => {
    expect([1, 2, 3, 4, 5].map((attempt) => retryDelayMs(operationRetry, attempt))).toEqual([
      5000,
      10_000,
      20_000,
      40_000,
      null,
    ]);
    expect(retryDelayMs({ ...operationRetry, limit: 99 }, 12)).toBe(180_000);
  });

  test('a revert is at once, then 2 s, tripling up to five minutes, without end', () => {
    expect([0, 1, 2, 3, 4, 5, 6, 1000].map(selfHealDelayMs)).toEqual([
      0, 2000, 6000, 18_000, 54_000, 162_000, 300_000, 300_000,
    ]);
  });

  test('a reconnect is spread over 1 to 60 s and never before the hub asked', () => {
    expect(reconnectDelayMs(1, 0)).toBe(1000);
    expect(reconnectDelayMs(99, 0.999999)).toBeCloseTo(60_000, -2);
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10_000 }),
        fc.double({ min: 0, max: 0.9999, noNaN: true }),
        fc.nat({ max: 300_000 }),
        (attempt, random, asked) => {
          const delay = reconnectDelayMs(attempt, random, asked);
          expect(delay).toBeGreaterThanOrEqual(Math.max(1000, asked));
          expect(delay).toBeLessThanOrEqual(60_000 + asked);
        },
      ),
    );
  });
});

describe('a sync wave', () => {
  const waited = (name: string, status: HealthStatus | null, message = ''): WaitedObject => ({
    identity: { group: 'apps', kind: 'Deployment', namespace: 'shop', name },
    health: status === null ? null : { status, message },
  });
  const judge = (objects: WaitedObject[], nowMs: number) =>
    judgeWave({ objects, startedAtMs: 0, nowMs, timeoutMs: 60_000 });

  test('is done when every object is Healthy, Suspended or has no health', () => {
    expect(judge([waited('a', 'Healthy'), waited('b', 'Suspended'), waited('c', null)], 10)).toEqual({
      outcome: 'done',
    });
    expect(judge([], 10)).toEqual({ outcome: 'done' });
  });

  test('waits for the others, also for a Degraded one, until its time is up', () => {
    const objects = [
      waited('a', 'Healthy'),
      waited('b', 'Progressing'),
      waited('c', 'Degraded'),
      waited('d', 'Missing'),
    ];
    const verdict = judge(objects, 59_999);
    expect(verdict.outcome === 'waiting' && verdict.on.map((object) => object.identity.name)).toEqual([
      'b',
      'c',
      'd',
    ]);
  });

  test('then names them', () => {
    expect(
      judge([waited('a', 'Progressing', '1 of 3 updated'), waited('b', 'Missing')], 60_000),
    ).toMatchObject({
      outcome: 'degraded',
      message:
        'not healthy after 60 s: Deployment shop/a (Progressing: 1 of 3 updated), Deployment shop/b (Missing)',
    });
    const many = Array.from({ length: 12 }, (_, index) => waited(`n${index}`, 'Progressing'));
    const verdict = judge(many, 60_000);
    expect(verdict.outcome === 'degraded' && verdict.message).toMatch(/n9 \(Progressing\) and 2 more$/);
  });
});

describe('never fight', () => {
  const replicas = { path: 'spec.replicas', manager: 'hpa', time: '' };
  const image = { path: 'spec.image', manager: 'kubectl', time: '' };

  function reverted(times: number[]): FightRecord {
    return times.reduce<FightRecord>((record, time) => recordRevert(record, [replicas], time), new Map());
  }

  test('five reverts of one field in ten minutes end it, with who writes it', () => {
    const record = reverted([0, 1, 2, 3, 4]);
    expect(fightsIn(record, [replicas, image], 5)).toEqual([
      { path: 'spec.replicas', manager: 'hpa', reverts: 5 },
    ]);
    expect(fightsIn(reverted([0, 1, 2, 3]), [replicas], 5)).toEqual([]);
  });

  test('other fields of the object are not tainted', () => {
    expect(fightsIn(reverted([0, 1, 2, 3, 4]), [image], 5)).toEqual([]);
  });

  test('what is longer ago is forgotten', () => {
    const record = reverted([0, 1, 2, 3, 4]);
    expect(fightsIn(record, [replicas], fightPolicy.windowMs + 4)).toEqual([]);
    expect(recordRevert(record, [image], fightPolicy.windowMs + 4).has('spec.replicas')).toBe(false);
  });
});
