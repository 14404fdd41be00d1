import { expect, test } from 'vitest';
import { ApiError } from './apiError.ts';
import { labelPredicate, predicateOf } from './selectors.ts';

const object = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web-1', namespace: 'shop', labels: { app: 'web', tier: 'front' } },
  status: { phase: 'Running' },
};

test.each([
  ['app=web', true],
  ['app==web,tier!=back', true],
  ['app in (web, api),tier', true],
  ['app notin (web)', false],
  ['!canary', true],
  ['!app', false],
  ['missing!=x', true],
])('labels are selected by %s', (selector, expected) => {
  expect(labelPredicate(selector)(object)).toBe(expected);
});

test('fields of any depth are selected, with the namespace', () => {
  const fits = (fieldSelector: string, namespace = 'shop') =>
    predicateOf({ fieldSelector, namespace })(object);
  expect(fits('metadata.name=web-1,status.phase!=Failed')).toBe(true);
  expect(fits('metadata.name=web-1', 'other')).toBe(false);
  expect(fits('status.phase=Failed')).toBe(false);
});

test('a selector that nobody understands is refused', () => {
  expect(() => labelPredicate('a b c')).toThrow(ApiError);
});
