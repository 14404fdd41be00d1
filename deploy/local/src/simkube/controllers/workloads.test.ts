/** StatefulSet, Job, CronJob, Pod: what each does next. */
import { describe, expect, test } from 'vitest';
import { cronJobPlan } from './cronJob.ts';
import { lastTimeMs, nextTimeMs, parseSchedule } from './cronSchedule.ts';
import { jobPlan } from './job.ts';
import { furniture } from './node.ts';
import { NOW, NOW_MS, pod, ready, statefulSet, withImage } from './objects.fixture.ts';
import { isoOf } from '../timestamp.ts';
import { type Plan } from './plan.ts';
import { podPlan } from './pod.ts';
import type { ControllerRevision, CronJob, Job, Pod, PodStatus, StatefulSet } from './shapes.ts';
import { statefulSetPlan } from './statefulSet.ts';

function said({ writes }: Plan): string[] {
  return writes
    .filter(({ do: verb }) => verb === 'create' || verb === 'delete')
    .map((write) =>
      'object' in write ? `${write.do} ${write.object.kind} ${write.object.metadata.name ?? ''}` : '',
    )
    .filter((text) => !text.includes('ControllerRevision'));
}

function statusIn<T>({ writes }: Plan): T {
  const write = writes.find(({ do: verb }) => verb === 'status');
  if (write === undefined || !('object' in write)) throw new Error('the plan writes no status');
  return write.object['status'] as T;
}

describe('a StatefulSet', () => {
  const revisionsOf = (set: StatefulSet): ControllerRevision[] =>
    statefulSetPlan({ set, pods: [], revisions: [], claims: new Set() }, NOW_MS).writes.flatMap((write) =>
      write.do === 'create' && write.object.kind === 'ControllerRevision'
        ? [write.object as ControllerRevision]
        : [],
    );
  const old = statefulSet({ replicas: 3 });
  const [oldRevision] = revisionsOf(old);
  const podsOf = (set: StatefulSet, count: number, revision: string): Pod[] =>
    Array.from({ length: count }, (_, i) => {
      const labels = { app: 'db', 'controller-revision-hash': revision };
      return ready(pod(`db-${i}`, set, { labels }));
    });
  const oldName = oldRevision?.metadata.name ?? '';

  test.each([
    ['the first pod first', statefulSet({ replicas: 3 }), 0, ['create Pod db-0']],
    ['the next once that is ready', statefulSet({ replicas: 3 }), 1, ['create Pod db-1']],
    ['nothing when all are there', statefulSet({ replicas: 3 }), 3, []],
    ['the last away first', statefulSet({ replicas: 1 }), 3, ['delete Pod db-2']],
    [
      'all at once where pods are parallel',
      statefulSet({ replicas: 3, podManagementPolicy: 'Parallel' }),
      0,
      ['create Pod db-0', 'create Pod db-1', 'create Pod db-2'],
    ],
  ])('makes %s', (_, set, count, expected) => {
    const pods = podsOf(set, count, oldName);
    const plan = statefulSetPlan({ set, pods, revisions: revisionsOf(set), claims: new Set() }, NOW_MS);
    expect(said(plan)).toEqual(expected);
  });

  test.each([
    ['from the highest ordinal', 0, ['delete Pod db-2']],
    ['not below its partition', 3, []],
  ])('updates %s', (_, partition, expected) => {
    const set = withImage(
      statefulSet({ replicas: 3, updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition } } }),
      'app:2',
    );
    set.status = { currentRevision: oldName };
    const revisions = oldRevision === undefined ? [] : [oldRevision];
    const plan = statefulSetPlan(
      { set, pods: podsOf(set, 3, oldName), revisions, claims: new Set() },
      NOW_MS,
    );
    expect(said(plan)).toEqual(expected);
    expect(statusIn<StatefulSet['status']>(plan)?.updateRevision).not.toBe(oldName);
    expect(statusIn<StatefulSet['status']>(plan)?.currentRevision).toBe(oldName);
  });

  test('gives each pod claims of its own', () => {
    const set = statefulSet({ volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: {} }] });
    const plan = statefulSetPlan({ set, pods: [], revisions: [], claims: new Set() }, NOW_MS);
    expect(said(plan)).toEqual(['create PersistentVolumeClaim data-db-0', 'create Pod db-0']);
  });
});

describe('a Job', () => {
  const job = (spec: Partial<Job['spec']> = {}, status: Job['status'] = {}): Job => ({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'run', namespace: 'ns', uid: 'uid-run', creationTimestamp: NOW },
    spec: { completions: 1, parallelism: 1, template: { spec: { containers: [] } }, ...spec },
    status,
  });
  const ended = (name: string, phase: string): Pod => ({
    ...pod(name, job()),
    status: { phase, startTime: NOW },
  });
  const types = (plan: Plan): unknown =>
    statusIn<Job['status']>(plan)?.conditions?.map(({ type, status, reason }) => [type, status, reason]);

  test('completes when enough pods have succeeded', () => {
    const plan = jobPlan(job(), [ended('a', 'Succeeded')], NOW_MS);
    expect(types(plan)).toEqual([
      ['SuccessCriteriaMet', 'True', 'CompletionsReached'],
      ['Complete', 'True', 'CompletionsReached'],
    ]);
  });

  test('fails when more pods have failed than backoffLimit says', () => {
    const plan = jobPlan(job({ backoffLimit: 0 }), [ended('a', 'Failed')], NOW_MS);
    expect(types(plan)).toEqual([
      ['FailureTarget', 'True', 'BackoffLimitExceeded'],
      ['Failed', 'True', 'BackoffLimitExceeded'],
    ]);
  });

  test('waits before it tries again', () => {
    const pods = [ended('a', 'Failed'), ended('b', 'Failed')];
    expect(jobPlan(job(), pods, NOW_MS).wakeAtMs).toBe(NOW_MS + 2000);
    expect(said(jobPlan(job(), pods, NOW_MS))).toEqual([]);
    expect(said(jobPlan(job(), pods, NOW_MS + 2000))).toHaveLength(1);
  });

  test('that is suspended has no pods, and says so until it is resumed', () => {
    const plan = jobPlan(job({ suspend: true }), [ready(pod('a', job()))], NOW_MS);
    expect(said(plan)).toEqual(['delete Pod a']);
    expect(types(plan)).toEqual([['Suspended', 'True', 'JobSuspended']]);
    const resumed = jobPlan(job({}, statusIn(plan)), [], NOW_MS);
    expect(types(resumed)).toEqual([['Suspended', 'False', 'JobResumed']]);
  });

  test('goes after its time to live', () => {
    const done = statusIn<NonNullable<Job['status']>>(jobPlan(job(), [ended('a', 'Succeeded')], NOW_MS));
    const object = job({ ttlSecondsAfterFinished: 5 }, done);
    expect(jobPlan(object, [], NOW_MS).wakeAtMs).toBe(NOW_MS + 5000);
    expect(said(jobPlan(object, [], NOW_MS + 5000))).toEqual(['delete Job run']);
  });
});

