/** What a Deployment says of itself: counts, and the conditions Available and Progressing with their reasons. */
import type { KubeObject } from '../types.ts';
import { boundsOf } from './deploymentBounds.ts';
import { conditionOf, withCondition } from './objects.ts';
import { isoOf } from '../timestamp.ts';
import { earlier, type Write } from './plan.ts';
import type { Condition, Deployment, ReplicaSet, ReplicaStatus } from './shapes.ts';

const NEVER_SECONDS = 2147483647;

interface Counts {
  replicas: number;
  updated: number;
  ready: number;
  available: number;
}

export interface StatusResult {
  status: ReplicaStatus;
  events: Write[];
  wakeAtMs?: number;
}

export function deploymentStatus(
  deployment: Deployment,
  sets: readonly ReplicaSet[],
  current: ReplicaSet | undefined,
  created: KubeObject | undefined,
  nowMs: number,
): StatusResult {
  const counts = countsOf(sets, current);
  const { desired, availableMin } = boundsOf(deployment);
  const isAvailable = counts.available >= availableMin;
  let conditions = set(deployment.status?.conditions, availability(isAvailable), nowMs);
  const progress = progressOf(deployment, counts, current ?? created, created !== undefined, nowMs);
  if (progress !== undefined) conditions = replaceProgress(conditions, progress, nowMs);
  const status: ReplicaStatus = {
    ...(deployment.status?.collisionCount === undefined
      ? {}
      : { collisionCount: deployment.status.collisionCount }),
    observedGeneration: deployment.metadata.generation ?? 0,
    ...positive('replicas', counts.replicas),
    ...positive('updatedReplicas', counts.updated),
    ...positive('readyReplicas', counts.ready),
    ...positive('availableReplicas', counts.available),
    ...positive('unavailableReplicas', Math.max(0, Math.max(counts.replicas, desired) - counts.available)),
    terminatingReplicas: sum(sets, (one) => one.terminatingReplicas),
    conditions,
  };
  const wakeAtMs = deadlineMs(deployment, conditions, nowMs);
  return { status, events: [], ...(wakeAtMs === undefined ? {} : { wakeAtMs }) };
}

function countsOf(sets: readonly ReplicaSet[], current: ReplicaSet | undefined): Counts {
  return {
    replicas: sum(sets, (one) => one.replicas),
    updated: current?.status?.replicas ?? 0,
    ready: sum(sets, (one) => one.readyReplicas),
    available: sum(sets, (one) => one.availableReplicas),
  };
}

function sum(sets: readonly ReplicaSet[], read: (status: ReplicaStatus) => number | undefined): number {
  return sets.reduce((total, one) => total + (read(one.status ?? {}) ?? 0), 0);
}

function positive(name: keyof ReplicaStatus, value: number): Record<string, number> {
  return value > 0 ? { [name]: value } : {};
}

function availability(isAvailable: boolean): Condition {
  return isAvailable
    ? {
        type: 'Available',
        status: 'True',
        reason: 'MinimumReplicasAvailable',
        message: 'Deployment has minimum availability.',
      }
    : {
        type: 'Available',
        status: 'False',
        reason: 'MinimumReplicasUnavailable',
        message: 'Deployment does not have minimum availability.',
      };
}

/** A condition with the same status and reason stays as it is, with its times. */
function set(conditions: readonly Condition[] | undefined, next: Condition, nowMs: number): Condition[] {
  const before = conditionOf(conditions, next.type);
  if (before?.status === next.status && before.reason === next.reason) return [...(conditions ?? [])];
  return withCondition(conditions, { ...next, lastUpdateTime: isoOf(nowMs) }, nowMs);
}

function replaceProgress(conditions: readonly Condition[], next: Condition, nowMs: number): Condition[] {
  // Every step of progress moves the update time, from which the deadline counts.
  if (next.reason !== 'ReplicaSetUpdated') return set(conditions, next, nowMs);
  return withCondition(conditions, { ...next, lastUpdateTime: isoOf(nowMs) }, nowMs);
}

