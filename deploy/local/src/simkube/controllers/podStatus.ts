/** The statuses that a simulated kubelet writes: running, stuck in one of the ways to fail, or ended. */
import { fnv32 } from '../hash.ts';
import { withCondition } from './objects.ts';
import { isoOf } from '../timestamp.ts';
import type { Condition, Container, Pod, PodStatus } from './shapes.ts';

export type FailMode = 'crash-loop' | 'image-pull' | 'never-ready' | 'exit' | 'unknown';

const HOST_IP = '127.0.0.1';

export function runningStatus(pod: Pod, nowMs: number): PodStatus {
  const now = isoOf(nowMs);
  const podIP = pod.status?.podIP ?? addressOf(pod);
  const gates = (pod.spec.readinessGates ?? []).map(({ conditionType }) => conditionType);
  const init = (pod.spec.initContainers ?? []).map((container) => initStatus(container, now));
  return {
    ...pod.status,
    conditions: conditions(pod, ['Initialized', 'Ready', 'ContainersReady', ...gates], [], nowMs),
    containerStatuses: pod.spec.containers.map((container) => ({
      ...base(container, true, 0),
      started: true,
      state: { running: { startedAt: now } },
    })),
    ...(init.length > 0 ? { initContainerStatuses: init } : {}),
    hostIP: HOST_IP,
    hostIPs: [{ ip: HOST_IP }],
    phase: 'Running',
    podIP,
    podIPs: [{ ip: podIP }],
    startTime: pod.status?.startTime ?? now,
  };
}

/** As kubelab's stage of the same name has it (kubelab/stages/fail.yaml). */
export function stuckStatus(
  pod: Pod,
  mode: 'crash-loop' | 'image-pull' | 'never-ready',
  nowMs: number,
): PodStatus {
  const now = isoOf(nowMs);
  return {
    ...pod.status,
    conditions: conditions(pod, ['Initialized'], ['Ready', 'ContainersReady'], nowMs),
    containerStatuses: pod.spec.containers.map((container) => stuckContainer(container, mode, now)),
    phase: mode === 'image-pull' ? 'Pending' : 'Running',
    startTime: pod.status?.startTime ?? now,
  };
}

function stuckContainer(
  container: Container,
  mode: 'crash-loop' | 'image-pull' | 'never-ready',
  now: string,
): Record<string, unknown> {
  switch (mode) {
    case 'never-ready':
      return { ...base(container, false, 0), started: true, state: { running: { startedAt: now } } };
    case 'image-pull': {
      const message = `Back-off pulling image "${container.image}"`;
      return {
        ...base(container, false, 0),
        started: false,
        state: { waiting: { reason: 'ImagePullBackOff', message } },
      };
    }
    case 'crash-loop': {
      const message = `back-off 1m20s restarting failed container=${container.name}`;
      return {
        ...base(container, false, 5),
        started: false,
        state: { waiting: { reason: 'CrashLoopBackOff', message } },
        lastState: { terminated: { exitCode: 1, reason: 'Error', startedAt: now, finishedAt: now } },
      };
    }
  }
}

export function endedStatus(pod: Pod, exitCode: number, nowMs: number): PodStatus {
  const now = isoOf(nowMs);
  const terminated = {
    exitCode,
    reason: exitCode === 0 ? 'Completed' : 'Error',
    startedAt: pod.status?.startTime ?? now,
    finishedAt: now,
  };
  return {
    ...pod.status,
    // A pod that ended is not ready: its Services must not send it anything.
    conditions: conditions(
      pod,
      [],
      ['Ready', 'ContainersReady'],
      nowMs,
      exitCode === 0 ? 'PodCompleted' : 'PodFailed',
    ),
    containerStatuses: pod.spec.containers.map((container) => ({
      ...base(container, false, 0),
      started: false,
      state: { terminated },
    })),
    phase: exitCode === 0 ? 'Succeeded' : 'Failed',
    startTime: pod.status?.startTime ?? now,
  };
}

function conditions(
  pod: Pod,
  met: readonly string[],
  unmet: readonly string[],
  nowMs: number,
  reason = 'ContainersNotReady',
): Condition[] {
  let result: Condition[] = pod.status?.conditions ?? [];
  for (const type of met)
    result = withCondition(result, { type, status: 'True', lastProbeTime: null }, nowMs);
  for (const type of unmet)
    result = withCondition(result, { type, status: 'False', reason, lastProbeTime: null }, nowMs);
  return result;
}

function base({ name, image }: Container, ready: boolean, restartCount: number): Record<string, unknown> {
  return { image, imageID: '', lastState: {}, name, ready, restartCount };
}

function initStatus(container: Container, now: string): Record<string, unknown> {
  const isSidecar = container.restartPolicy === 'Always';
  const state = isSidecar
    ? { running: { startedAt: now } }
    : { terminated: { exitCode: 0, reason: 'Completed', startedAt: now, finishedAt: now } };
  return { ...base(container, true, 0), ...(isSidecar ? { started: true } : {}), state };
}

/** An address that stays the pod's own for its life; two pods of a cluster rarely share one, and nothing is sent there. */
function addressOf(pod: Pod): string {
  if (pod.spec.hostNetwork === true) return HOST_IP;
  const hash = fnv32(pod.metadata.uid ?? pod.metadata.name ?? '');
  return `10.${64 + ((hash >>> 16) % 64)}.${(hash >>> 8) & 255}.${1 + (hash % 254)}`;
}
