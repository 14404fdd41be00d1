import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { concurrencyOf, failuresOf } from './amount.ts';
import { deletesMax, isMassDrop, unaskedMax } from './guards.ts';
import { strategyOf } from './testing/scenario.ts';
import { previewWaves, wavesOf, type WaveMember } from './waves.ts';

function members(count: number): WaveMember[] {
  return Array.from({ length: count }, (_, at) => ({
    id: `id-${at}`,
    clusterName: `c${at}`,
    labels: { env: at % 4 === 0 ? 'prod' : 'dev' },
  }));
}

describe('waves', () => {
  test('every target is in exactly one wave, whatever the order in which they are listed', () => {
    const strategy = strategyOf({
      waves: [
        { name: 'canary', clusters: { names: ['c0', 'c1'] } },
        { name: 'some', clusters: { percent: 10 } },
        { name: 'prod', clusters: { selector: { matchLabels: { env: 'prod' } } } },
        { name: 'half', clusters: { percent: 50 } },
      ],
    });
    fc.assert(
      fc.property(fc.shuffledSubarray(members(40)), (listed) => {
        const waves = wavesOf(strategy, listed);
        expect(waves.size).toBe(listed.length);
        const sorted = wavesOf(
          strategy,
          listed.toSorted((a, b) => (a.id < b.id ? -1 : 1)),
        );
        for (const [id, wave] of waves) expect(sorted.get(id)).toBe(wave);
      }),
    );
  });

  test('a percent wave takes a share of what no wave by labels or names matches, rounded up', () => {
    const strategy = strategyOf({
      waves: [
        { name: 'some', clusters: { percent: 10 } },
        { name: 'prod', clusters: { selector: { matchLabels: { env: 'prod' } } } },
      ],
    });
    // 40 targets, 10 of them prod: 10 % of the 30 others, although the percent wave comes first.
    expect(previewWaves(strategy, members(40))).toEqual({
      waves: [
        { name: 'some', targets: 3 },
        { name: 'prod', targets: 10 },
        { name: 'rest', targets: 27 },
      ],
      unmatched: 27,
    });
  });

  test('the same clusters are the canaries every time', () => {
    const strategy = strategyOf({ waves: [{ name: 'some', clusters: { percent: 20 } }] });
    const first = wavesOf(strategy, members(10));
    expect(wavesOf(strategy, members(10))).toEqual(first);
  });
});

describe('amounts', () => {
  test.each([
    [1, 10, 1],
    ['10%', 5, 1],
    ['34%', 10, 4],
    ['100%', 0, 1],
    [50, 10, 50],
  ] as const)('maxConcurrent %s of %i is %i: rounded up, at least 1', (amount, total, expected) => {
    expect(concurrencyOf(amount, total)).toBe(expected);
  });

  test.each([
    [0, 10, 0],
    ['34%', 10, 3],
    ['10%', 5, 0],
  ] as const)('maxFailures %s of %i is %i: rounded down', (amount, total, expected) => {
    expect(failuresOf(amount, total)).toBe(expected);
  });
});

describe('the drop guard', () => {
  test.each([
    [10, 40, false],
    [11, 50, true],
    [11, 60, false],
    [3, 5, true],
    [2, 5, false],
    [4, 4, false],
    [0, 0, false],
    [10, 10, true],
  ])('%i of %i asks: %s', (dropped, total, asks) => {
    expect(isMassDrop({ dropped, total })).toBe(asks);
  });

  test('what may go unasked never asks, and one more does', () => {
    fc.assert(
      fc.property(fc.nat(5000), (total) => {
        expect(isMassDrop({ dropped: unaskedMax(total), total })).toBe(false);
        if (total >= 5) expect(isMassDrop({ dropped: unaskedMax(total) + 1, total })).toBe(true);
      }),
    );
  });

  test('deletesMax is 0 where nothing may be pruned, else at least what was counted', () => {
    expect(deletesMax({ dropped: 40, total: 50 }, false)).toBe(0);
    expect(deletesMax({ dropped: 40, total: 50 }, true)).toBe(40);
    expect(deletesMax({ dropped: 0, total: 100 }, true)).toBe(20);
  });
});
