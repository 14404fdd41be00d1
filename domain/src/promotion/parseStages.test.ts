import { describe, expect, test } from 'vitest';
import { namesIn, outlinesOf, stagesOf } from './parseStages.ts';
import { stageOf, unmatchedBy, type Stage } from './stage.ts';

const minuteMs = 60_000;
const env = (name: string) => ({ selector: { matchLabels: { env: name } } });
const three = [
  { name: 'dev', clusters: env('dev') },
  { name: 'staging', clusters: { names: ['stage-*'] }, soak: '10m', strategy: { maxConcurrent: 1 } },
  { name: 'production', soak: '1h', approval: true, strategy: { named: 'careful', onFailure: 'rollback' } },
];
const named = { careful: { waves: [{ name: 'canary', clusters: { percent: 5 } }], offline: 'wait' } };

function parsed(written: unknown): Stage[] {
  const result = stagesOf(written, named);
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.stages;
}

function problemsOf(written: unknown): string[] {
  const result = stagesOf(written, named);
  return result.ok ? [] : result.problems.map(({ path, message }) => `${path} ${message}`);
}

/** Two good stages, one of them changed. */
function two(change: object, at = 1): object {
  const stages = [{ name: 'dev', clusters: env('dev') }, { name: 'production' }];
  return { stages: stages.map((stage, index) => (index === at ? { ...stage, ...change } : stage)) };
}

describe('stages', () => {
  test('each has its clusters, its own strategy, and what it asks of a revision', () => {
    const [dev, staging, production] = parsed({ stages: three });
    expect(dev).toMatchObject({ name: 'dev', match: { type: 'labels' }, soakMs: 0, approval: false });
    expect(staging).toMatchObject({ match: { type: 'names', names: ['stage-*'] }, soakMs: 10 * minuteMs });
    expect(staging?.strategy.waves[0]?.maxConcurrent).toBe(1);
    expect(production).toMatchObject({ match: { type: 'rest' }, soakMs: 60 * minuteMs, approval: true });
    expect(production?.strategy).toMatchObject({ onFailure: 'rollback', offline: 'wait' });
    expect(production?.strategy.waves.map(({ name }) => name)).toEqual(['canary', 'rest']);
  });

  test('an application without stages has one without a name', () => {
    expect(parsed({})).toMatchObject([{ name: '', match: { type: 'rest' }, soakMs: 0 }]);
    expect(parsed({ named: 'careful' })[0]?.strategy.offline).toBe('wait');
  });

  test.each<[unknown, RegExp]>([
    [{ stages: [] }, /^stages must be a list of 2 to 10/],
    [{ stages: three.slice(0, 1) }, /^stages must be a list of 2 to 10/],
    [
      { stages: Array.from({ length: 11 }, (_, at) => ({ name: `s${at}`, clusters: env('x') })) },
      /^stages must be/,
    ],
    [{ stages: 'dev' }, /^stages must be/],
    [{ stages: three, maxConcurrent: 1 }, /^maxConcurrent cannot stand beside "stages"/],
    [two({ name: 'Dev' }), /^stages\[1\]\.name must be/],
    [two({ name: 'dev' }), /^stages\[1\]\.name is the name of an earlier stage/],
    [two({ soak: '1h' }, 0), /^stages\[0\]\.soak is not for the first stage: it takes every revision/],
    [two({ approval: true }, 0), /^stages\[0\]\.approval is not for the first stage/],
    [
      two({ clusters: undefined }, 0),
      /^stages\[0\]\.clusters is missing: only the last stage may take the rest/,
    ],
    [two({ clusters: { percent: 10 } }), /^stages\[1\]\.clusters\.percent is not a field/],
    [two({ clusters: {} }), /^stages\[1\]\.clusters must have one of names and selector/],
    [two({ soak: 'long' }), /^stages\[1\]\.soak must be a duration/],
    [two({ approval: 'yes' }), /^stages\[1\]\.approval must be true or false/],
    [two({ wait: true }), /^stages\[1\]\.wait is not a field/],
    [two({ strategy: { waves: 1 } }), /^stages\[1\]\.strategy\.waves must be a list/],
    [
      two({ strategy: { named: 'bold' } }),
      /^stages\[1\]\.strategy\.named the project has no strategy "bold"/,
    ],
    [
      two({ strategy: { stages: three } }),
      /^stages\[1\]\.strategy\.stages belongs to the strategy of an application/,
    ],
    [two({ strategy: 'fast' }), /^stages\[1\]\.strategy must be a map/],
  ])('%j is refused where it is wrong', (written, expected) => {
    expect(
      problemsOf(written).some((problem) => expected.test(problem)),
      problemsOf(written).join(),
    ).toBe(true);
  });

  test('every problem is said at once', () => {
    expect(problemsOf({ ...two({ name: 'X', soak: 1 }), offline: 'wait' })).toHaveLength(3);
  });

  test('the strategies of the project that stages go by are found', () => {
    expect(namesIn({ stages: three })).toEqual(['careful']);
    expect(namesIn({ named: 'careful' })).toEqual(['careful']);
    expect(namesIn({})).toEqual([]);
  });

  test('an outline needs no strategy of the project', () => {
    expect(outlinesOf({ stages: three })).toEqual([
      { name: 'dev', soakMs: 0, approval: false },
      { name: 'staging', soakMs: 10 * minuteMs, approval: false },
      { name: 'production', soakMs: 60 * minuteMs, approval: true },
    ]);
    expect(outlinesOf({})).toEqual([]);
  });
});

describe('a target belongs to', () => {
  const member = (clusterName: string, labels: Record<string, string> = {}) => ({
    id: clusterName,
    clusterName,
    labels,
  });

  test.each([
    ['the first stage that matches by labels', member('stage-1', { env: 'dev' }), 'dev'],
    ['or by name', member('stage-1', { env: 'production' }), 'staging'],
    ['or, matching none, to the last', member('eu-1'), 'production'],
  ])('%s', (_, target, stage) => {
    expect(stageOf(parsed({ stages: three }), target)).toBe(stage);
  });

  test('clusters that match none are counted where the last stage says which are its own', () => {
    const members = [member('a', { env: 'dev' }), member('b'), member('c', { env: 'production' })];
    expect(unmatchedBy(parsed({ stages: three }), members)).toBe(0);
    expect(unmatchedBy(parsed(two({ clusters: env('production') })), members)).toBe(1);
  });
});
