import { expect, test } from 'vitest';
import { requestInfoOf } from './requestInfo.ts';

function said(method: string, uri: string): string {
  const info = requestInfoOf(method, uri);
  return [info.verb, info.group, info.resource, info.subresource, info.namespace, info.name].join('|');
}

test.each([
  ['GET', '/api/v1/namespaces', 'list||namespaces|||'],
  ['GET', '/api/v1/namespaces/a', 'get||namespaces|||a'],
  ['PUT', '/api/v1/namespaces/a/finalize', 'update||namespaces|finalize||a'],
  ['GET', '/api/v1/namespaces/a/pods?watch=true', 'watch||pods||a|'],
  ['GET', '/api/v1/namespaces/a/pods/p/log', 'get||pods|log|a|p'],
  ['DELETE', '/apis/apps/v1/namespaces/a/deployments', 'deletecollection|apps|deployments||a|'],
  ['PATCH', '/apis/apps/v1/namespaces/a/deployments/d/status', 'patch|apps|deployments|status|a|d'],
])('%s %s is about one thing', (method, uri, expected) => {
  expect(said(method, uri)).toBe(expected);
});

test('what is no resource is told by its path', () => {
  expect(requestInfoOf('GET', '/apis/apps/v1')).toMatchObject({ isResource: false, verb: 'get' });
});
