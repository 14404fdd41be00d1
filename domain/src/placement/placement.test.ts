import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { matchesGlob } from './glob.ts';
import { leaving, type Leaving, type LeavingOptions, type LeavingTarget } from './leaving.ts';
import { placed, type PlaceableCluster } from './placed.ts';
import { matchesSelector, type Selector } from './selector.ts';

const minuteMs = 60_000;

describe('selectors', () => {
  const labels = { env: 'prod', region: 'eu' };
  test.each<[Selector, boolean]>([
    [{}, true],
    [{ matchLabels: { env: 'prod' } }, true],
    [{ matchLabels: { env: 'prod', region: 'us' } }, false],
    [{ matchLabels: { constructor: 'x' } }, false],
    [{ matchExpressions: [{ key: 'env', operator: 'In', values: ['dev', 'prod'] }] }, true],
    [{ matchExpressions: [{ key: 'env', operator: 'In', values: ['dev'] }] }, false],
    [{ matchExpressions: [{ key: 'env', operator: 'NotIn', values: ['prod'] }] }, false],
    [{ matchExpressions: [{ key: 'tier', operator: 'NotIn', values: ['gold'] }] }, true],
    [{ matchExpressions: [{ key: 'env', operator: 'Exists' }] }, true],
    [{ matchExpressions: [{ key: 'toString', operator: 'Exists' }] }, false],
    [{ matchExpressions: [{ key: 'tier', operator: 'DoesNotExist' }] }, true],
    [
      { matchLabels: { env: 'prod' }, matchExpressions: [{ key: 'region', operator: 'DoesNotExist' }] },
      false,
    ],
  ])('%j: %s', (selector, expected) => {
    expect(matchesSelector(selector, labels)).toBe(expected);
  });
});

describe('globs', () => {
  test.each([
    ['eu-*', 'eu-1', true],
    ['eu-*', 'us-1', false],
    ['*-1', 'eu-1', true],
    ['e?-1', 'eu-1', true],
    ['*', '', true],
    ['', '', true],
    ['?', '', false],
    ['a*b*c', 'aXbYc', true],
    ['a*b*c', 'aXcYb', false],
    ['a.c', 'abc', false],
  ])('%s on %s: %s', (pattern, name, expected) => {
    expect(matchesGlob(pattern, name)).toBe(expected);
  });

  test('agree with the regular expression they stand for', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 8 });
    fc.assert(
      fc.property(text, fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 8 }), (pattern, name) => {
        const regex = new RegExp(`^${pattern.replaceAll('*', '.*').replaceAll('?', '.')}$`);
        expect(matchesGlob(pattern, name)).toBe(regex.test(name));
      }),
    );
  });
});

describe('placed', () => {
  const clusters: PlaceableCluster[] = [
    { id: '2', name: 'b', labels: { env: 'dev' }, state: 'Active' },
    { id: '1', name: 'a', labels: { env: 'prod' }, state: 'Active' },
    { id: '3', name: 'c', labels: { env: 'prod' }, state: 'Paused' },
    { id: '4', name: 'd', labels: { env: 'prod' }, state: 'Revoked' },
    { id: '5', name: 'e', labels: { env: 'prod' }, state: 'Pending' },
    { id: '6', name: 'f', labels: { env: 'prod' }, state: 'Quarantined' },
  ];

  test('names and selector add up, sorted by name; only clusters that are somebody’s', () => {
    const placement = { clusters: { names: ['b*'], selector: { matchLabels: { env: 'prod' } } } };
    expect(placed(placement, clusters)).toEqual(['1', '2', '3', '6']);
  });

  test('an empty placement places nothing, an empty selector everything', () => {
    expect(placed({ clusters: {} }, clusters)).toEqual([]);
    expect(placed({ clusters: { names: [] } }, clusters)).toEqual([]);
    expect(placed({ clusters: { selector: {} } }, clusters)).toEqual(['1', '2', '3', '6']);
  });
});

