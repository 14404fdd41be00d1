/** CronJob: a Job at each time of its schedule, named after the minute, and a bounded history of those that ended. */
import type { KubeObject } from '../types.ts';
import { lastTimeMs, nextTimeMs, parseSchedule, type Schedule } from './cronSchedule.ts';
import { isFinished } from './job.ts';
import { byAge, conditionOf, ownerReferenceTo, statusWrites } from './objects.ts';
import { isoOf } from '../timestamp.ts';
import { event, planOf, type Plan, type Write } from './plan.ts';
import type { CronJob, Job } from './shapes.ts';

const COMPONENT = 'cronjob-controller';

export function cronJobPlan(cron: CronJob, jobs: readonly Job[], nowMs: number): Plan {
  if (cron.metadata.deletionTimestamp !== undefined) return planOf([]);
  const writes: Write[] = [...sawCompleted(cron, jobs), ...clearHistory(cron, jobs)];
  const status = { ...cron.status, ...lastSuccess(cron, jobs) };
  const active = jobs.filter((job) => !isFinished(job));
  const schedule = parseSchedule(cron.spec.schedule);
  if (schedule === undefined) {
    const message = `unparseable schedule: ${cron.spec.schedule}`;
    return planOf([event(cron, COMPONENT, 'UnparseableSchedule', message, 'Warning')]);
  }
  const isSuspended = cron.spec.suspend === true;
  const wakeAtMs = isSuspended ? undefined : nextTimeMs(schedule, nowMs, cron.spec.timeZone);
  const due = isSuspended ? undefined : dueAt(cron, schedule, nowMs);
  const made = due === undefined ? [] : start(cron, active, due);
  writes.push(...made);
  const isMade = made.some((write) => write.do === 'create');
  if (due !== undefined && isMade) status.lastScheduleTime = isoOf(due);
  status.active = active.map(referenceTo);
  if (status.active.length === 0) delete status.active;
  writes.push(...statusWrites(cron, status));
  return planOf(writes, wakeAtMs);
}

/** The newest time that passed since the last Job and is not too late for its deadline. */
function dueAt({ spec, status, metadata }: CronJob, schedule: Schedule, nowMs: number): number | undefined {
  const deadlineMs = (spec.startingDeadlineSeconds ?? Infinity) * 1_000;
  const sinceMs = Date.parse(status?.lastScheduleTime ?? metadata.creationTimestamp ?? '');
  const lastMs = lastTimeMs(schedule, nowMs, spec.timeZone);
  return lastMs > sinceMs && lastMs >= nowMs - deadlineMs ? lastMs : undefined;
}

function start(cron: CronJob, active: readonly Job[], dueMs: number): Write[] {
  const policy = cron.spec.concurrencyPolicy ?? 'Allow';
  if (policy === 'Forbid' && active.length > 0) {
    const message = 'Not starting job because prior execution is running and concurrency policy is Forbid';
    return [event(cron, COMPONENT, 'JobAlreadyActive', message)];
  }
  const replaced: Write[] =
    policy === 'Replace' ? active.map((object) => ({ do: 'delete', object, propagation: 'Background' })) : [];
  const job = jobOf(cron, dueMs);
  const message = `Created job ${job.metadata.name ?? ''}`;
  return [...replaced, { do: 'create', object: job }, event(cron, COMPONENT, 'SuccessfulCreate', message)];
}

function jobOf(cron: CronJob, dueMs: number): KubeObject {
  const { metadata = {}, spec } = cron.spec.jobTemplate;
  const scheduled = { 'batch.kubernetes.io/cronjob-scheduled-timestamp': isoOf(dueMs) };
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: `${cron.metadata.name ?? ''}-${Math.floor(dueMs / 60_000)}`,
      namespace: cron.metadata.namespace ?? '',
      ...(metadata.labels === undefined ? {} : { labels: { ...metadata.labels } }),
      annotations: { ...metadata.annotations, ...scheduled },
      ownerReferences: [ownerReferenceTo(cron)],
    },
    spec: structuredClone(spec),
  };
}

function referenceTo({ apiVersion, kind, metadata }: Job): object {
  const { name, namespace, uid, resourceVersion } = metadata;
  return { apiVersion, kind, name, namespace, uid, resourceVersion };
}

function sawCompleted(cron: CronJob, jobs: readonly Job[]): Write[] {
  const active = (cron.status?.active ?? []) as { uid?: string }[];
  return jobs
    .filter((job) => isFinished(job) && active.some(({ uid }) => uid === job.metadata.uid))
    .map((job) => {
      const word = isTrue(job, 'Complete') ? 'Complete' : 'Failed';
      const message = `Saw completed job: ${job.metadata.name ?? ''}, condition: ${word}`;
      return event(cron, COMPONENT, 'SawCompletedJob', message);
    });
}

function lastSuccess(cron: CronJob, jobs: readonly Job[]): { lastSuccessfulTime?: string } {
  const times = jobs.map((job) => job.status?.completionTime ?? '');
  const last = [...times, cron.status?.lastSuccessfulTime ?? ''].toSorted().at(-1);
  return last ? { lastSuccessfulTime: last } : {};
}

function clearHistory({ spec }: CronJob, jobs: readonly Job[]): Write[] {
  const { successfulJobsHistoryLimit = 3, failedJobsHistoryLimit = 1 } = spec;
  const surplus = (type: string, limit: number): Job[] => {
    const ended = jobs.filter((job) => isTrue(job, type)).toSorted(byAge);
    return ended.slice(0, Math.max(0, ended.length - limit));
  };
  return [
    ...surplus('Complete', successfulJobsHistoryLimit),
    ...surplus('Failed', failedJobsHistoryLimit),
  ].map((object) => ({ do: 'delete', object, propagation: 'Background' }));
}

function isTrue(job: Job, type: string): boolean {
  return conditionOf(job.status?.conditions, type)?.status === 'True';
}
