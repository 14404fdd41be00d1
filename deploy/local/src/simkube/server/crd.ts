/** The life of a CustomResourceDefinition: served at once, established by a second write, and gone after its objects. */
import { isDeepStrictEqual } from 'node:util';
import type { KubeObject } from '../types.ts';
import type { Catalogue, CrdSpec } from './catalogue.ts';
import type { ClusterState } from './clusterState.ts';
import { isoOf } from '../timestamp.ts';
import type { Store } from './store.ts';

const cleanup = 'customresourcecleanup.apiextensions.k8s.io';

/** The store, and what of its inside a CRD changes. */
type CrdHost = Store & { state: ClusterState; catalogue: Catalogue };

interface Condition {
  type: string;
  status: string;
  reason: string;
  message: string;
  lastTransitionTime: string;
}

export function establish(store: CrdHost, crd: KubeObject): void {
  const {
    group,
    names: { plural },
  } = crd['spec'] as CrdSpec;
  if (store.resource(group, plural) === undefined) store.state.begin({ group, plural });
  store.catalogue.serve(crd);
  if (crd.metadata.deletionTimestamp) return;
  const resource = store.resourceOfKind('apiextensions.k8s.io/v1', 'CustomResourceDefinition');
  if (resource === undefined) return;
  const spec = crd['spec'] as CrdSpec;
  const old = crd['status'] as { conditions?: Condition[]; storedVersions?: string[] } | undefined;
  const now = isoOf(store.clock.now());
  const storage = spec.versions.find((version) => version.storage)?.name ?? '';
  const names = spec.names;
  const status = {
    ...old,
    conditions: old?.conditions?.length ? old.conditions : conditionsAt(now),
    acceptedNames: {
      ...names,
      singular: names.singular ?? names.kind.toLowerCase(),
      listKind: names.listKind ?? `${names.kind}List`,
    },
    storedVersions: [...new Set([...(old?.storedVersions ?? []), storage])],
  };
  const finalizers = [...new Set([...(crd.metadata.finalizers ?? []), cleanup])];
  const after = { ...crd, metadata: { ...crd.metadata, finalizers }, status };
  if (!isDeepStrictEqual(after, crd)) store.state.put(resource, after);
}

function conditionsAt(now: string): Condition[] {
  return [
    {
      type: 'NamesAccepted',
      status: 'True',
      lastTransitionTime: now,
      reason: 'NoConflicts',
      message: 'no conflicts found',
    },
    {
      type: 'Established',
      status: 'True',
      lastTransitionTime: now,
      reason: 'InitialNamesAccepted',
      message: 'the initial names have been accepted',
    },
  ];
}

/** Deletes the objects of a CRD that goes; once none is left, lets the CRD go. */
export function cleanUpCrd(store: CrdHost, crd: KubeObject): void {
  const { group, names } = crd['spec'] as CrdSpec;
  const resource = store.resource(group, names.plural);
  for (const object of resource ? store.list(resource) : []) {
    if (object.metadata.deletionTimestamp || resource === undefined) continue;
    const { namespace = '', name = '' } = object.metadata;
    // The last one that goes may take the CRD with it.
    if (store.get({ resource, namespace, name })) store.delete({ resource, namespace, name });
  }
  if (resource && store.list(resource).length > 0) return;
  const crds = store.resourceOfKind('apiextensions.k8s.io/v1', 'CustomResourceDefinition');
  const key = crds && { resource: crds, namespace: '', name: crd.metadata.name ?? '' };
  const current = key && store.get(key);
  if (!key || !current?.metadata.finalizers?.includes(cleanup)) return;
  const finalizers = current.metadata.finalizers.filter((name) => name !== cleanup);
  store.update(
    key.resource,
    { ...current, metadata: { ...current.metadata, finalizers } },
    { manager: 'kube-apiserver' },
  );
}