describe('leaving', () => {
  const options: LeavingOptions = { graceMs: 10 * minuteMs, confirmedAtMs: null };

  function fleet(total: number, gone: number): LeavingTarget[] {
    return Array.from({ length: total }, (_, at) => ({ id: `t${at}`, placed: at >= gone, leaving: null }));
  }

  function after(
    targets: readonly LeavingTarget[],
    changed: ReadonlyMap<string, Leaving | null>,
  ): LeavingTarget[] {
    return targets.map((target) => ({
      ...target,
      leaving: changed.has(target.id) ? (changed.get(target.id) ?? null) : target.leaving,
    }));
  }

  test('a target leaves after its grace, not before', () => {
    const targets = fleet(10, 1);
    const first = leaving(targets, options, 0);
    expect(first).toMatchObject({ due: [], question: null, wakeAtMs: 10 * minuteMs });
    const gone = after(targets, first.changed);
    expect(leaving(gone, options, 10 * minuteMs - 1).due).toEqual([]);
    expect(leaving(gone, options, 10 * minuteMs).due).toEqual(['t0']);
  });

  test('undoing the change ends it', () => {
    const targets = fleet(10, 1);
    const gone = after(targets, leaving(targets, options, 0).changed);
    const back = gone.map((target) => ({ ...target, placed: true }));
    const step = leaving(back, options, minuteMs);
    expect([...step.changed]).toEqual([['t0', null]]);
    expect(step.wakeAtMs).toBeNull();
  });

  test.each([
    [10, 2, false],
    [10, 3, true],
    [15, 3, false],
    [3, 3, true],
    [2, 2, false],
    [1000, 200, false],
    [1000, 201, true],
  ])('of %i targets %i leaving at once asks a person: %s', (total, gone, asks) => {
    const step = leaving(fleet(total, gone), options, 0);
    expect(step.question).toEqual(asks ? { targets: gone, of: total } : null);
  });

  test('a mistyped label uninstalls nothing until a person says so, however long it takes', () => {
    const targets = fleet(10, 10);
    const gone = after(targets, leaving(targets, options, 0).changed);
    expect(leaving(gone, options, 90 * 24 * 60 * minuteMs).due).toEqual([]);
    const confirmed = leaving(gone, { ...options, confirmedAtMs: minuteMs }, 20 * minuteMs);
    expect(confirmed.question).toBeNull();
    expect(
      leaving(after(gone, confirmed.changed), { ...options, confirmedAtMs: minuteMs }, 20 * minuteMs).due,
    ).toHaveLength(10);
  });

  test('targets that leave one by one within ten minutes count together', () => {
    let targets = fleet(10, 0);
    for (let at = 0; at < 3; at++) {
      targets = targets.map((target, index) => (index === at ? { ...target, placed: false } : target));
      targets = after(targets, leaving(targets, options, at * 3 * minuteMs).changed);
    }
    expect(targets.filter(({ leaving: state }) => state?.held === true)).toHaveLength(3);
  });

  test('a confirmation does not cover who leaves after it', () => {
    const targets = fleet(10, 4);
    const gone = after(targets, leaving(targets, { ...options, confirmedAtMs: 0 }, 5 * minuteMs).changed);
    expect(gone.filter(({ leaving: state }) => state?.held === true)).toHaveLength(4);
  });

  test('looking twice changes nothing', () => {
    const target = fc.record({
      placed: fc.boolean(),
      sinceMs: fc.option(fc.nat(1_000_000)),
      held: fc.boolean(),
    });
    fc.assert(
      fc.property(
        fc.array(target, { maxLength: 12 }),
        fc.option(fc.nat(2_000_000)),
        (list, confirmedAtMs) => {
          const targets = list.map(({ placed: isPlaced, sinceMs, held }, at) => ({
            id: `t${at}`,
            placed: isPlaced,
            leaving: sinceMs === null ? null : { sinceMs, untilMs: sinceMs + 600_000, held },
          }));
          const given = { ...options, confirmedAtMs };
          const once = after(targets, leaving(targets, given, 1_500_000).changed);
          expect(leaving(once, given, 1_500_000).changed.size).toBe(0);
        },
      ),
    );
  });
});
