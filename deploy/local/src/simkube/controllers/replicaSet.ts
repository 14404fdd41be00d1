/** ReplicaSet: as many pods as asked for; unready and young ones go first. */
import { byAge, claim, countPods, isActive, isReady, podFrom, selects, statusWrites } from './objects.ts';
import { event, planOf, type Plan, type Write } from './plan.ts';
import type { Pod, ReplicaSet, ReplicaStatus } from './shapes.ts';

const COMPONENT = 'replicaset-controller';

export function replicaSetPlan(set: ReplicaSet, candidates: readonly Pod[], nowMs: number): Plan {
  const { owned, writes } = claim(set, set.spec.selector, candidates);
  const active = owned.filter(isActive);
  const missing = (set.spec.replicas ?? 1) - active.length;
  if (set.metadata.deletionTimestamp === undefined) {
    for (let i = 0; i < missing; i++) writes.push({ do: 'create', object: podFrom(set.spec.template, set) });
    for (const pod of firstToGo(active).slice(0, Math.max(0, -missing))) writes.push(...removal(set, pod));
  }
  const { ready, available, wakeAtMs } = countPods(active, set.spec.minReadySeconds, nowMs);
  const labels = set.spec.template.metadata?.labels;
  const status: ReplicaStatus = {
    ...set.status,
    replicas: active.length,
    fullyLabeledReplicas: active.filter((pod) => selects({ matchLabels: labels ?? {} }, pod.metadata.labels))
      .length,
    readyReplicas: ready,
    availableReplicas: available,
    terminatingReplicas: owned.filter((pod) => pod.metadata.deletionTimestamp !== undefined).length,
    observedGeneration: set.metadata.generation ?? 0,
  };
  writes.push(...statusWrites(set, withoutZeros(status)));
  return planOf(writes, wakeAtMs);
}

function removal(set: ReplicaSet, pod: Pod): Write[] {
  const message = `Deleted pod: ${pod.metadata.name ?? ''}`;
  return [{ do: 'delete', object: pod }, event(set, COMPONENT, 'SuccessfulDelete', message)];
}

function firstToGo(pods: readonly Pod[]): Pod[] {
  return pods.toSorted((a, b) => rank(a) - rank(b) || -byAge(a, b));
}

function rank(pod: Pod): number {
  if (pod.spec.nodeName === undefined) return 0;
  if (pod.status?.phase !== 'Running') return 1;
  return isReady(pod) ? 3 : 2;
}

/** Counts that are zero are left out, as the API leaves them out. */
function withoutZeros(status: ReplicaStatus): ReplicaStatus {
  const { fullyLabeledReplicas, readyReplicas, availableReplicas, ...rest } = status;
  return {
    ...rest,
    ...(fullyLabeledReplicas ? { fullyLabeledReplicas } : {}),
    ...(readyReplicas ? { readyReplicas } : {}),
    ...(availableReplicas ? { availableReplicas } : {}),
  };
}
