/** The cache on disk, read when a target appears and written when a pass or a revert changed what was last written. */
import type { AppliedObject, AppliedOperation } from '../state/applied.ts';
import { DiskFullError } from '../state/disk.ts';
import type { Cluster } from './context.ts';
import type { ObjectRecord } from './records.ts';
import type { Target } from './target.ts';
import { recordOf } from './target.ts';

/** Fills a new target from its cache. What is missing costs PATCHes that change nothing. */
export async function loadApplied(cluster: Cluster, target: Target): Promise<void> {
  const applied = await cluster.state.applied.read(target.uid);
  target.loaded = true;
  if (applied === null || applied.application !== target.body.application.id) return;
  const { bundle, revision, assignment, hooks, finished } = applied;
  target.inForce = bundle === '' ? null : { bundle, revision, assignment, hooks };
  if (finished) target.finishedAssignment = assignment;
  target.appliedBundle = applied.appliedBundle;
  target.appliedRevision = applied.appliedRevision;
  target.appliedBody = applied.appliedBody;
  target.operation = operationOf(applied);
  for (const object of applied.objects) restore(target, object);
}

function operationOf(applied: AppliedOperation): Target['operation'] {
  const { assignment, phase, message, startedAt, finishedAt, attempt } = applied;
  return startedAt === '' ? null : { assignment, phase, message, startedAt, finishedAt, attempt };
}

function restore(target: Target, object: AppliedObject): void {
  const record = recordOf(target, object.key);
  record.desired = object.desired;
  record.hook = object.hook;
  const { uid, version, meta, values } = object;
  // One text for all that share it.
  const shape = object.shape === target.head.body ? target.head.body : object.shape;
  // An object that is as wanted was written from the very line: the same text.
  const line = object.object === object.desired ? object.desired : object.object;
  record.written = { uid, version, object: line, shape, meta, values };
}

/** Written whole; a full disk is a condition, since nothing is lost but time. */
export async function saveApplied(cluster: Cluster, target: Target): Promise<void> {
  const { objectsDirty } = target;
  if (!target.dirty && !objectsDirty) return;
  target.dirty = false;
  target.objectsDirty = false;
  const objects = objectsDirty
    ? [...target.records.values()].flatMap((record) => objectOf(record) ?? [])
    : null;
  try {
    await cluster.state.applied.write(target.uid, operationToKeep(target), objects);
    target.conditions.delete('DiskFull');
  } catch (error) {
    target.dirty = true;
    target.objectsDirty ||= objectsDirty;
    if (!(error instanceof DiskFullError)) throw error;
    target.conditions.set('DiskFull', error.message);
  }
}

function operationToKeep(target: Target): AppliedOperation {
  const { operation, inForce } = target;
  return {
    application: target.body.application.id,
    assignment: inForce?.assignment ?? 0,
    revision: inForce?.revision ?? 0,
    bundle: inForce?.bundle ?? '',
    hooks: inForce?.hooks ?? false,
    appliedBundle: target.appliedBundle,
    appliedRevision: target.appliedRevision,
    appliedBody: target.appliedBody,
    finished: inForce !== null && target.finishedAssignment === inForce.assignment,
    phase: operation?.phase ?? 'Running',
    message: operation?.message ?? '',
    startedAt: operation?.startedAt ?? '',
    finishedAt: operation?.finishedAt ?? null,
    attempt: operation?.attempt ?? 0,
  };
}

function objectOf(record: ObjectRecord): AppliedObject | null {
  const { key, desired, hook, written } = record;
  return written === null ? null : { key, desired, hook, ...written };
}
