/** Job and CronJob. */
import type { KubeObject } from '../object/types.ts';
import type { Health } from '../status/words.ts';
import { conditionOf, is, verdict, verdictOf } from './condition.ts';
import { isTrueAt, listAt, textAt } from './read.ts';

export function jobHealth(object: KubeObject): Health {
  const failed = conditionOf(object, 'Failed');
  if (failed !== undefined && is(failed, 'True')) return verdictOf('Degraded', failed);
  const complete = conditionOf(object, 'Complete');
  if (is(complete, 'True')) return verdict('Healthy', complete?.message);
  // A resumed job keeps the condition with status False: it is running.
  if (is(conditionOf(object, 'Suspended'), 'True')) return verdict('Suspended', 'the job is suspended');
  return verdict('Progressing', 'the job is running');
}

export function cronJobHealth(object: KubeObject, related: readonly KubeObject[]): Health {
  if (isTrueAt(object, 'spec', 'suspend')) return verdict('Suspended', 'the cron job is suspended');
  const last = lastJob(object, related);
  if (last === undefined) return verdict('Healthy');
  const health = jobHealth(last);
  if (health.status !== 'Degraded') return verdict('Healthy');
  return verdict('Degraded', `the last job, ${last.metadata.name}, failed: ${health.message}`);
}

function lastJob(object: KubeObject, related: readonly KubeObject[]): KubeObject | undefined {
  const uid = textAt(object, 'metadata', 'uid');
  return related
    .filter((job) => job.kind === 'Job' && isOwnedBy(job, object.metadata.name, uid))
    .toSorted((a, b) => (createdAt(a) < createdAt(b) ? 1 : -1))[0];
}

function isOwnedBy(job: KubeObject, name: string, uid: string): boolean {
  return listAt(job, 'metadata', 'ownerReferences').some((owner) =>
    uid === ''
      ? textAt(owner, 'kind') === 'CronJob' && textAt(owner, 'name') === name
      : textAt(owner, 'uid') === uid,
  );
}

function createdAt(job: KubeObject): string {
  return textAt(job, 'metadata', 'creationTimestamp');
}
