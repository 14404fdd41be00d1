/**
 * Hooks: objects that run once for an operation. A hook carries the assignment it belongs to; one found finished for
 * it is never run again, one found running is waited for, whatever was restarted meanwhile. That it finished is noted in the
 * inventory before it may be deleted for having succeeded.
 */
import type { HookDeletePolicy, HookPhase } from '@flotilla/domain/object/annotations';
import { canonicalText } from '@flotilla/domain/bundle/canonical';
import { healthOf } from '@flotilla/domain/health/healthOf';
import { identityKey } from '@flotilla/domain/object/identity';
import { annotationsOf, withMetadata } from '@flotilla/domain/object/metadata';
import { withTracking } from '@flotilla/domain/object/tracking';
import type { KubeObject } from '@flotilla/domain/object/types';
import type { Health } from '@flotilla/domain/status/words';
import { hookAssignmentAnnotation } from '@flotilla/domain/sync/hooks';
import type { HookTask } from '@flotilla/domain/sync/plan';
import { applyObject } from '../kube/apply.ts';
import { deleteObject } from '../kube/delete.ts';
import { isKubeError } from '../kube/error.ts';
import type { ObjectAddress } from '../kube/get.ts';
import { getObject } from '../kube/get.ts';
import type { PhaseOutcome } from './phaseOutcome.ts';
import type { Run } from './context.ts';
import { callOptions, ensureMayWrite } from './context.ts';
import { UnknownKindError, failTask } from './failure.ts';
import { noteOperation } from './grow.ts';
import { heldInventory } from './observe.ts';
import { beginWrite, endWrite, noteWritten } from './records.ts';
import { recordOf } from './target.ts';
import { waitFor } from './waitFor.ts';

/** Beside the assignment: which try of it made the hook. A failed hook is run again by the next try. */
const hookAttemptAnnotation = 'flotilla.dev/hook-attempt';

/** Starts the hooks, waits for all of them, notes them finished and deletes what their policies say. */
export async function runHooks(run: Run, phase: HookPhase, tasks: HookTask[]): Promise<PhaseOutcome> {
  const open = tasks.filter((task) => !isNoted(run, task));
  if (open.length === 0) return { ok: true };
  const failures = await Promise.all(open.map((task) => runHook(run, task)));
  const failed = open.filter((_task, index) => failures[index] !== null);
  const succeeded = open.filter((_task, index) => failures[index] === null);
  await noteFinished(run, succeeded);
  await Promise.all([
    ...succeeded.map((task) => deleteByPolicy(run, task, 'HookSucceeded')),
    ...failed.map((task) => deleteByPolicy(run, task, 'HookFailed')),
  ]);
  const message = failures.find((failure) => failure !== null);
  return message === undefined ? { ok: true } : { ok: false, message: `${phase} hook failed: ${message}` };
}

function isNoted(run: Run, task: HookTask): boolean {
  const note = heldInventory(run).note;
  return note?.assignment === run.head.assignment && note.hooks.includes(identityKey(task.identity));
}

async function noteFinished(run: Run, tasks: HookTask[]): Promise<void> {
  const note = heldInventory(run).note;
  if (tasks.length === 0 || note === null) return;
  await noteOperation(run, {
    ...note,
    hooks: [...note.hooks, ...tasks.map((task) => identityKey(task.identity))],
  });
}

/** Null when it succeeded, else why not. */
async function runHook(run: Run, task: HookTask): Promise<string | null> {
  const key = identityKey(task.identity);
  try {
    const health = await startAndWait(run, task, key);
    if (health === null || health.status !== 'Degraded') return null;
    run.target.failures.set(key, health.message);
    return `${key}: ${health.message}`;
  } catch (error) {
    if (!isKubeError(error) && !(error instanceof UnknownKindError)) throw error;
    failTask(run, key, error);
    return `${key}: ${error.message}`;
  }
}

