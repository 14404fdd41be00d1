/** What a new cluster has before anybody asks for something: its namespaces, the roles that people expect, its Service. */
import type { KubeObject } from '../types.ts';
import type { ClusterStore } from './clusterStore.ts';

const manager = 'simkube';
const namespaces = ['default', 'kube-system', 'kube-public', 'kube-node-lease'];
const rbac = 'rbac.authorization.k8s.io/v1';
const everything = [
  { apiGroups: ['*'], resources: ['*'], verbs: ['*'] },
  { nonResourceURLs: ['*'], verbs: ['*'] },
];
const reading = ['get', 'list', 'watch'];

export function bootstrap(store: ClusterStore): void {
  for (const name of namespaces) make(store, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  make(store, role('cluster-admin', everything));
  make(store, role('admin', [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }]));
  make(store, role('edit', [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }]));
  make(store, role('view', [{ apiGroups: ['*'], resources: ['*'], verbs: reading }]));
  make(store, {
    apiVersion: rbac,
    kind: 'ClusterRoleBinding',
    metadata: { name: 'cluster-admin' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'system:masters' }],
  });
}

function role(name: string, rules: object[]): KubeObject {
  return { apiVersion: rbac, kind: 'ClusterRole', metadata: { name }, rules };
}

function make(store: ClusterStore, object: KubeObject): void {
  const resource = store.resourceOfKind(object.apiVersion, object.kind);
  if (resource) store.create(resource, object, { manager });
}
