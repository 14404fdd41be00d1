import { describe, expect, test } from 'vitest';
import { chooseRevision, type KnownRevision } from './heldEntry.ts';

const revision = (number: number, bundle: string): KnownRevision => ({
  id: `revision-${number}`,
  number,
  isLost: false,
  variants: [{ id: `variant-${number}`, bundle }],
});

describe('the revision that a held bundle belongs to', () => {
  const known = [revision(2, 'new'), revision(1, 'old')];

  test.each([
    ['the same number and bundle', { number: 1, bundle: 'old' }, { variantId: 'variant-1', number: 1 }],
    [
      'made again under a lower number: numbers go on above',
      { number: 3, bundle: 'new' },
      { variantId: 'variant-2', number: 3 },
    ],
    [
      'its number means something else by now',
      { number: 2, bundle: 'old' },
      { variantId: 'variant-1', number: 1 },
    ],
  ])('%s', (_, held, expected) => {
    expect(chooseRevision(known, held)).toMatchObject({ choice: 'known', ...expected });
  });

  test('another bundle of a revision that only clusters remember is a variant of it', () => {
    const lost = { ...revision(7, 'held elsewhere'), isLost: true };
    expect(chooseRevision([lost, ...known], { number: 7, bundle: 'held here' })).toEqual({
      choice: 'lostVariant',
      revision: lost,
      number: 7,
    });
    const exact = chooseRevision([lost, ...known], { number: 7, bundle: 'held elsewhere' });
    expect(exact).toMatchObject({ choice: 'known', number: 7 });
  });

  test.each([
    ['a free number is kept', { number: 5, bundle: 'lost' }, 5],
    ['a taken number is not reused', { number: 2, bundle: 'lost' }, 3],
  ])('lost with the database: %s', (_, held, number) => {
    expect(chooseRevision(known, held)).toEqual({ choice: 'lost', number });
  });
});
