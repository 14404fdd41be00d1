/**
 * Job: runs pods until enough have succeeded or too many have failed. What was counted stays counted, so that a pod that
 * is deleted afterwards takes nothing back.
 */
import { conditionOf, isActive, isReady, podFrom, statusWrites, withCondition } from './objects.ts';
import { isoOf } from '../timestamp.ts';
import { earlier, event, planOf, type Plan, type Write } from './plan.ts';
import type { Condition, Job, JobStatus, Pod } from './shapes.ts';

const COMPONENT = 'job-controller';
/** A tenth of a real cluster's, so that a failing job comes to its end while one looks. */
const RETRY_MS = 1000;
const RETRY_MAX_MS = 60_000;
const INDEX = 'batch.kubernetes.io/job-completion-index';

interface Tally {
  job: Job;
  active: Pod[];
  succeeded: number;
  failed: number;
  indexes: number[];
  nowMs: number;
}

export function jobPlan(job: Job, pods: readonly Pod[], nowMs: number): Plan {
  if (job.metadata.deletionTimestamp !== undefined) return planOf([]);
  if (isFinished(job)) return expiry(job, nowMs);
  const tally = tallyOf(job, pods, nowMs);
  const end = endOf(tally);
  if (end !== undefined) return finish(tally, pods, end);
  if (job.spec.suspend === true) return suspend(tally, pods);
  return run(tally, pods);
}

export function isFinished(job: Job): boolean {
  return ['Complete', 'Failed'].some((type) => conditionOf(job.status?.conditions, type)?.status === 'True');
}

function tallyOf(job: Job, pods: readonly Pod[], nowMs: number): Tally {
  const count = (phase: string): number => pods.filter((pod) => pod.status?.phase === phase).length;
  const done = pods.filter((pod) => pod.status?.phase === 'Succeeded').map(indexOf);
  const indexes = [...new Set([...parseIndexes(job.status?.completedIndexes), ...done])];
  const isIndexed = job.spec.completionMode === 'Indexed';
  const counted = isIndexed ? indexes.length : count('Succeeded');
  return {
    job,
    active: pods.filter(isActive),
    succeeded: Math.max(job.status?.succeeded ?? 0, counted),
    failed: Math.max(job.status?.failed ?? 0, count('Failed')),
    indexes: isIndexed ? indexes.toSorted((a, b) => a - b) : [],
    nowMs,
  };
}

interface End {
  type: 'Complete' | 'Failed';
  reason: string;
  message: string;
}

function endOf({ job, active, succeeded, failed, nowMs }: Tally): End | undefined {
  const { backoffLimit = 6, completions } = job.spec;
  if (failed > backoffLimit)
    return {
      type: 'Failed',
      reason: 'BackoffLimitExceeded',
      message: 'Job has reached the specified backoff limit',
    };
  const late = deadlineMs(job);
  if (late !== undefined && late <= nowMs && job.spec.suspend !== true)
    return {
      type: 'Failed',
      reason: 'DeadlineExceeded',
      message: 'Job was active longer than specified deadline',
    };
  const isEnough =
    completions === undefined ? succeeded > 0 && active.length === 0 : succeeded >= completions;
  if (!isEnough) return undefined;
  return {
    type: 'Complete',
    reason: 'CompletionsReached',
    message: 'Reached expected number of succeeded pods',
  };
}

function deadlineMs({ spec, status }: Job): number | undefined {
  if (spec.activeDeadlineSeconds === undefined || status?.startTime === undefined) return undefined;
  return Date.parse(status.startTime) + spec.activeDeadlineSeconds * 1000;
}

function finish(tally: Tally, pods: readonly Pod[], { type, reason, message }: End): Plan {
  const { job, active, nowMs } = tally;
  const writes: Write[] = active.map((object) => ({ do: 'delete', object }));
  const before = type === 'Complete' ? 'SuccessCriteriaMet' : 'FailureTarget';
  const conditions = [before, type].reduce<Condition[]>(
    (all, one) => withCondition(all, condition(one, 'True', reason, message, nowMs), nowMs),
    job.status?.conditions ?? [],
  );
  const status = statusOf({ ...tally, active: [] }, pods, conditions);
  if (type === 'Complete') status.completionTime = isoOf(nowMs);
  status.terminating = 0;
  writes.push(...statusWrites(job, status));
  writes.push(
    type === 'Complete'
      ? event(job, COMPONENT, 'Completed', 'Job completed')
      : event(job, COMPONENT, reason, message, 'Warning'),
  );
  const ttl = job.spec.ttlSecondsAfterFinished;
  return planOf(writes, ttl === undefined ? undefined : nowMs + ttl * 1000);
}

function expiry(job: Job, nowMs: number): Plan {
  const ttl = job.spec.ttlSecondsAfterFinished;
  if (ttl === undefined) return planOf([]);
  const ended = ['Complete', 'Failed']
    .map((type) => conditionOf(job.status?.conditions, type)?.lastTransitionTime)
    .find((time) => time !== undefined);
  const atMs = Date.parse(ended ?? '') + ttl * 1000;
  if (nowMs < atMs) return planOf([], atMs);
  return planOf([{ do: 'delete', object: job, propagation: 'Foreground' }]);
}