describe('a CronJob', () => {
  test.each([
    ['*/15 * * * *', 'UTC', '2026-01-01T00:15:00Z'],
    ['0 3 * * mon', 'UTC', '2026-01-05T03:00:00Z'],
    ['@monthly', 'UTC', '2026-02-01T00:00:00Z'],
    ['30 9 29 2 *', 'UTC', '2028-02-29T09:30:00Z'],
    ['0 12 13 * 5', 'UTC', '2026-01-02T12:00:00Z'],
    ['0 9 * * *', 'Europe/Berlin', '2026-01-01T08:00:00Z'],
    ['0 9 1 7 *', 'Europe/Berlin', '2026-07-01T07:00:00Z'],
  ])('of schedule %s in %s runs next at %s', (text, zone, expected) => {
    const schedule = parseSchedule(text);
    const next = schedule && nextTimeMs(schedule, NOW_MS, zone);
    expect(next === undefined ? undefined : isoOf(next)).toBe(expected);
  });

  test.each([
    '',
    '* * * *',
    '60 * * * *',
    '* * * * mun',
    '*/0 * * * *',
    '* * * * * *',
    '0 0 L * *',
    '@secondly',
  ])('refuses the schedule "%s"', (text) => {
    expect(parseSchedule(text)).toBeUndefined();
  });

  test('was due at a time from its very moment on', () => {
    const hourly = parseSchedule('@hourly');
    const last = (atMs: number) => hourly && lastTimeMs(hourly, atMs) - NOW_MS;
    expect([last(NOW_MS), last(NOW_MS + 1), last(NOW_MS - 1)]).toEqual([0, 0, -3_600_000]);
  });

  test('starts the newest Job it missed, named after its minute', () => {
    const cron: CronJob = {
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata: { name: 'tick', namespace: 'ns', uid: 'uid-tick', creationTimestamp: NOW },
      spec: { schedule: '* * * * *', jobTemplate: { spec: { template: { spec: { containers: [] } } } } },
    };
    const plan = cronJobPlan(cron, [], NOW_MS + 150_000);
    expect(said(plan)).toEqual([`create Job tick-${NOW_MS / 60_000 + 2}`]);
    expect(plan.wakeAtMs).toBe(NOW_MS + 180_000);
  });
});

describe('a Pod', () => {
  const node = furniture(NOW_MS)[0]?.object;
  const status = (mode: string): PodStatus => {
    const object = pod('web-1', undefined, { annotations: { 'flotilla.dev/test-fail': mode } });
    return statusIn(podPlan({ pod: object, node, claims: [] }, NOW_MS + 2000));
  };

  test('is ready a moment after it was scheduled, not at once', () => {
    const plan = podPlan({ pod: pod('web-1'), node, claims: [] }, NOW_MS);
    expect(plan.writes).toEqual([]);
    const later = podPlan({ pod: pod('web-1'), node, claims: [] }, plan.wakeAtMs ?? 0);
    expect(statusIn<PodStatus>(later)).toMatchObject({ phase: 'Running', hostIP: '127.0.0.1' });
  });

  test.each([
    ['crash-loop', 'Running', { waiting: { reason: 'CrashLoopBackOff' } }],
    ['image-pull', 'Pending', { waiting: { reason: 'ImagePullBackOff' } }],
    ['never-ready', 'Running', { running: {} }],
    ['exit', 'Failed', { terminated: { exitCode: 1, reason: 'Error' } }],
  ])('fails on demand: %s', (mode, phase, state) => {
    const seen = status(mode);
    expect(seen.phase).toBe(phase);
    expect(seen.containerStatuses?.[0]).toMatchObject({ ready: false, state });
  });

  test('runs once it is no longer told to fail', () => {
    const stuck = { ...pod('web-1'), status: status('crash-loop') };
    const plan = podPlan({ pod: stuck, node, claims: [] }, NOW_MS + 3000);
    expect(statusIn<PodStatus>(plan).containerStatuses?.[0]).toMatchObject({ ready: true });
  });

  test('that no node fits says why', () => {
    const { nodeName: _node, ...spec } = pod('web-1').spec;
    const object = { ...pod('web-1'), spec: { ...spec, nodeSelector: { gpu: 'yes' } } };
    const plan = podPlan({ pod: object, node, claims: [] }, NOW_MS);
    expect(statusIn<PodStatus>(plan).conditions?.[0]).toMatchObject({
      status: 'False',
      reason: 'Unschedulable',
    });
  });
});
