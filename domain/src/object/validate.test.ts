import { expect, test } from 'vitest';
import { validateManifest, type ManifestProblem } from './validate.ts';

const configMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } };

function problems(document: unknown): ManifestProblem[] {
  return validateManifest(document, 'a.yaml').errors.map((error) => error.problem);
}

test('an object is taken as it is and keeps its source', () => {
  const { objects, errors } = validateManifest({ ...configMap, data: { big: 2n ** 60n } }, 'a.yaml#1');
  expect(errors).toEqual([]);
  expect(objects).toEqual([{ source: 'a.yaml#1', object: { ...configMap, data: { big: 2n ** 60n } } }]);
});

test('empty documents give nothing', () => {
  expect(validateManifest(null, 'a')).toEqual({ objects: [], errors: [] });
});

test('a List gives its items, and one bad item does not take the others with it', () => {
  const list = {
    apiVersion: 'v1',
    kind: 'List',
    items: [configMap, { kind: 'X' }, { ...configMap, metadata: { name: 'b' } }],
  };
  const { objects, errors } = validateManifest(list, 'a.yaml');
  expect(objects.map(({ object }) => object.metadata.name)).toEqual(['a', 'b']);
  expect(errors).toMatchObject([{ problem: 'MissingApiVersion', source: 'a.yaml[1]' }]);
});

test('typed lists are lists, and a custom kind that merely ends in List is none without items', () => {
  expect(
    validateManifest({ apiVersion: 'v1', kind: 'ConfigMapList', items: [configMap] }, 'a').objects,
  ).toHaveLength(1);
  expect(
    validateManifest({ apiVersion: 'x/v1', kind: 'AllowList', metadata: { name: 'a' } }, 'a').objects,
  ).toHaveLength(1);
});

test('fields that the server sets are dropped, since applying them is refused or means something else', () => {
  const metadata = {
    name: 'a',
    creationTimestamp: null,
    resourceVersion: '4',
    uid: 'u',
    managedFields: [],
    annotations: { a: 'b', c: null },
  };
  const { objects } = validateManifest({ ...configMap, metadata }, 'a');
  expect(objects[0]?.object.metadata).toEqual({ name: 'a', annotations: { a: 'b' } });
});

test('generateName stands in for the name', () => {
  const { objects } = validateManifest(
    { apiVersion: 'batch/v1', kind: 'Job', metadata: { generateName: 'migrate-' } },
    'a',
  );
  expect(objects[0]?.object.metadata).toEqual({ generateName: 'migrate-', name: 'migrate-' });
});

const nested = (depth: number): unknown => (depth === 0 ? 1 : { a: nested(depth - 1) });
const named = (name: unknown, kind = 'ConfigMap', apiVersion = 'v1') => ({
  apiVersion,
  kind,
  metadata: { name },
});

test.each<[string, unknown, ManifestProblem[]]>([
  ['a scalar', 'text', ['NotAnObject']],
  ['a list document', [configMap], ['NotAnObject']],
  ['no apiVersion', { kind: 'A', metadata: { name: 'a' } }, ['MissingApiVersion']],
  ['no kind', { apiVersion: 'v1', metadata: { name: 'a' } }, ['MissingKind']],
  ['no metadata', { apiVersion: 'v1', kind: 'A' }, ['MissingName']],
  ['no name', { apiVersion: 'v1', kind: 'A', metadata: {} }, ['MissingName']],
  ['a name that is a number', named(5), ['InvalidName']],
  ['upper case', named('Web'), ['InvalidName']],
  ['a slash', named('a/b'), ['InvalidName']],
  ['253 characters', named('a'.repeat(253)), []],
  ['254 characters', named('a'.repeat(254)), ['InvalidName']],
  ['a colon in a role', named('system:node', 'ClusterRole', 'rbac.authorization.k8s.io/v1'), []],
  ['a slash in a role', named('a/b', 'ClusterRole', 'rbac.authorization.k8s.io/v1'), ['InvalidName']],
  [
    'a namespace with a dot',
    { ...configMap, metadata: { name: 'a', namespace: 'a.b' } },
    ['InvalidNamespace'],
  ],
  [
    'an annotation that is a number',
    { ...configMap, metadata: { name: 'a', annotations: { wave: 5 } } },
    ['InvalidMetadata'],
  ],
  [
    'a label that is a boolean',
    { ...configMap, metadata: { name: 'a', labels: { on: true } } },
    ['InvalidMetadata'],
  ],
  ['a date', { ...configMap, data: { at: new Date(0) } }, ['NotJson']],
  ['NaN', { ...configMap, data: { n: NaN } }, ['NotJson']],
  ['a Map', { ...configMap, data: new Map() }, ['NotJson']],
  ['a lone surrogate', { ...configMap, data: { a: '\ud800' } }, ['NotJson']],
  [
    '__proto__',
    JSON.parse('{"apiVersion":"v1","kind":"A","metadata":{"name":"a"},"x":{"__proto__":{}}}'),
    ['ForbiddenKey'],
  ],
  ['constructor', { ...configMap, data: { constructor: 'x' } }, ['ForbiddenKey']],
  ['too deep', { ...configMap, data: nested(300) }, ['TooDeep']],
  ['deep enough', { ...configMap, data: nested(200) }, []],
  ['too large', { ...configMap, data: { a: 'x'.repeat(4 * 1024 * 1024) } }, ['TooLarge']],
])('%s', (_name, document, expected) => {
  expect(problems(document)).toEqual(expected);
});

test('a document that grows by aliases is refused before it is walked to its end', () => {
  let bomb: unknown[] = ['x'.repeat(1000)];
  for (let level = 0; level < 30; level++) bomb = [bomb, bomb];
  expect(problems({ ...configMap, data: { bomb } })).toEqual(['TooLarge']);
});

test('a document that holds itself is refused', () => {
  const loop: Record<string, unknown> = { ...configMap };
  loop['self'] = loop;
  expect(problems(loop)).toEqual(['TooDeep']);
});
