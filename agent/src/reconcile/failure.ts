/** What a failed task or run is called where people look: a condition with a stable type and the server's own words. */
import type { ConditionType } from '@flotilla/domain/status/words';
import { isKubeError } from '../kube/error.ts';
import { DiskFullError } from '../state/disk.ts';
import type { Run } from './context.ts';
import type { Target } from './target.ts';

export class UnknownKindError extends Error {
  override readonly name = 'UnknownKindError';

  constructor(apiVersion: string, kind: string) {
    super(`the cluster has no kind ${kind} in ${apiVersion}`);
  }
}

export class SharedResourceError extends Error {
  override readonly name = 'SharedResourceError';
}

/** Records why one object's task failed. The loop goes on. */
export function failTask(run: Run, key: string, error: Error): void {
  run.target.failures.set(key, error.message);
  run.target.conditions.set(conditionOf(error), `${key}: ${error.message}`);
  if (isNamespaceMissing(error)) forgetNamespaces(run.target);
  run.cluster.log.warn({ target: run.target.uid, object: key, err: error }, 'object not applied');
}

export function conditionOf(error: Error): ConditionType {
  if (error instanceof UnknownKindError) return 'UnknownKind';
  if (error instanceof SharedResourceError) return 'SharedResource';
  if (error instanceof DiskFullError) return 'DiskFull';
  return 'SyncError';
}

function isNamespaceMissing(error: Error): boolean {
  return isKubeError(error, 'NotFound') && error.message.startsWith('namespaces ');
}

/** The namespace that `createNamespace` made is gone: the next try makes it again. */
function forgetNamespaces(target: Target): void {
  for (const record of target.records.values()) {
    if (record.key.startsWith('/Namespace/') && record.desired === null) record.written = null;
  }
}

/** Conditions of a pass are said anew by each pass. */
export function clearPassConditions(target: Target): void {
  for (const type of [
    'InvalidEntry',
    'NotPermitted',
    'SharedResource',
    'SyncError',
    'UnknownKind',
    'DependencyWaiting',
  ] as const) {
    target.conditions.delete(type);
  }
  target.failures.clear();
}
