import { variantsMax } from '@flotilla/domain/variant/limits';
import { VariantIndex } from '@flotilla/domain/variant/reads';
import { describe, expect, test } from 'vitest';

import { RenderStopped, type RenderedVariant } from '../renderer.ts';
import { fillVariants, renderFor } from './fill.ts';
import { lackingOf, tallyOf, type RenderedBundle } from './variant.ts';

const cluster = (name: string) => ({ id: name, name, labels: {}, facts: {} });
const variant = (name: string, error: string | null): RenderedBundle => ({
  reads: { 'cluster.name': name },
  bundle: error === null ? 'b' : null,
  error,
});
const renderSpec = { directories: [], allowEmpty: false, tools: { directory: 1 } };

test.each<[string, RenderedBundle[], object]>([
  ['all render', [variant('a', null), variant('b', null)], { failing: 0, problem: null }],
  ['all fail alike', [variant('a', 'x'), variant('b', 'x')], { failing: 2, problem: 'x' }],
  [
    'all fail otherwise',
    [variant('a', 'x'), variant('b', 'y')],
    { failing: 2, problem: 'on 2 of 2 clusters, a among them: x' },
  ],
  [
    'some fail',
    [variant('a', null), variant('b', 'y')],
    { failing: 1, problem: 'on 1 of 2 clusters, b among them: y' },
  ],
])('what it comes to where %s', (_what, variants, expected) => {
  const tally = tallyOf([cluster('b'), cluster('a')], new VariantIndex(variants, []));
  expect(tally).toEqual({ clusters: 2, ...expected });
});

test('clusters lack one that agrees with none', () => {
  const clusters = [cluster('a'), cluster('b')];
  expect(lackingOf({ renderSpec }, clusters, [variant('a', null)])).toEqual([cluster('b')]);
});

test('no file is read where every cluster has its variant', async () => {
  const filled = await fillVariants(
    {
      renderer: { renderVariants: () => Promise.reject(new Error('was asked')) },
      variants: {
        look: () => Promise.resolve({ clusters: [], variants: [] }),
        save: () => Promise.reject(new Error('was saved')),
        dropUnused: () => Promise.resolve(0),
      },
    },
    { renderSpec, projectId: 'p' } as never,
    () => Promise.reject(new Error('was read')),
  );
  expect(filled).toEqual({ ok: true });
});

describe('with as many as there may be', () => {
  const old = Array.from({ length: variantsMax }, (_, at) => ({
    ...variant(`old-${at}`, null),
    id: `${at}`,
  }));
  const fill = async (evictable: number) => {
    const held = [...old];
    const asked: string[] = [];
    const filled = await fillVariants(
      {
        renderer: {
          renderVariants: (_project, _sources, { clusters }) => {
            asked.push(...clusters.map(({ name }) => name));
            const rendered = { ok: false as const, problems: [] };
            return Promise.resolve(
              clusters.map(({ name }) => ({ reads: { 'cluster.name': name }, rendered })),
            );
          },
        },
        variants: {
          look: () => Promise.resolve({ clusters: [cluster('new')], variants: held }),
          save: (_revision, rendered) => {
            held.push(...rendered.map(({ reads }) => ({ id: 'n', reads, bundle: null, error: null })));
            return Promise.resolve();
          },
          dropUnused: () => Promise.resolve(held.splice(0, evictable).length),
        },
      },
      { renderSpec, projectId: 'p' } as never,
      () => Promise.resolve({ ok: true, sources: [] }),
    );
    expect(filled).toEqual({ ok: true });
    return asked;
  };

  test('those that nothing needs make room', async () => {
    expect(await fill(10)).toEqual(['new']);
  });

  test('none is rendered where all are needed', async () => {
    expect(await fill(0)).toEqual([]);
  });
});

test('a limit is a problem of the files, and an answer for nobody is none', async () => {
  const asked = (answer: () => Promise<RenderedVariant[]>) =>
    renderFor({ renderVariants: answer }, 'p', [], renderSpec, [cluster('a')]);
  const limit = await asked(() => Promise.reject(new RenderStopped('limit', 'too slow')));
  expect(limit).toEqual({ ok: false, problems: [{ file: '', document: 0, line: 0, message: 'too slow' }] });
  await expect(asked(() => Promise.reject(new RenderStopped('lost', 'gone')))).rejects.toThrow('gone');
  const other = { reads: { 'cluster.name': 'z' }, rendered: { ok: false as const, problems: [] } };
  await expect(asked(() => Promise.resolve([other]))).rejects.toThrow('other clusters than it was asked for');
});
