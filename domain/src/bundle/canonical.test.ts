import { expect, test } from 'vitest';
import fc from 'fast-check';
import type { Json } from '../object/types.ts';
import { CanonicalError, canonicalBytes, canonicalText, parseJson } from './canonical.ts';

test('the sample of RFC 8785, section 3.2.2', () => {
  const value = {
    numbers: [333333333.33333329, 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
    string: "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\u0022\u002f",
    literals: [null, true, false],
  };
  expect(canonicalText(value)).toBe(
    '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],' +
      '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
  );
});

test('keys are sorted by UTF-16 units, as in RFC 8785, section 3.2.3', () => {
  const value = {
    '\u20ac': 'Euro Sign',
    '\r': 'Carriage Return',
    '\ufb33': 'Hebrew Letter Dalet With Dagesh',
    '1': 'One',
    '\ud83d\ude00': 'Emoji: Grinning Face',
    '\u0080': 'Control',
    '\u00f6': 'Latin Small Letter O With Diaeresis',
  };
  expect(Object.values(JSON.parse(canonicalText(value)) as object)).toEqual([
    'One',
    'Carriage Return',
    'Control',
    'Latin Small Letter O With Diaeresis',
    'Euro Sign',
    'Emoji: Grinning Face',
    'Hebrew Letter Dalet With Dagesh',
  ]);
});

test.each<[number, string]>([
  [0, '0'],
  [-0, '0'],
  [5e-324, '5e-324'],
  [-5e-324, '-5e-324'],
  [1.7976931348623157e308, '1.7976931348623157e+308'],
  [9007199254740992, '9007199254740992'],
  [295147905179352830000, '295147905179352830000'],
  [9.999999999999997e22, '9.999999999999997e+22'],
  [1e23, '1e+23'],
  [1e21, '1e+21'],
  [999999999999999900000, '999999999999999900000'],
  [0.000001, '0.000001'],
  [1e-7, '1e-7'],
  [333333333.3333332, '333333333.3333332'],
])('the number %d of RFC 8785, appendix B', (number, text) => {
  expect(canonicalText(number)).toBe(text);
});

test.each([NaN, Infinity, -Infinity, '\ud800', 'a\udc00b'])('%j has no canonical form', (value) => {
  expect(() => canonicalText({ a: [value] })).toThrow(CanonicalError);
});

test('a key with a lone surrogate has no canonical form', () => {
  expect(() => canonicalText({ '\ud800': 1 })).toThrow(CanonicalError);
});

test('integers beyond 2^53 keep every digit through text and back', () => {
  const value = { a: 9007199254740993n, b: -(2n ** 70n), c: 5, d: '12345678901234567890' };
  expect(canonicalText(value)).toBe(
    '{"a":9007199254740993,"b":-1180591620717411303424,"c":5,"d":"12345678901234567890"}',
  );
  expect(parseJson(canonicalText(value))).toEqual(value);
});

test('floats stay floats, however many digits they have', () => {
  expect(parseJson('[0.12345678901234567,1e21]')).toEqual([0.12345678901234566, 1e21]);
});

test('absent members are left out', () => {
  expect(canonicalText({ a: undefined, b: 1 })).toBe('{"b":1}');
});

const json = fc.jsonValue() as fc.Arbitrary<Json>;

test('what is encoded is read back equal, by JSON.parse too', () => {
  fc.assert(
    fc.property(json, (value) => {
      const plain = JSON.parse(JSON.stringify(value)) as Json;
      expect(JSON.parse(canonicalText(value))).toEqual(plain);
      expect(canonicalText(parseJson(canonicalText(value)))).toBe(canonicalText(value));
    }),
  );
});

test('the order in which members were written does not matter', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string({ unit: 'grapheme' }), json), (map) => {
      const reversed = Object.fromEntries(Object.entries(map).reverse());
      expect(canonicalBytes(reversed)).toEqual(canonicalBytes(map));
    }),
  );
});
