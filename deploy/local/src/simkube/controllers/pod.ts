/**
 * A pod's life on the simulated node: scheduled, started after a moment, ready, ended if it belongs to a Job, gone once
 * deleted. The annotation `flotilla.dev/test-fail` makes it fail as kubelab's stages do; taking it off the pod (or off the
 * template) lets it run.
 */
import { FAIL_ANNOTATION } from '../../kubelab/stages.ts';
import type { KubeObject } from '../types.ts';
import { jitterMs } from '../hash.ts';
import { conditionOf, controllerOf, withCondition } from './objects.ts';
import { isoOf } from '../timestamp.ts';
import { event, planOf, type Plan, type Write } from './plan.ts';
import { endedStatus, runningStatus, stuckStatus, type FailMode } from './podStatus.ts';
import { claimReason, unfitReason, type ClaimSight } from './schedule.ts';
import type { Pod, PodStatus } from './shapes.ts';

// Times in the API are whole seconds, so that on average half a second of these has passed already.
const READY_FROM_MS = 800;
const READY_TO_MS = 1500;
const END_FROM_MS = 800;
const END_TO_MS = 1200;

export interface PodSight {
  pod: Pod;
  node: KubeObject | undefined;
  claims: readonly ClaimSight[];
}

export function podPlan({ pod, node, claims }: PodSight, nowMs: number): Plan {
  if (pod.metadata.deletionTimestamp !== undefined) return removal(pod);
  const phase = pod.status?.phase;
  if (phase === 'Succeeded' || phase === 'Failed') return planOf([]);
  if (pod.spec.nodeName === undefined) return schedule({ pod, node, claims }, nowMs);
  if (pod.spec.nodeName !== node?.metadata.name) return planOf([]);
  const mode = failModeOf(pod);
  if (mode === 'none' && pod.status?.phase === 'Running' && isReadyNow(pod)) return maybeEnd(pod, nowMs);
  const startAtMs = readyAtMs(pod);
  if (nowMs < startAtMs) return planOf([], startAtMs);
  return planOf(become(pod, nextStatus(pod, mode, nowMs)));
}

/** The kubelet takes the pod away at once; finalizers, if any, still hold it. */
function removal(pod: Pod): Plan {
  // A grace period of zero says that it is over already, and only finalizers are waited for.
  return pod.metadata.deletionGracePeriodSeconds === 0
    ? planOf([])
    : planOf([{ do: 'delete', object: pod, isFinal: true }]);
}

function schedule({ pod, node, claims }: PodSight, nowMs: number): Plan {
  if ((pod.spec.schedulingGates ?? []).length > 0) {
    const message = 'Scheduling is blocked due to non-empty scheduling gates';
    return planOf(become(pod, unscheduled(pod, 'SchedulingGated', message, nowMs)));
  }
  if (node === undefined) return planOf([]);
  const reason = unfitReason(pod.spec, node) ?? claimReason(claims);
  if (reason !== undefined) {
    const writes = become(pod, unscheduled(pod, 'Unschedulable', reason, nowMs));
    if (writes.length > 0)
      writes.push(event(pod, 'default-scheduler', 'FailedScheduling', reason, 'Warning'));
    return planOf(writes);
  }
  const name = node.metadata.name ?? '';
  const placed = { ...pod, spec: { ...pod.spec, nodeName: name } };
  const condition = { type: 'PodScheduled', status: 'True', lastProbeTime: null } as const;
  const status: PodStatus = {
    ...pod.status,
    phase: 'Pending',
    conditions: withCondition(pod.status?.conditions, condition, nowMs),
  };
  const where = `${pod.metadata.namespace ?? ''}/${pod.metadata.name ?? ''}`;
  return planOf([
    { do: 'update', object: placed },
    { do: 'status', object: { ...placed, status } },
    event(pod, 'default-scheduler', 'Scheduled', `Successfully assigned ${where} to ${name}`),
  ]);
}

