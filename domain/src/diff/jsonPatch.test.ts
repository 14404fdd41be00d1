import { expect, test } from 'vitest';
import fc from 'fast-check';
import type { Json } from '../object/types.ts';
import { applyJsonPatch, jsonEqual, jsonPatch, PatchError, type PatchOperation } from './jsonPatch.ts';
import { parsePointer } from './pointer.ts';

const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom<Json>(null, true, 1, 'a', 'b'),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.constantFrom('a', 'b', 'c/d', 'e~f', ''), tie('value'), { noNullPrototype: true }),
  ),
})).value as fc.Arbitrary<Json>;

test('a patch takes one value to the other, and nothing to itself', () => {
  fc.assert(
    fc.property(json, json, (from, to) => {
      const patch = jsonPatch(from, to);
      expect(applyJsonPatch(from, patch)).toEqual(to);
      expect(jsonPatch(from, from)).toEqual([]);
      expect(patch.length === 0).toBe(jsonEqual(from, to));
    }),
    { numRuns: 1000 },
  );
});

test.each<[string, Json, Json, PatchOperation[]]>([
  ['a changed field', { a: { b: 1 } }, { a: { b: 2 } }, [{ op: 'replace', path: '/a/b', value: 2 }]],
  [
    'fields in sorted order',
    { c: 1 },
    { b: 1, a: 1 },
    [
      { op: 'add', path: '/a', value: 1 },
      { op: 'add', path: '/b', value: 1 },
      { op: 'remove', path: '/c' },
    ],
  ],
  ['an item put in front', [1, 2], [0, 1, 2], [{ op: 'add', path: '/0', value: 0 }]],
  ['an item taken out of the middle', [1, 2, 3], [1, 3], [{ op: 'remove', path: '/1' }]],
  [
    'several taken, from the back',
    [1, 2, 3, 4],
    [1],
    [
      { op: 'remove', path: '/3' },
      { op: 'remove', path: '/2' },
      { op: 'remove', path: '/1' },
    ],
  ],
  [
    'a field inside an item',
    [{ n: 'a', v: 1 }, 5],
    [{ n: 'a', v: 2 }, 5],
    [{ op: 'replace', path: '/0/v', value: 2 }],
  ],
  ['another type', { a: [] }, { a: {} }, [{ op: 'replace', path: '/a', value: {} }]],
  ['escaped keys', {}, { 'a/b~c': 1 }, [{ op: 'add', path: '/a~1b~0c', value: 1 }]],
  ['null is a value', { a: 1 }, { a: null }, [{ op: 'replace', path: '/a', value: null }]],
  ['the root', 1, 'x', [{ op: 'replace', path: '', value: 'x' }]],
  ['a bigint and the number of its value', { a: 5n }, { a: 5 }, []],
])('%s', (_name, from, to, patch) => {
  expect(jsonPatch(from, to)).toEqual(patch);
});

test('a patch that does not fit throws and says where', () => {
  expect(() => applyJsonPatch({ a: 1 }, [{ op: 'remove', path: '/b' }])).toThrow(PatchError);
  expect(() => applyJsonPatch({ a: 1 }, [{ op: 'add', path: '/b/c', value: 1 }])).toThrow('"/b/c"');
  expect(() => applyJsonPatch([], [{ op: 'add', path: '/2', value: 1 }])).toThrow(PatchError);
});

test.each(['a', '/~2', '/a~'])('%j is no pointer', (text) => {
  expect(parsePointer(text)).toBeNull();
});
