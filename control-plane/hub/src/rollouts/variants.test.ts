import { variantsMax } from '@flotilla/domain/variant/limits';
import { describe, expect, test } from 'vitest';

import type { RevisionRow } from './fleet.store.ts';
import { TargetVariants, type VariantRow } from './variants.ts';

const row: RevisionRow = {
  id: 'r',
  number: 2,
  state: 'Ready',
  error: null,
  variant: null,
  bundle: null,
  sizeBytes: null,
  isLost: false,
  isTemplated: true,
  isFinal: false,
};

const eu: VariantRow = {
  id: 'v-eu',
  reads: { 'cluster.labels.region': 'eu' },
  bundle: 'b-eu',
  sizeBytes: 7,
  error: null,
};
const none: VariantRow = {
  ...eu,
  id: 'v-none',
  reads: { 'cluster.labels.region': null },
  bundle: null,
  error: 'region is not defined',
};

const clusters = new Map(
  ['eu', 'us', 'none'].map((region) => [
    region,
    { name: region, labels: region === 'none' ? {} : { region }, facts: {} } as const,
  ]),
);

function variantsOf(change: Partial<RevisionRow> = {}, variants = [eu, none]): TargetVariants {
  const revisions = new Map([
    [1, { ...row, number: 1, isTemplated: false }],
    [2, { ...row, ...change }],
  ]);
  return new TargetVariants(revisions, [{ number: 2, overrides: [], variants }], clusters);
}

describe('what a revision is for a target', () => {
  test.each<[string, string, TargetVariants, object | null]>([
    [
      'one that agrees',
      'eu',
      variantsOf(),
      { state: 'Ready', variant: 'v-eu', bundle: 'b-eu', sizeBytes: 7 },
    ],
    ['one that does not render', 'none', variantsOf(), { state: 'Failed', message: 'region is not defined' }],
    ['none yet', 'us', variantsOf(), { state: 'Pending' }],
    [
      'none of a revision that is being rendered',
      'eu',
      variantsOf({ state: 'Candidate' }),
      { state: 'Pending' },
    ],
    [
      'none of which more is rendered',
      'us',
      variantsOf({ isFinal: true, error: 'its files are gone' }),
      { state: 'Failed', message: 'its files are gone' },
    ],
  ])('%s', (_what, target, variants, expected) => {
    expect(variants.render(2, target)).toEqual(expected);
  });

  test('one that is the same for all is not decided here, and what is not loaded is pending', () => {
    expect(variantsOf().render(1, 'eu')).toBe(null);
    expect(variantsOf().render(7, 'eu')).toBe(null);
    expect(variantsOf().render(2, 'left')).toEqual({ state: 'Pending' });
  });

  test('beyond as many as there may be none is pending, as long as all are needed', () => {
    const many = Array.from({ length: variantsMax }, (_, at) => ({
      ...eu,
      id: `v-${at}`,
      reads: { 'cluster.labels.region': `${at}` },
    }));
    const revisions = new Map([[2, row]]);
    const loaded = [{ number: 2, overrides: [], variants: many }];
    const assigned = many.map(({ id }) => id);
    const render = (ids: string[]) => {
      const held = new Map(ids.map((variant) => [variant, { variant, bundle: 'b-eu' }]));
      return new TargetVariants(revisions, loaded, clusters, held).render(2, 'us');
    };
    expect(render(assigned)).toMatchObject({
      state: 'Failed',
      message: expect.stringMatching(/2000 variants/) as string,
    });
    expect(render(assigned.slice(1))).toEqual({ state: 'Pending' });
  });
});

test('of a revision that only clusters remember each keeps what it holds, and nothing is rendered', () => {
  const revisions = new Map([[2, { ...row, isLost: true }]]);
  const loaded = [
    { number: 2, overrides: [], variants: [eu, { ...eu, id: 'v-us', reads: {}, bundle: 'b-us' }] },
  ];
  const held = new Map([
    ['eu', { variant: 'v-eu', bundle: 'b-eu' }],
    ['us', { variant: 'v-us', bundle: 'b-us' }],
  ]);
  const variants = new TargetVariants(revisions, loaded, clusters, held);
  expect(variants.render(2, 'eu')).toMatchObject({ state: 'Ready', bundle: 'b-eu' });
  expect(variants.render(2, 'us')).toMatchObject({ state: 'Ready', bundle: 'b-us' });
  expect(variants.render(2, 'none')).toMatchObject({ state: 'Failed' });
  expect(variants.wanted({ wanted: { renders: [{ revision: 2, target: 'none' }] } })).toEqual([]);
});

describe('what is asked for', () => {
  const asked = (...revisions: number[]) => ({
    wanted: { renders: revisions.map((revision) => ({ revision, target: 'us' })) },
  });

  test.each<[string, Partial<RevisionRow>, ReturnType<typeof asked> | null, number[]]>([
    ['nothing', {}, asked(), []],
    ['what a step wants, once', {}, asked(2, 2), [2]],
    ['not what is the same for all', {}, asked(1), []],
    ['not what is being rendered anyway', { state: 'Candidate' }, asked(2), []],
    ['not what is given up', { isFinal: true }, asked(2), []],
    ['the newest, where it failed and a cluster has other labels by now', { state: 'Failed' }, null, [2]],
    ['not the newest where it failed for good', { state: 'Failed', isFinal: true }, null, []],
  ])('%s', (_what, change, step, expected) => {
    expect(variantsOf(change).wanted(step)).toEqual(expected);
  });

  test('not the newest where it failed and nothing has changed', () => {
    const us = { ...none, id: 'v-us', reads: { 'cluster.labels.region': 'us' } };
    expect(variantsOf({ state: 'Failed' }, [eu, none, us]).wanted(null)).toEqual([]);
  });
});