function suspend(tally: Tally, pods: readonly Pod[]): Plan {
  const { job, active, nowMs } = tally;
  const writes: Write[] = active.map((object) => ({ do: 'delete', object }));
  const isNew = conditionOf(job.status?.conditions, 'Suspended')?.status !== 'True';
  const conditions = isNew
    ? withCondition(
        job.status?.conditions,
        condition('Suspended', 'True', 'JobSuspended', 'Job suspended', nowMs),
        nowMs,
      )
    : (job.status?.conditions ?? []);
  const status = statusOf({ ...tally, active: [] }, pods, conditions);
  delete status.startTime;
  writes.push(...statusWrites(job, status));
  if (isNew) writes.push(event(job, COMPONENT, 'Suspended', 'Job suspended'));
  return planOf(writes);
}

function run(tally: Tally, pods: readonly Pod[]): Plan {
  const { job, active, nowMs } = tally;
  let conditions = job.status?.conditions ?? [];
  const writes: Write[] = [];
  if (conditionOf(conditions, 'Suspended')?.status === 'True') {
    conditions = withCondition(
      conditions,
      condition('Suspended', 'False', 'JobResumed', 'Job resumed', nowMs),
      nowMs,
    );
    writes.push(event(job, COMPONENT, 'Resumed', 'Job resumed'));
  }
  const wanted = wantedPods(tally);
  const retryAtMs = wanted > active.length ? retryMs(pods, nowMs) : undefined;
  if (retryAtMs === undefined)
    for (let i = active.length; i < wanted; i++)
      writes.push({ do: 'create', object: nextPod(tally, i - active.length) });
  for (const object of active.slice(wanted)) writes.push({ do: 'delete', object });
  const status = statusOf(tally, pods, conditions);
  status.startTime ??= isoOf(nowMs);
  writes.push(...statusWrites(job, status));
  return planOf(writes, earlier(retryAtMs, deadlineMs({ ...job, status })));
}

function wantedPods({ job, succeeded, active }: Tally): number {
  const { parallelism = 1, completions } = job.spec;
  if (completions === undefined) return succeeded > 0 ? Math.min(active.length, parallelism) : parallelism;
  return Math.min(parallelism, Math.max(0, completions - succeeded));
}

/** After each failure in a row the next pod waits twice as long. */
function retryMs(pods: readonly Pod[], nowMs: number): number | undefined {
  const ended = pods.filter((pod) => pod.status?.phase === 'Failed').map(endedMs);
  if (ended.length === 0) return undefined;
  const atMs = Math.max(...ended) + Math.min(RETRY_MAX_MS, RETRY_MS * 2 ** (ended.length - 1));
  return atMs > nowMs ? atMs : undefined;
}

function endedMs(pod: Pod): number {
  const state = pod.status?.containerStatuses?.[0]?.['state'] as
    { terminated?: { finishedAt?: string } } | undefined;
  const at = Date.parse(state?.terminated?.finishedAt ?? pod.status?.startTime ?? '');
  return Number.isNaN(at) ? 0 : at;
}

function nextPod({ job, active, indexes }: Tally, skip: number): Pod {
  const { name = '', uid = '' } = job.metadata;
  const pod = podFrom(job.spec.template, job, {
    'batch.kubernetes.io/controller-uid': uid,
    'batch.kubernetes.io/job-name': name,
    'controller-uid': uid,
    'job-name': name,
  });
  if (job.spec.completionMode !== 'Indexed') return pod;
  const taken = new Set([...indexes, ...active.map(indexOf)]);
  const free = Array.from({ length: job.spec.completions ?? 0 }, (_, i) => i).filter((i) => !taken.has(i));
  const index = String(free[skip] ?? 0);
  pod.metadata.generateName = `${name}-${index}-`;
  pod.metadata.annotations = { ...pod.metadata.annotations, [INDEX]: index };
  pod.metadata.labels = { ...pod.metadata.labels, [INDEX]: index };
  pod.spec.hostname = `${name}-${index}`;
  return pod;
}

function indexOf(pod: Pod): number {
  return Number(pod.metadata.annotations?.[INDEX] ?? -1);
}

function statusOf(tally: Tally, pods: readonly Pod[], conditions: Condition[]): JobStatus {
  const { job, active, succeeded, failed, indexes } = tally;
  const { active: _active, ...before } = job.status ?? {};
  const terminating = pods.filter((pod) => pod.metadata.deletionTimestamp !== undefined).length;
  return {
    ...before,
    ...(active.length > 0 ? { active: active.length } : {}),
    ...(succeeded > 0 ? { succeeded } : {}),
    ...(failed > 0 ? { failed } : {}),
    ...(indexes.length > 0 ? { completedIndexes: formatIndexes(indexes) } : {}),
    ready: active.filter(isReady).length,
    terminating,
    uncountedTerminatedPods: {},
    ...(conditions.length > 0 ? { conditions } : {}),
  };
}

function condition(
  type: string,
  status: 'True' | 'False',
  reason: string,
  message: string,
  nowMs: number,
): Condition {
  return { type, status, reason, message, lastProbeTime: isoOf(nowMs) };
}

function formatIndexes(sorted: readonly number[]): string {
  const runs: [number, number][] = [];
  for (const index of sorted) {
    const last = runs.at(-1);
    if (last?.[1] === index - 1) last[1] = index;
    else runs.push([index, index]);
  }
  return runs
    .map(([from, to]) => (from === to ? String(from) : `${from}${to === from + 1 ? ',' : '-'}${to}`))
    .join(',');
}

function parseIndexes(text = ''): number[] {
  return text
    .split(',')
    .filter(Boolean)
    .flatMap((part) => {
      const [from = 0, to = from] = part.split('-').map(Number);
      return Array.from({ length: to - from + 1 }, (_, i) => from + i);
    });
}
