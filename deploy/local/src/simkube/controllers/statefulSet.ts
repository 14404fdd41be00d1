/**
 * StatefulSet: pods with ordinals and claims of their own. Unless its policy is Parallel, one pod changes at a time, and
 * only when its predecessors are ready; an update goes from the highest ordinal down to the partition.
 */
import type { KubeObject } from '../types.ts';
import { claim, countPods, isReady, podFrom, availableAtMs, statusWrites } from './objects.ts';
import { event, planOf, type Plan, type Write } from './plan.ts';
import { revisionOf } from './revisions.ts';
import type { ControllerRevision, Pod, ReplicaStatus, StatefulSet } from './shapes.ts';

const COMPONENT = 'statefulset-controller';
const REVISION_LABEL = 'controller-revision-hash';

interface Look {
  set: StatefulSet;
  pods: readonly Pod[];
  claims: ReadonlySet<string>;
  current: string;
  update: string;
  nowMs: number;
}

export interface StatefulSetSight {
  set: StatefulSet;
  pods: readonly Pod[];
  revisions: readonly ControllerRevision[];
  /** Names of the claims in its namespace. */
  claims: ReadonlySet<string>;
}

export function statefulSetPlan({ set, pods, revisions, claims }: StatefulSetSight, nowMs: number): Plan {
  const { owned, writes } = claim(set, set.spec.selector, pods);
  const inUse = [...owned.map((pod) => pod.metadata.labels?.[REVISION_LABEL] ?? '')];
  if (set.status?.currentRevision !== undefined) inUse.push(set.status.currentRevision);
  const revision = revisionOf(set, revisions, inUse);
  const known = revisions.some(({ metadata }) => metadata.name === set.status?.currentRevision);
  const current = known ? (set.status?.currentRevision ?? revision.name) : revision.name;
  const look: Look = { set, pods: owned, claims, current, update: revision.name, nowMs };
  if (set.metadata.deletionTimestamp === undefined) writes.push(...revision.writes, ...nextStep(look));
  const { status, wakeAtMs } = statusOf(look);
  writes.push(...statusWrites(set, status));
  return planOf(writes, wakeAtMs);
}

function nextStep(look: Look): Write[] {
  const { set, pods } = look;
  const [first, end] = range(set);
  const isOrdered = set.spec.podManagementPolicy !== 'Parallel';
  const writes: Write[] = [];
  for (let ordinal = first; ordinal < end; ordinal++) {
    const pod = pods.find((one) => ordinalOf(one) === ordinal);
    const change = fill(look, ordinal, pod);
    writes.push(...change);
    const isSettled = change.length === 0 && pod !== undefined && isHealthy(look, pod);
    if (isOrdered && !isSettled) return writes;
  }
  const surplus = pods
    .filter((pod) => ordinalOf(pod) < first || ordinalOf(pod) >= end)
    .toSorted((a, b) => ordinalOf(b) - ordinalOf(a));
  for (const pod of isOrdered ? surplus.slice(0, 1) : surplus) writes.push(...removal(set, pod));
  if (writes.length > 0 || surplus.length > 0 || set.spec.updateStrategy?.type === 'OnDelete') return writes;
  return replaceOld(look);
}

function range(set: StatefulSet): [number, number] {
  const first = set.spec.ordinals?.start ?? 0;
  return [first, first + (set.spec.replicas ?? 1)];
}

export function ordinalOf(pod: Pod): number {
  const digits = /-(\d+)$/.exec(pod.metadata.name ?? '')?.[1];
  return digits === undefined ? -1 : Number(digits);
}

/** A pod that is missing is made, one that ended is made anew. */
function fill(look: Look, ordinal: number, pod: Pod | undefined): Write[] {
  if (pod === undefined) return creation(look, ordinal);
  const hasEnded = pod.status?.phase === 'Failed' || pod.status?.phase === 'Succeeded';
  return hasEnded ? removal(look.set, pod) : [];
}

function replaceOld({ set, pods, update, nowMs }: Look): Write[] {
  const [first, end] = range(set);
  const partition = set.spec.updateStrategy?.rollingUpdate?.partition ?? 0;
  for (let ordinal = end - 1; ordinal >= first + partition; ordinal--) {
    const pod = pods.find((one) => ordinalOf(one) === ordinal);
    if (pod === undefined) return [];
    if (pod.metadata.labels?.[REVISION_LABEL] !== update) return removal(set, pod);
    if (!isHealthy({ set, nowMs }, pod)) return [];
  }
  return [];
}

