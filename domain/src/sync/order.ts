/**
 * The order of kinds inside a sync wave: what others need comes first, what could stop others (webhook configurations)
 * comes last. Deletes go the other way.
 */
import { compareText } from '../object/identity.ts';
import type { Identity } from '../object/types.ts';

/** Group and kind in the order in which they apply. */
const kindOrder: readonly (readonly [group: string, kind: string])[] = [
  ['', 'Namespace'],
  ['networking.k8s.io', 'NetworkPolicy'],
  ['', 'ResourceQuota'],
  ['', 'LimitRange'],
  ['policy', 'PodDisruptionBudget'],
  ['', 'ServiceAccount'],
  ['', 'Secret'],
  ['', 'ConfigMap'],
  ['storage.k8s.io', 'StorageClass'],
  ['', 'PersistentVolume'],
  ['', 'PersistentVolumeClaim'],
  ['apiextensions.k8s.io', 'CustomResourceDefinition'],
  ['rbac.authorization.k8s.io', 'ClusterRole'],
  ['rbac.authorization.k8s.io', 'ClusterRoleBinding'],
  ['rbac.authorization.k8s.io', 'Role'],
  ['rbac.authorization.k8s.io', 'RoleBinding'],
  ['', 'Service'],
  ['apps', 'DaemonSet'],
  ['', 'Pod'],
  ['', 'ReplicationController'],
  ['apps', 'ReplicaSet'],
  ['apps', 'Deployment'],
  ['autoscaling', 'HorizontalPodAutoscaler'],
  ['apps', 'StatefulSet'],
  ['batch', 'Job'],
  ['batch', 'CronJob'],
  ['networking.k8s.io', 'IngressClass'],
  ['networking.k8s.io', 'Ingress'],
  ['apiregistration.k8s.io', 'APIService'],
];

const lastKinds: readonly (readonly [group: string, kind: string])[] = [
  ['admissionregistration.k8s.io', 'ValidatingAdmissionPolicy'],
  ['admissionregistration.k8s.io', 'ValidatingAdmissionPolicyBinding'],
  ['admissionregistration.k8s.io', 'MutatingWebhookConfiguration'],
  ['admissionregistration.k8s.io', 'ValidatingWebhookConfiguration'],
];

const ranks: ReadonlyMap<string, number> = new Map([
  ...kindOrder.map(([group, kind], rank): [string, number] => [`${group}/${kind}`, rank]),
  ...lastKinds.map(([group, kind], rank): [string, number] => [
    `${group}/${kind}`,
    kindOrder.length + 1 + rank,
  ]),
]);

/** Smaller applies earlier; kinds that the order does not name come after all that it does, before webhooks. */
export function kindRank(kind: { group: string; kind: string }): number {
  return ranks.get(`${kind.group}/${kind.kind}`) ?? kindOrder.length;
}

/** By kind order, then kind, namespace, name. */
export function compareForApply(a: Identity, b: Identity): number {
  return (
    kindRank(a) - kindRank(b) ||
    compareText(`${a.group}/${a.kind}`, `${b.group}/${b.kind}`) ||
    compareText(a.namespace, b.namespace) ||
    compareText(a.name, b.name)
  );
}

/** Sorted, neighbours of equal rank in one group: those go in parallel. `delete` is the mirror of `apply`. */
export function groupByKind<T>(
  items: readonly T[],
  identityOf: (item: T) => Identity,
  direction: 'apply' | 'delete',
): T[][] {
  const sorted = items.toSorted((a, b) => compareForApply(identityOf(a), identityOf(b)));
  const groups: T[][] = [];
  let rank: number | null = null;
  for (const item of sorted) {
    const itemRank = kindRank(identityOf(item));
    if (itemRank === rank) groups.at(-1)?.push(item);
    else groups.push([item]);
    rank = itemRank;
  }
  return direction === 'apply' ? groups : groups.toReversed();
}
