/** The life of an operation: an assignment starts one, tries are counted, its end is durable before it is told. */
import type { OperationNote } from '@flotilla/domain/inventory/shard';
import { retryDelayMs } from '@flotilla/domain/sync/retry';
import type { OperationPhase } from '@flotilla/domain/status/words';
import type { Run } from './context.ts';
import { noteOperation } from './grow.ts';
import { heldInventory } from './observe.ts';
import { saveApplied } from './memory.ts';

/** Starts the operation of the head's assignment, or its next try. */
export function beginTry(run: Run): void {
  const { target, cluster } = run;
  const { assignment, revision, bundle } = run.head;
  const known = target.operation?.assignment === assignment ? target.operation : null;
  if (known === null) tellSuperseded(run);
  target.operation = {
    assignment,
    phase: 'Running',
    message: '',
    startedAt: known?.startedAt ?? new Date(cluster.clock.nowMs()).toISOString(),
    finishedAt: null,
    attempt: known ? known.attempt + 1 : 1,
  };
  if (known === null) {
    target.healing.clear();
    target.conditions.delete('Conflict');
  }
  target.inForce = { bundle: bundle.digest, revision, assignment, hooks: target.inForce?.hooks ?? false };
}

/** An operation that a newer assignment cut short ends as what it is: not done. */
function tellSuperseded(run: Run): void {
  const { operation, uid } = run.target;
  if (operation === null || operation.finishedAt !== null) return;
  const { assignment, startedAt } = operation;
  const message = `superseded by assignment ${run.head.assignment}`;
  void run.cluster.emit({ type: 'Operation', target: uid, assignment, phase: 'Failed', message, startedAt });
}

/** The operation's own note beside the inventory; only where hooks need one. */
export async function beginNote(run: Run): Promise<void> {
  const { assignment } = run.head;
  const attempt = run.target.operation?.attempt ?? 1;
  const known = heldInventory(run).note;
  const note: OperationNote =
    known?.assignment === assignment
      ? { ...known, attempt }
      : { assignment, attempt, finished: false, phases: [], hooks: [] };
  await noteOperation(run, note);
}

export async function endNote(run: Run): Promise<void> {
  const { note } = heldInventory(run);
  if (note !== null) await noteOperation(run, { ...note, finished: true });
}

/**
 * Ends it: told first, since a fact must not be lost, then remembered on disk, so that the same assignment never runs again.
 * `report` is called between the two: whoever waits for the end need not wait for the cache.
 */
export async function finishOperation(
  run: Run,
  phase: OperationPhase,
  message: string,
  report?: (run: Run) => void,
): Promise<void> {
  const { target, cluster } = run;
  const operation = target.operation;
  if (operation === null) return;
  const finishedAt = new Date(cluster.clock.nowMs()).toISOString();
  target.operation = { ...operation, phase, message, finishedAt };
  target.finishedAssignment = operation.assignment;
  target.dirty = true;
  const { assignment, startedAt } = operation;
  await cluster.emit({ type: 'Operation', target: target.uid, assignment, phase, message, startedAt });
  report?.(run);
  await saveApplied(cluster, target);
}

/** Another try after the policy's wait, or the end of them. */
export async function retryOrFail(run: Run, message: string): Promise<void> {
  const { target, cluster } = run;
  const attempt = target.operation?.attempt ?? 1;
  const delayMs = retryDelayMs(run.body.retry, attempt);
  if (delayMs === null) {
    await finishOperation(run, 'Failed', message);
    return;
  }
  if (target.operation) {
    target.operation.message = `try ${attempt} failed, next in ${Math.round(delayMs / 1000)} s: ${message}`;
  }
  cluster.runLater(target, delayMs);
  target.retryAtMs = cluster.clock.monotonicMs() + delayMs;
}
