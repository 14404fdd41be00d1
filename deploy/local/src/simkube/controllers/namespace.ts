/** Namespaces: each has its account and the cluster's certificate; one that terminates is emptied first. */
import type { KubeObject } from '../types.ts';
import { withCondition, statusWrites } from './objects.ts';
import { planOf, type Plan, type Write } from './plan.ts';
import type { Condition } from './shapes.ts';

export const ROOT_CA = 'kube-root-ca.crt';
const CA_NOTE =
  'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.';

export interface NamespaceSight {
  namespace: KubeObject;
  hasAccount: boolean;
  rootCa: KubeObject | undefined;
  /** PEM; empty where the cluster has none. */
  caCertificate: string;
  /** All that is in it, with the plural names of its kinds. Only looked at while it terminates. */
  content: () => { resource: string; object: KubeObject }[];
}

export function namespacePlan(sight: NamespaceSight, nowMs: number): Plan {
  const { namespace } = sight;
  return planOf(
    namespace.metadata.deletionTimestamp === undefined
      ? furnish(sight)
      : empty(namespace, sight.content(), nowMs),
  );
}

function furnish({ namespace: { metadata }, hasAccount, rootCa, caCertificate }: NamespaceSight): Write[] {
  const namespace = metadata.name ?? '';
  const writes: Write[] = [];
  if (!hasAccount) {
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace } };
    writes.push({ do: 'create', object: account });
  }
  const data = { 'ca.crt': caCertificate };
  if (rootCa === undefined) {
    const annotations = { 'kubernetes.io/description': CA_NOTE };
    const map = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: ROOT_CA, namespace, annotations },
      data,
    };
    writes.push({ do: 'create', object: map });
  } else if ((rootCa['data'] as Record<string, string> | undefined)?.['ca.crt'] !== caCertificate)
    writes.push({ do: 'update', object: { ...rootCa, data } });
  return writes;
}

/** Pods go before what they use. */
function empty(
  namespace: KubeObject,
  content: readonly { resource: string; object: KubeObject }[],
  nowMs: number,
): Write[] {
  if (content.length === 0) return [{ do: 'finalize', object: namespace }];
  const isLeft = ({ object }: { object: KubeObject }): boolean =>
    object.metadata.deletionTimestamp === undefined;
  const pods = content.filter(({ resource }) => resource === 'pods');
  const going = (pods.length > 0 ? pods : content).filter(isLeft);
  const writes: Write[] = going.map(({ object }) => ({ do: 'delete', object, propagation: 'Background' }));
  const status = (namespace['status'] ?? {}) as { conditions?: Condition[] };
  const stuck = content.filter((one) => !isLeft(one));
  if (stuck.length === 0) return writes;
  const conditions = terminationConditions(stuck).reduce<Condition[]>(
    (all, condition) => withCondition(all, condition, nowMs),
    status.conditions ?? [],
  );
  return [...writes, ...statusWrites(namespace, { ...status, phase: 'Terminating', conditions })];
}

function terminationConditions(content: readonly { resource: string; object: KubeObject }[]): Condition[] {
  const left = counted(content.map(({ resource }) => resource)).map(
    ([resource, count]) => `${resource} has ${count} resource instances`,
  );
  const finalizers = counted(content.flatMap(({ object }) => object.metadata.finalizers ?? [])).map(
    ([finalizer, count]) => `${finalizer} in ${count} resource instances`,
  );
  const fine = (type: string, reason: string, message: string): Condition => ({
    type,
    status: 'False',
    reason,
    message,
  });
  return [
    fine('NamespaceDeletionDiscoveryFailure', 'ResourcesDiscovered', 'All resources successfully discovered'),
    fine(
      'NamespaceDeletionGroupVersionParsingFailure',
      'ParsedGroupVersions',
      'All legacy kube types successfully parsed',
    ),
    fine(
      'NamespaceDeletionContentFailure',
      'ContentDeleted',
      'All content successfully deleted, may be waiting on finalization',
    ),
    {
      type: 'NamespaceContentRemaining',
      status: 'True',
      reason: 'SomeResourcesRemain',
      message: `Some resources are remaining: ${left.join(', ')}`,
    },
    {
      type: 'NamespaceFinalizersRemaining',
      status: finalizers.length > 0 ? 'True' : 'False',
      reason: finalizers.length > 0 ? 'SomeFinalizersRemain' : 'ContentHasNoFinalizers',
      message:
        finalizers.length > 0
          ? `Some content in the namespace has finalizers remaining: ${finalizers.join(', ')}`
          : 'All content-preserving finalizers finished',
    },
  ];
}

function counted(names: readonly string[]): [string, number][] {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].toSorted(([a], [b]) => (a < b ? -1 : 1));
}