function unscheduled(pod: Pod, reason: string, message: string, nowMs: number): PodStatus {
  const condition = {
    type: 'PodScheduled',
    status: 'False',
    reason,
    message,
    lastProbeTime: null,
    observedGeneration: pod.metadata.generation ?? 1,
  } as const;
  return {
    ...pod.status,
    phase: 'Pending',
    conditions: withCondition(pod.status?.conditions, condition, nowMs),
  };
}

function readyAtMs(pod: Pod): number {
  const since = conditionOf(pod.status?.conditions, 'PodScheduled')?.lastTransitionTime;
  const fromMs = Date.parse(since ?? pod.metadata.creationTimestamp ?? '');
  return (Number.isNaN(fromMs) ? 0 : fromMs) + jitterMs(pod.metadata.name ?? '', READY_FROM_MS, READY_TO_MS);
}

function isReadyNow(pod: Pod): boolean {
  return conditionOf(pod.status?.conditions, 'Ready')?.status === 'True';
}

/** Pods of a Job run to their end. */
function maybeEnd(pod: Pod, nowMs: number): Plan {
  if (controllerOf(pod)?.kind !== 'Job') return planOf([]);
  const since = Date.parse(conditionOf(pod.status?.conditions, 'Ready')?.lastTransitionTime ?? '');
  const endAtMs = since + jitterMs(pod.metadata.name ?? '', END_FROM_MS, END_TO_MS);
  if (nowMs < endAtMs) return planOf([], endAtMs);
  return planOf([{ do: 'status', object: { ...pod, status: endedStatus(pod, 0, nowMs) } }]);
}

export function failModeOf(pod: KubeObject): FailMode | 'none' {
  switch (pod.metadata.annotations?.[FAIL_ANNOTATION]) {
    case 'crash-loop':
      return 'crash-loop';
    case 'image-pull':
      return 'image-pull';
    case 'never-ready':
      return 'never-ready';
    case 'exit':
      return 'exit';
    // As with kubelab, a value that nothing knows leaves the pod pending for ever.
    case undefined:
      return 'none';
    default:
      return 'unknown';
  }
}

function nextStatus(pod: Pod, mode: FailMode | 'none', nowMs: number): PodStatus {
  if (mode === 'none') return runningStatus(pod, nowMs);
  if (mode === 'unknown') return pod.status ?? {};
  if (mode === 'exit') return endedStatus(pod, 1, nowMs);
  return isStuckAs(pod, mode) ? (pod.status ?? {}) : stuckStatus(pod, mode, nowMs);
}

function isStuckAs(pod: Pod, mode: FailMode): boolean {
  const state = pod.status?.containerStatuses?.[0]?.['state'] as
    { waiting?: { reason: string }; running?: object } | undefined;
  if (mode === 'never-ready') return state?.running !== undefined && !isReadyNow(pod);
  return state?.waiting?.reason === (mode === 'crash-loop' ? 'CrashLoopBackOff' : 'ImagePullBackOff');
}

function become(pod: Pod, status: PodStatus): Write[] {
  if (status === pod.status) return [];
  const before = JSON.stringify(pod.status ?? {});
  if (before === JSON.stringify(status)) return [];
  const writes: Write[] = [{ do: 'status', object: { ...pod, status } }];
  const state = status.containerStatuses?.[0]?.['state'] as
    { waiting?: { reason: string; message: string } } | undefined;
  const waiting = state?.waiting;
  if (waiting !== undefined) writes.push(event(pod, 'kubelet', 'BackOff', waiting.message, 'Warning'));
  return writes;
}

/** What `kubectl logs` shows of a container; the API server of simkube serves it. */
export function logText(pod: Pod, container: string): string {
  const started = pod.status?.startTime;
  if (started === undefined) return '';
  const name = `${pod.metadata.name ?? ''}/${container}`;
  switch (failModeOf(pod)) {
    case 'crash-loop':
    case 'exit':
      return `${started} ${name} starting\n${isoOf(Date.parse(started))} ${name} fails as asked: exit code 1\n`;
    case 'image-pull':
      return '';
    default:
      return `${started} ${name} starting\n${started} ${name} simulated: nothing runs here\n`;
  }
}
