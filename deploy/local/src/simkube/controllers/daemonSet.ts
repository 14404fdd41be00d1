/** DaemonSet: one pod on the one node, if the node fits. */
import { claim, countPods, podFrom, statusWrites } from './objects.ts';
import { event, planOf, type Plan, type Write } from './plan.ts';
import { revisionOf } from './revisions.ts';
import { unfitReason } from './schedule.ts';
import type { ControllerRevision, DaemonSet, Pod } from './shapes.ts';
import type { KubeObject } from '../types.ts';

const COMPONENT = 'daemonset-controller';
const REVISION_LABEL = 'controller-revision-hash';

export interface DaemonSetSight {
  set: DaemonSet;
  pods: readonly Pod[];
  revisions: readonly ControllerRevision[];
  node: KubeObject | undefined;
}

export function daemonSetPlan({ set, pods, revisions, node }: DaemonSetSight, nowMs: number): Plan {
  const { owned, writes } = claim(set, set.spec.selector, pods);
  const revision = revisionOf(set, revisions, []);
  const isWanted = node !== undefined && unfitReason(set.spec.template.spec, node) === undefined;
  const live = owned.filter((pod) => pod.metadata.deletionTimestamp === undefined);
  const isNew = (pod: Pod): boolean => pod.metadata.labels?.[REVISION_LABEL] === revision.hash;
  if (set.metadata.deletionTimestamp === undefined) {
    writes.push(...revision.writes);
    const isRolling = set.spec.updateStrategy?.type !== 'OnDelete';
    const bad = live.filter(
      (pod) => !isWanted || pod.status?.phase === 'Failed' || (isRolling && !isNew(pod)),
    );
    for (const pod of bad) writes.push(...removal(set, pod));
    if (isWanted && owned.length === 0)
      writes.push({ do: 'create', object: podOf(set, revision.hash, node) });
  }
  const { ready, available, wakeAtMs } = countPods(live, set.spec.minReadySeconds, nowMs);
  const updated = live.filter(isNew).length;
  const desired = isWanted ? 1 : 0;
  const status = {
    currentNumberScheduled: isWanted ? live.length : 0,
    numberMisscheduled: isWanted ? 0 : live.length,
    desiredNumberScheduled: desired,
    numberReady: ready,
    observedGeneration: set.metadata.generation ?? 0,
    ...(updated > 0 ? { updatedNumberScheduled: updated } : {}),
    ...(available > 0 ? { numberAvailable: available } : {}),
    ...(desired > available ? { numberUnavailable: desired - available } : {}),
  };
  writes.push(...statusWrites(set, status));
  return planOf(writes, wakeAtMs);
}

function removal(set: DaemonSet, pod: Pod): Write[] {
  const message = `Deleted pod: ${pod.metadata.name ?? ''}`;
  return [{ do: 'delete', object: pod }, event(set, COMPONENT, 'SuccessfulDelete', message)];
}

function podOf(set: DaemonSet, hash: string, node: KubeObject): Pod {
  const generation = set.metadata.annotations?.['deprecated.daemonset.template.generation'];
  const pod = podFrom(set.spec.template, set, {
    [REVISION_LABEL]: hash,
    ...(generation === undefined ? {} : { 'pod-template-generation': generation }),
  });
  const matchFields = [{ key: 'metadata.name', operator: 'In', values: [node.metadata.name ?? ''] }];
  const required = { nodeSelectorTerms: [{ matchFields }] };
  const affinity = (pod.spec['affinity'] ?? {}) as Record<string, unknown>;
  pod.spec['affinity'] = {
    ...affinity,
    nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: required },
  };
  return pod;
}
