import { expect, test } from 'vitest';
import { nameIn, strategyOf } from './namedStrategy.ts';
import { parseStrategy } from './parseStrategy.ts';

const careful = {
  waves: [{ name: 'canary', clusters: { percent: 1 } }],
  soak: '30m',
  onFailure: 'rollback',
};
const named = { careful, broken: 'not a map' };

test('a strategy that is named is the one that the project wrote', () => {
  expect(strategyOf({ named: 'careful' }, named)).toEqual(parseStrategy(careful));
});

test('what stands beside the name counts instead, field by field', () => {
  expect(strategyOf({ named: 'careful', onFailure: 'pause' }, named)).toEqual(
    parseStrategy({ ...careful, onFailure: 'pause' }),
  );
});

test.each([[undefined], [{}], [{ onFailure: 'rollback' }]])('%o goes by no name', (written) => {
  expect(strategyOf(written, named)).toEqual(parseStrategy(written));
  expect(nameIn(written)).toBe(null);
});

test.each([
  ['wrong', 'the project has no strategy "wrong"; it has broken, careful'],
  ['__proto__', 'the project has no strategy "__proto__"; it has broken, careful'],
  [7, 'the project has no such strategy; it has broken, careful'],
])('%o is no name of a strategy', (name, message) => {
  expect(strategyOf({ named: name }, named)).toEqual({
    ok: false,
    problems: [{ path: 'named', type: 'invalid', message }],
  });
});

test('what makes the whole wrong is told', () => {
  expect(strategyOf({ named: 'careful', soak: 'long' }, named)).toMatchObject({
    ok: false,
    problems: [{ path: 'soak' }],
  });
});
