import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatDuration, parseDuration } from './duration.ts';
import { parseStrategy } from './parseStrategy.ts';
import { defaultStrategy } from './strategy.ts';

function problemsOf(input: unknown): string[] {
  const parsed = parseStrategy(input);
  return parsed.ok ? [] : parsed.problems.map(({ path, type }) => `${path} ${type}`);
}

describe('parseStrategy', () => {
  test('nothing and an empty map are the default: one wave, all at once, halting at the first failure', () => {
    expect(parseStrategy(undefined)).toEqual({ ok: true, strategy: defaultStrategy });
    expect(parseStrategy({})).toEqual({ ok: true, strategy: defaultStrategy });
  });

  test('a wave takes what it does not set from the strategy, and the rest comes last', () => {
    const parsed = parseStrategy({
      maxConcurrent: '25%',
      soak: '1h30m',
      waves: [
        { name: 'canary', clusters: { percent: 5 }, maxFailures: 0, soak: '10m' },
        { name: 'eu', clusters: { selector: { matchLabels: { region: 'eu' } } }, approval: true },
      ],
    });
    if (!parsed.ok) throw new Error('refused');
    expect(parsed.strategy.waves.map(({ name, match, soakMs }) => [name, match.type, soakMs])).toEqual([
      ['canary', 'percent', 600_000],
      ['eu', 'labels', 5_400_000],
      ['rest', 'rest', 5_400_000],
    ]);
    expect(parsed.strategy.waves.every(({ maxConcurrent }) => maxConcurrent === '25%')).toBe(true);
  });

  test('gates are refused by name instead of being ignored', () => {
    const wave = { name: 'w', clusters: { percent: 1 }, gates: [] };
    expect(problemsOf({ waves: [wave] })).toEqual(['waves[0].gates unsupported']);
  });

  test('a window is one or a list, taken over by waves, and taken away by an empty list', () => {
    const parsed = parseStrategy({
      window: { schedule: '0 8 * * 1-5', duration: '8h', timeZone: 'Europe/Berlin' },
      waves: [
        { name: 'any-time', clusters: { percent: 5 }, window: [] },
        { name: 'office', clusters: { percent: 50 } },
      ],
    });
    if (!parsed.ok) throw new Error('refused');
    const { waves, windows } = parsed.strategy;
    expect(waves.map((wave) => wave.windows.length)).toEqual([0, 1, 1]);
    expect(windows).toMatchObject([{ kind: 'allow', durationMs: 28_800_000, timeZone: 'Europe/Berlin' }]);
  });

  test('fleet trap: a concurrency of 0, which would never update anything, is refused', () => {
    expect(problemsOf({ maxConcurrent: 0 })).toEqual(['maxConcurrent invalid']);
    expect(problemsOf({ maxConcurrent: '0%' })).toEqual(['maxConcurrent invalid']);
    expect(problemsOf({ maxFailures: 0 })).toEqual([]);
  });

  test.each([
    [{ waves: 'all' }, 'waves invalid'],
    [{ waves: [{ clusters: { percent: 5 } }] }, 'waves[0].name invalid'],
    [{ waves: [{ name: 'a', clusters: {} }] }, 'waves[0].clusters invalid'],
    [{ waves: [{ name: 'a', clusters: { percent: 5, names: ['x'] } }] }, 'waves[0].clusters invalid'],
    [{ waves: [{ name: 'a', clusters: { percent: 101 } }] }, 'waves[0].clusters.percent invalid'],
    [{ waves: [{ name: 'a', clusters: { selector: {} } }] }, 'waves[0].clusters.selector invalid'],
    [
      {
        waves: [{ name: 'a', clusters: { selector: { matchExpressions: [{ key: 'a', operator: 'In' }] } } }],
      },
      'waves[0].clusters.selector invalid',
    ],
    [
      {
        waves: [
          { name: 'a', clusters: { percent: 5 } },
          { name: 'a', clusters: { percent: 5 } },
        ],
      },
      'waves[1].name invalid',
    ],
    [{ soak: 10 }, 'soak invalid'],
    [{ window: 'weekdays' }, 'window invalid'],
    [{ window: [{ schedule: 'daily', duration: '1h' }] }, 'window[0].schedule invalid'],
    [
      { waves: [{ name: 'a', clusters: { percent: 5 }, window: { schedule: '0 8 * * *' } }] },
      'waves[0].window.duration invalid',
    ],
    [{ deadline: '0s' }, 'deadline invalid'],
    [{ onFailure: 'ignore' }, 'onFailure invalid'],
    [{ maxUnavailable: 1 }, 'maxUnavailable unknown'],
    [{ lane: { maxConcurrent: '5' } }, 'lane.maxConcurrent invalid'],
    [[], ' invalid'],
  ])('%j is refused at the right place', (input, problem) => {
    expect(problemsOf(input)).toContain(problem);
  });

  test('anything at all is either a strategy or has problems', () => {
    fc.assert(
      fc.property(fc.anything(), (input) => {
        const parsed = parseStrategy(input);
        expect(parsed.ok ? parsed.strategy.waves.length > 0 : parsed.problems.length > 0).toBe(true);
      }),
    );
  });
});

describe('durations', () => {
  test.each([
    ['90s', 90_000],
    ['30m', 1_800_000],
    ['1h30m', 5_400_000],
    ['2d', 172_800_000],
    ['0s', 0],
    ['', null],
    ['10', null],
    ['-1m', null],
    ['1m1h', null],
    ['1.5h', null],
  ])('%s', (text, durationMs) => {
    expect(parseDuration(text)).toBe(durationMs);
  });

  test('what is formatted means the same within its two units', () => {
    expect(formatDuration(5_400_000)).toBe('1h30m');
    expect(formatDuration(90_061_000)).toBe('1d1h');
    expect(formatDuration(400)).toBe('0s');
  });
});