function isHealthy({ set, nowMs }: Pick<Look, 'set' | 'nowMs'>, pod: Pod): boolean {
  const at = availableAtMs(pod, set.spec.minReadySeconds);
  return pod.metadata.deletionTimestamp === undefined && at !== undefined && at <= nowMs;
}

function removal(set: StatefulSet, pod: Pod): Write[] {
  if (pod.metadata.deletionTimestamp !== undefined) return [];
  const message = `Delete Pod ${pod.metadata.name ?? ''} in StatefulSet ${set.metadata.name ?? ''} successful`;
  return [{ do: 'delete', object: pod }, event(set, COMPONENT, 'SuccessfulDelete', message)];
}

function creation({ set, claims, current, update }: Look, ordinal: number): Write[] {
  const { name = '', namespace = '' } = set.metadata;
  const [first] = range(set);
  const { type, rollingUpdate } = set.spec.updateStrategy ?? {};
  const isOld = type !== 'OnDelete' && ordinal < first + (rollingUpdate?.partition ?? 0);
  const podName = `${name}-${ordinal}`;
  const pod = podFrom(set.spec.template, set, {
    'apps.kubernetes.io/pod-index': String(ordinal),
    [REVISION_LABEL]: isOld ? current : update,
    'statefulset.kubernetes.io/pod-name': podName,
  });
  pod.metadata.name = podName;
  pod.spec = { ...pod.spec, hostname: podName, subdomain: set.spec.serviceName ?? '' };
  const templates = set.spec.volumeClaimTemplates ?? [];
  const volumes = templates.map((template) => ({
    name: template.metadata.name ?? '',
    persistentVolumeClaim: { claimName: `${template.metadata.name ?? ''}-${podName}` },
  }));
  const own = (pod.spec.volumes ?? []).filter(
    (volume) => !volumes.some(({ name: other }) => other === volume.name),
  );
  if (volumes.length > 0) pod.spec.volumes = [...volumes, ...own];
  const writes: Write[] = templates
    .map((template): KubeObject => {
      const labels = { ...template.metadata.labels, ...set.spec.selector.matchLabels };
      const metadata = {
        ...template.metadata,
        name: `${template.metadata.name ?? ''}-${podName}`,
        namespace,
        labels,
      };
      return {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        metadata,
        spec: structuredClone(template.spec),
      };
    })
    .filter(({ metadata }) => !claims.has(metadata.name ?? ''))
    .flatMap((object): Write[] => {
      const message = `Create Claim ${object.metadata.name ?? ''} Pod ${podName} in StatefulSet ${name} success`;
      return [{ do: 'create', object }, event(set, COMPONENT, 'SuccessfulCreate', message)];
    });
  return [...writes, { do: 'create', object: pod }];
}

function statusOf(look: Look): { status: ReplicaStatus; wakeAtMs?: number } {
  const { set, pods, update, nowMs } = look;
  const live = pods.filter((pod) => pod.metadata.deletionTimestamp === undefined);
  const { available, wakeAtMs } = countPods(live, set.spec.minReadySeconds, nowMs);
  const ready = live.filter(isReady).length;
  const at = (name: string): number =>
    live.filter((pod) => pod.metadata.labels?.[REVISION_LABEL] === name).length;
  const updated = at(update);
  const desired = set.spec.replicas ?? 1;
  const isDone = updated === desired && pods.length === desired && ready === desired;
  const isRolling = set.spec.updateStrategy?.type !== 'OnDelete';
  const current = isDone && isRolling ? update : look.current;
  const status: ReplicaStatus = {
    ...set.status,
    observedGeneration: set.metadata.generation ?? 0,
    replicas: pods.length,
    availableReplicas: available,
    collisionCount: 0,
    currentRevision: current,
    updateRevision: update,
  };
  for (const [name, count] of [
    ['readyReplicas', ready],
    ['currentReplicas', at(current)],
    ['updatedReplicas', updated],
  ] as const)
    if (count > 0) status[name] = count;
    else delete status[name];
  return { status, ...(wakeAtMs === undefined ? {} : { wakeAtMs }) };
}