async function startAndWait(run: Run, task: HookTask, key: string): Promise<Health | null> {
  const { apiVersion, kind } = task.object;
  const resource = await run.cluster.discovery.find(apiVersion, kind);
  if (resource === null) throw new UnknownKindError(apiVersion, kind);
  await run.cluster.watches.ensure([resource]);
  const address: ObjectAddress = { resource, namespace: task.identity.namespace, name: task.identity.name };
  const live = await getObject(run.cluster.kube, address, callOptions(run));
  if (live === null || !isOfThisRun(run, live)) await start(run, task, address, live, key);
  else noteWritten(recordOf(run.target, key), live, '', '');
  return waitForEnd(run, key);
}

/** Made by this very try, or by an earlier one of the same assignment and not failed: it is resumed, not repeated. */
function isOfThisRun(run: Run, live: KubeObject): boolean {
  if (live.metadata['deletionTimestamp'] !== undefined) return false;
  const annotations = annotationsOf(live);
  if (annotations[hookAssignmentAnnotation] !== String(run.head.assignment)) return false;
  return annotations[hookAttemptAnnotation] === attemptOf(run) || healthOf(live)?.status !== 'Degraded';
}

function attemptOf(run: Run): string {
  return String(run.target.operation?.attempt ?? 1);
}

async function start(
  run: Run,
  task: HookTask,
  address: ObjectAddress,
  live: KubeObject | null,
  key: string,
): Promise<void> {
  if (live !== null && mustMakeAnew(run, task, live)) await deleteAndWait(run, address, live);
  ensureMayWrite(run);
  const tracked = withTracking(task.object, run.target.tracker, run.body.application.name);
  const manifest = withMetadata(tracked, 'annotations', {
    [hookAssignmentAnnotation]: String(run.head.assignment),
    [hookAttemptAnnotation]: attemptOf(run),
  });
  const record = recordOf(run.target, key);
  record.hook = true;
  beginWrite(record);
  try {
    const answer = await applyObject(run.cluster.kube, address, canonicalText(manifest), callOptions(run));
    noteWritten(record, answer, '', '');
  } finally {
    endWrite(record);
  }
}

/** Without any policy Kubernetes could not run a finished Job again: BeforeHookCreation is the default. */
function mustMakeAnew(run: Run, task: HookTask, live: KubeObject): boolean {
  const leaving = live.metadata['deletionTimestamp'] !== undefined;
  return leaving || task.deletePolicies.length === 0 || task.deletePolicies.includes('BeforeHookCreation');
}

async function deleteAndWait(run: Run, address: ObjectAddress, live: KubeObject): Promise<void> {
  const { kube, clock } = run.cluster;
  const uid = String(live.metadata['uid']);
  ensureMayWrite(run);
  await deleteObject(kube, address, uid, 'background', callOptions(run));
  const untilMs = clock.monotonicMs() + run.body.timeouts.syncWaveMs;
  while (clock.monotonicMs() < untilMs) {
    const left = await getObject(kube, address, callOptions(run));
    if (left?.metadata['uid'] !== uid) return;
    await clock.sleep(200, run.signals.preempted);
  }
}

/** A newer generation lets a running hook finish; only stopping or terminating the operation ends the wait. */
function waitForEnd(run: Run, key: string): Promise<Health | null> {
  const startedMs = run.cluster.clock.monotonicMs();
  const timeoutMs = run.body.timeouts.syncWaveMs;
  return waitFor<Health | null>(run, run.signals.stopped, () => {
    const record = recordOf(run.target, key);
    if (record.live === 'missing')
      return { status: 'Degraded', message: 'it was deleted before it finished' };
    const health = record.health ?? { status: 'Healthy', message: '' };
    if (health.status === 'Healthy' || health.status === 'Degraded') return health;
    if (run.cluster.clock.monotonicMs() - startedMs < timeoutMs) return null;
    return { status: 'Degraded', message: `not finished after ${Math.round(timeoutMs / 1000)} s` };
  });
}

async function deleteByPolicy(run: Run, task: HookTask, policy: HookDeletePolicy): Promise<void> {
  if (!task.deletePolicies.includes(policy)) return;
  const record = recordOf(run.target, identityKey(task.identity));
  const resource = run.cluster.discovery.preferred(task.identity.group, task.identity.kind);
  if (resource === null || record.uid === '') return;
  const address = { resource, namespace: task.identity.namespace, name: task.identity.name };
  ensureMayWrite(run);
  await deleteObject(run.cluster.kube, address, record.uid, 'background', callOptions(run));
}
