import { describe, expect, test } from 'vitest';
import { schemaOfKind, type Schema } from '../schema/schema.ts';
import type { JsonObject } from '../types.ts';
import { jsonMergePatch } from './jsonMergePatch.ts';
import { jsonPatch, type JsonPatchOperation } from './jsonPatch.ts';
import { PatchError, strategicMergePatch } from './strategicMergePatch.ts';

const POD = schemaOfKind({ group: '', version: 'v1', kind: 'Pod' }) as Schema;
const DEPLOYMENT = schemaOfKind({ group: 'apps', version: 'v1', kind: 'Deployment' }) as Schema;

function patchSpec(spec: JsonObject, patch: JsonObject, schema = POD): unknown {
  return (strategicMergePatch({ spec }, { spec: patch }, schema) as { spec: unknown }).spec;
}

const A = { name: 'a', image: '1' };
const B = { name: 'b', image: '1' };

describe('strategic merge patch', () => {
  test.each<[string, JsonObject, JsonObject, unknown]>([
    [
      'merges elements by key',
      { containers: [A, B] },
      { containers: [{ name: 'a', image: '2' }] },
      { containers: [{ name: 'a', image: '2' }, B] },
    ],
    [
      '$patch: delete removes an element',
      { containers: [A, B] },
      { containers: [{ name: 'a', $patch: 'delete' }] },
      { containers: [B] },
    ],
    [
      '$patch: replace replaces a list',
      { containers: [A, B] },
      { containers: [{ $patch: 'replace' }, { name: 'c' }] },
      { containers: [{ name: 'c' }] },
    ],
    [
      '$patch: replace replaces a map',
      { nodeSelector: { a: '1' } },
      { nodeSelector: { $patch: 'replace', b: '2' } },
      { nodeSelector: { b: '2' } },
    ],
    [
      '$patch: delete removes a map',
      { nodeSelector: { a: '1' } },
      { nodeSelector: { $patch: 'delete' } },
      {},
    ],
    [
      '$setElementOrder orders',
      { containers: [A, B] },
      { $setElementOrder: 0, '$setElementOrder/containers': [{ name: 'b' }, { name: 'a' }] },
      { containers: [B, A] },
    ],
    [
      '$retainKeys drops other members of a union',
      { volumes: [{ name: 'v', emptyDir: {} }] },
      { volumes: [{ $retainKeys: ['name', 'hostPath'], name: 'v', hostPath: { path: '/x' } }] },
      { volumes: [{ name: 'v', hostPath: { path: '/x' } }] },
    ],
    ['null removes', { nodeName: 'n', hostname: 'h' }, { nodeName: null }, { hostname: 'h' }],
    [
      'lists without a merge strategy are replaced',
      { containers: [{ ...A, command: ['x', 'y'] }] },
      { containers: [{ name: 'a', command: ['z'] }] },
      { containers: [{ ...A, command: ['z'] }] },
    ],
  ])('%s', (_name, spec, patch, expected) => {
    expect(patchSpec(spec, patch)).toEqual(expected);
  });

  test('$deleteFromPrimitiveList removes from a set of plain values', () => {
    const object = { metadata: { finalizers: ['a', 'b'] } };
    const patch = { metadata: { '$deleteFromPrimitiveList/finalizers': ['a'], finalizers: ['c'] } };
    expect(strategicMergePatch(object, patch, POD)).toEqual({ metadata: { finalizers: ['c', 'b'] } });
  });

  test('$retainKeys holds for a strategy of a Deployment', () => {
    const before = { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } } };
    const patch = { strategy: { $retainKeys: ['type'], type: 'Recreate' } };
    expect(patchSpec(before, patch, DEPLOYMENT)).toEqual({ strategy: { type: 'Recreate' } });
  });

  test('an unknown directive is refused', () => {
    expect(() => patchSpec({}, { nodeSelector: { $patch: 'x' } })).toThrow(PatchError);
  });
});

describe('JSON merge patch', () => {
  test('merges objects, replaces all else, removes by null', () => {
    const object = { a: { b: 1, c: 2 }, list: [1, 2], gone: true };
    expect(jsonMergePatch(object, { a: { b: 3, d: { e: null } }, list: [3], gone: null })).toEqual({
      a: { b: 3, c: 2, d: {} },
      list: [3],
    });
    expect(object).toEqual({ a: { b: 1, c: 2 }, list: [1, 2], gone: true });
  });
});

describe('JSON patch', () => {
  test.each<[string, JsonPatchOperation[], unknown]>([
    ['add to a list', [{ op: 'add', path: '/list/1', value: 9 }], { list: [1, 9, 2], 'a/b': 1 }],
    ['add at the end', [{ op: 'add', path: '/list/-', value: 9 }], { list: [1, 2, 9], 'a/b': 1 }],
    ['an index from the end', [{ op: 'remove', path: '/list/-1' }], { list: [1], 'a/b': 1 }],
    ['test for what is absent', [{ op: 'test', path: '/b', value: null }], { list: [1, 2], 'a/b': 1 }],
    ['escaped keys', [{ op: 'replace', path: '/a~1b', value: 2 }], { list: [1, 2], 'a/b': 2 }],
    ['move', [{ op: 'move', from: '/a~1b', path: '/c' }], { list: [1, 2], c: 1 }],
    ['copy', [{ op: 'copy', from: '/list', path: '/c' }], { list: [1, 2], 'a/b': 1, c: [1, 2] }],
    ['test that holds', [{ op: 'test', path: '/list', value: [1, 2] }], { list: [1, 2], 'a/b': 1 }],
  ])('%s', (_name, patch, expected) => {
    expect(jsonPatch({ list: [1, 2], 'a/b': 1 }, patch)).toEqual({ outcome: 'patched', object: expected });
  });

  test('a name that means something to JavaScript is a field like others', () => {
    const outcome = jsonPatch({ data: {} }, [{ op: 'add', path: '/data/__proto__', value: '1' }]);
    expect(JSON.stringify(outcome)).toContain('"data":{"__proto__":"1"}');
  });

  test.each<[string, JsonPatchOperation]>([
    ['a test that fails', { op: 'test', path: '/a', value: 2 }],
    ['removing what is not there', { op: 'remove', path: '/b' }],
    ['replacing what is not there', { op: 'replace', path: '/b', value: 1 }],
    ['adding below what is not there', { op: 'add', path: '/b/c', value: 1 }],
  ])('%s is refused', (_name, operation) => {
    expect(jsonPatch({ a: 1 }, [operation]).outcome).toBe('refused');
  });
});
