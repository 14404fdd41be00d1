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

  test('what is not supported yet is refused by name instead of being ignored', () => {
    expect(problemsOf({ stages: [] })).toEqual(['stages unknown']);
  });

  test('gates are taken over by waves, taken away by an empty list, and complete', () => {
    const parsed = parseStrategy({
      gates: [
        { name: 'smoke', http: { url: 'https://shop.example.com/health' } },
        {
          name: 'error-rate',
          prometheus: {
            address: 'https://prometheus.example.com',
            query: 'sum(rate(errors[5m]))',
            threshold: { max: 0.05 },
          },
          interval: '30s',
          count: 3,
          failureLimit: 2,
          timeout: '5s',
        },
      ],
      waves: [{ name: 'canary', clusters: { percent: 5 }, gates: [] }],
    });
    if (!parsed.ok) throw new Error('refused');
    expect(parsed.strategy.waves.map(({ gates }) => gates.length)).toEqual([0, 2]);
    expect(parsed.strategy.waves[1]?.gates).toEqual([
      {
        name: 'smoke',
        probe: {
          type: 'http',
          url: 'https://shop.example.com/health',
          method: 'GET',
          headers: {},
          expectedStatus: [],
          json: null,
        },
        intervalMs: 60_000,
        count: 1,
        failureLimit: 0,
        timeoutMs: 10_000,
      },
      {
        name: 'error-rate',
        probe: {
          type: 'prometheus',
          address: 'https://prometheus.example.com',
          query: 'sum(rate(errors[5m]))',
          threshold: { min: null, max: 0.05 },
        },
        intervalMs: 30_000,
        count: 3,
        failureLimit: 2,
        timeoutMs: 5_000,
      },
    ]);
  });

  test.each([
    [{ name: 'A' }, ['name', '']],
    [{ name: 'a' }, ['']],
    [{ name: 'a', http: {}, prometheus: {} }, ['']],
    [{ name: 'a', http: { url: 'ftp://example.com' } }, ['http.url']],
    [{ name: 'a', http: { url: 'https://user:pass@example.com' } }, ['http.url']],
    [{ name: 'a', http: { url: 'https://e.com', method: 'DELETE' } }, ['http.method']],
    [
      { name: 'a', http: { url: 'https://e.com', headers: { Authorization: 'Bearer x' } } },
      ['http.headers.Authorization'],
    ],
    [
      { name: 'a', http: { url: 'https://e.com', headers: { 'X-Api-Key': 'x' } } },
      ['http.headers.X-Api-Key'],
    ],
    [{ name: 'a', http: { url: 'https://e.com', headers: { 'X-A': 'x\r\ny: z' } } }, ['http.headers.X-A']],
    [{ name: 'a', http: { url: 'https://e.com', expectedStatus: 'ok' } }, ['http.expectedStatus']],
    [
      { name: 'a', http: { url: 'https://e.com', json: { pointer: 'a', equals: {} } } },
      ['http.json.equals', 'http.json.pointer'],
    ],
    [
      { name: 'a', http: { url: 'https://e.com', method: 'HEAD', json: { pointer: '/a', equals: 1 } } },
      ['http.json'],
    ],
    [{ name: 'a', http: { url: 'https://e.com' }, interval: '0s' }, ['interval']],
    [{ name: 'a', http: { url: 'https://e.com' }, count: 0 }, ['count']],
    [{ name: 'a', http: { url: 'https://e.com' }, failureLimit: -1 }, ['failureLimit']],
    [{ name: 'a', http: { url: 'https://e.com' }, timeout: '2m' }, ['timeout']],
    [
      { name: 'a', prometheus: { address: 'https://e.com/?x=1', query: ' ', threshold: { min: 2, max: 1 } } },
      ['prometheus.query', 'prometheus.address', 'prometheus.threshold'],
    ],
    [
      { name: 'a', prometheus: { address: 'https://e.com', query: 'up', threshold: {} } },
      ['prometheus.threshold'],
    ],
  ])('the gate %j is refused at the right places', (gate, places) => {
    const paths = places.map((place) => `gates[0]${place === '' ? '' : `.${place}`} invalid`);
    expect(problemsOf({ gates: [gate] })).toEqual(paths);
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
    [{ plan: true }, 'plan invalid'],
    [{ plan: 'required', gates: [{ name: 'plan', http: { url: 'https://e.com' } }] }, 'plan invalid'],
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