function progressOf(
  deployment: Deployment,
  counts: Counts,
  current: KubeObject | undefined,
  isNew: boolean,
  nowMs: number,
): Condition | undefined {
  const before = conditionOf(deployment.status?.conditions, 'Progressing');
  const subject = `ReplicaSet "${current?.metadata.name ?? ''}"`;
  if (!hasDeadline(deployment)) return undefined;
  if (deployment.spec.paused === true) return paused(before);
  if (before?.reason === 'DeploymentPaused')
    return progressing('Unknown', 'DeploymentResumed', 'Deployment is resumed');
  if (isNew)
    return progressing(
      'True',
      'NewReplicaSetCreated',
      `Created new replica set "${current?.metadata.name ?? ''}"`,
    );
  // A rollout that came to its end stays so while no template changes, even if pods fail later.
  if (
    before?.reason === 'NewReplicaSetAvailable' &&
    counts.replicas === counts.updated &&
    current !== undefined
  )
    if (before.message?.startsWith(subject) === true) return undefined;
  if (isComplete(deployment, counts))
    return progressing('True', 'NewReplicaSetAvailable', `${subject} has successfully progressed.`);
  if (hasProgressed(deployment.status, counts))
    return progressing('True', 'ReplicaSetUpdated', `${subject} is progressing.`);
  if (before === undefined && current !== undefined)
    return progressing(
      'True',
      'FoundNewReplicaSet',
      `Found new replica set "${current.metadata.name ?? ''}"`,
    );
  if (!isLate(deployment, before, nowMs)) return undefined;
  return progressing('False', 'ProgressDeadlineExceeded', `${subject} has timed out progressing.`);
}

function paused(before: Condition | undefined): Condition | undefined {
  if (before?.reason === 'ProgressDeadlineExceeded') return undefined;
  return progressing('Unknown', 'DeploymentPaused', 'Deployment is paused');
}

function progressing(status: Condition['status'], reason: string, message: string): Condition {
  return { type: 'Progressing', status, reason, message };
}

function isComplete(deployment: Deployment, { replicas, updated, available }: Counts): boolean {
  const { desired } = boundsOf(deployment);
  return updated === desired && replicas === desired && available === desired;
}

function hasProgressed(before: ReplicaStatus = {}, counts: Counts): boolean {
  const old = (before.replicas ?? 0) - (before.updatedReplicas ?? 0);
  return (
    counts.updated > (before.updatedReplicas ?? 0) ||
    counts.replicas - counts.updated < old ||
    counts.ready > (before.readyReplicas ?? 0) ||
    counts.available > (before.availableReplicas ?? 0)
  );
}

function hasDeadline({ spec }: Deployment): boolean {
  return (spec.progressDeadlineSeconds ?? 600) !== NEVER_SECONDS;
}

function isLate(deployment: Deployment, condition: Condition | undefined, nowMs: number): boolean {
  const at = lateAtMs(deployment, condition);
  return at !== undefined && at <= nowMs;
}

function lateAtMs({ spec }: Deployment, condition: Condition | undefined): number | undefined {
  if (condition === undefined || condition.reason === 'NewReplicaSetAvailable') return undefined;
  if (condition.status !== 'True' && condition.reason !== 'DeploymentResumed') return undefined;
  return Date.parse(condition.lastUpdateTime ?? '') + (spec.progressDeadlineSeconds ?? 600) * 1000;
}

function deadlineMs(deployment: Deployment, conditions: Condition[], nowMs: number): number | undefined {
  if (!hasDeadline(deployment) || deployment.spec.paused === true) return undefined;
  const at = lateAtMs(deployment, conditionOf(conditions, 'Progressing'));
  return at === undefined || Number.isNaN(at) ? undefined : earlier(Math.max(at, nowMs + 1), undefined);
}
