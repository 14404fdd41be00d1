import { expect, test } from 'vitest';
import type { ResourceType } from '../types.ts';
import { ClusterState } from './clusterState.ts';

const configMaps = { group: '', plural: 'configmaps', kind: 'ConfigMap' } as ResourceType;

function configMap(name: string) {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'a' } };
}

test('every change has the next version and is told in order with what was before', () => {
  const state = new ClusterState();
  const heard: string[] = [];
  state.watch(({ type, resourceVersion, before }) =>
    heard.push(`${type} ${resourceVersion} ${before?.metadata.resourceVersion ?? '-'}`),
  );
  const made = state.put(configMaps, configMap('one'));
  state.put(configMaps, made);
  state.remove(configMaps, made);
  expect(heard).toEqual(['ADDED 1 -', 'MODIFIED 2 1', 'DELETED 3 2']);
  expect(state.all(configMaps)).toEqual([]);
});

test('changes are known for a while, and what is forgotten is said to be', () => {
  const state = new ClusterState();
  for (let at = 0; at < 10; at += 1) state.put(configMaps, configMap(`c${at}`));
  expect(state.since(8)?.map(({ resourceVersion }) => resourceVersion)).toEqual([9, 10]);
  expect(state.since(10)).toEqual([]);
  state.compact();
  expect(state.since(8)).toBeUndefined();
  for (let at = 0; at < 4_000; at += 1) state.put(configMaps, configMap('busy'));
  expect(state.since(20)).toBeUndefined();
  expect(state.since(state.resourceVersion - 5)?.length).toBe(5);
});

test('a collection is in the order of namespace and name', () => {
  const state = new ClusterState();
  for (const name of ['b', 'a', 'c']) state.put(configMaps, configMap(name));
  expect(state.all(configMaps).map(({ metadata }) => metadata.name)).toEqual(['a', 'b', 'c']);
});
