/**
 * What a run of a target is for, looked at anew each time: an operation that is due, a removal, or keeping what is in
 * force. Whatever was missed between two runs is found by the next, since all of it is read from the target itself.
 */
import type { Cluster, Run } from './context.ts';
import { noteRebuilt } from './grow.ts';
import { DamagedBundleError } from '../state/bundles.ts';
import { LeaseNotHeldError } from './context.ts';
import { finishOperation } from './operation.ts';
import { confirmGone } from './prune.ts';
import type { RunSignals } from './queue.ts';
import { PreemptedError } from './queue.ts';
import { reconcile } from './reconcile.ts';
import type { Reporter } from './report.ts';
import { remove } from './remove.ts';
import { selfHeal } from './selfheal.ts';
import type { Target } from './target.ts';
import { isUnderWay } from './target.ts';
import { watchInForce } from './watchInForce.ts';

const leaseWaitMs = 1_000;
const dependencyWaitMs = 2_000;

export async function runTarget(
  cluster: Cluster,
  reporter: Reporter,
  uid: string,
  signals: RunSignals,
): Promise<void> {
  const target = cluster.targets.get(uid);
  if (target === undefined || !target.loaded) return;
  const run: Run = { cluster, target, head: target.head, body: target.body, signals };
  try {
    await advance(run, reporter);
  } catch (error) {
    if (error instanceof LeaseNotHeldError) cluster.runLater(target, leaseWaitMs);
    else if (error instanceof DamagedBundleError) fetchAgain(run, error);
    else if (error instanceof PreemptedError && error.why === 'Terminated') await terminated(run);
    else throw error;
  } finally {
    if (isUnderWay(target)) reporter.schedule(target);
    else reporter.report(target);
  }
}

async function advance(run: Run, reporter: Reporter): Promise<void> {
  const { cluster } = run;
  const report = (of: Run): void => reporter.report(of.target);
  noteRebuilt(run);
  if (run.head.state === 'Removing') {
    if (!cluster.mayWrite()) throw new LeaseNotHeldError();
    return remove(run, report);
  }
  await watchInForce(run);
  if (run.head.state !== 'Active') return;
  if (!cluster.mayWrite()) throw new LeaseNotHeldError();
  if (operationIsDue(run)) return reconcile(run, report);
  await keep(run);
}

/** A greater assignment than the finished one, or the same one unfinished, once everything it needs is there. */
function operationIsDue(run: Run): boolean {
  const { target, cluster } = run;
  if (run.head.assignment <= target.finishedAssignment) {
    target.conditions.delete('WaitingForBundle');
    return false;
  }
  if (!cluster.state.bundles.isComplete(run.head.bundle.digest)) {
    target.conditions.set('WaitingForBundle', waitingText(run));
    return false;
  }
  target.conditions.delete('WaitingForBundle');
  return dependenciesMet(run) && triesMayGoOn(run);
}

function waitingText({ head, cluster }: Run): string {
  const { digest } = head.bundle;
  const failure = cluster.bundleFailures.get(digest);
  return `bundle ${digest.slice(0, 12)} is not on disk yet${failure === undefined ? '' : `: ${failure}`}`;
}

function triesMayGoOn(run: Run): boolean {
  const { target, cluster } = run;
  if (target.operation?.assignment !== run.head.assignment) return true;
  const waitMs = target.retryAtMs - cluster.clock.monotonicMs();
  if (waitMs <= 0) return true;
  cluster.runLater(target, waitMs);
  return false;
}

/** Those named must be Healthy at their own desired revision on this cluster. */
function dependenciesMet(run: Run): boolean {
  const { target, cluster } = run;
  const others = [...cluster.targets.values()];
  const missing = run.body.dependsOn.filter((name) => {
    const other = others.find((candidate) => candidate.body.application.name === name);
    return other === undefined || !isReady(other);
  });
  if (missing.length === 0) {
    target.conditions.delete('DependencyWaiting');
    return true;
  }
  target.conditions.set('DependencyWaiting', `waits for ${missing.join(', ')}`);
  cluster.runLater(target, dependencyWaitMs);
  return false;
}

function isReady(other: Target): boolean {
  const finished =
    other.finishedAssignment === other.head.assignment && other.operation?.phase === 'Succeeded';
  return finished && other.state?.health.status === 'Healthy';
}

/** What is in force stays so: drift is put back, deletes that were slow are confirmed. */
async function keep(run: Run): Promise<void> {
  const { target } = run;
  if (target.inForce === null) return;
  // While tries of an operation are still to come, half of its objects are not as wanted: that is not drift.
  if (target.operation?.finishedAt !== null) await selfHeal(run);
  if (target.pruning.length === 0) return;
  target.pruning = await confirmGone(run, target.pruning);
  if (target.pruning.length === 0) target.conditions.delete('Pruning');
}

/** What is on disk no longer opens: until it was fetched again nothing can be put back from it. */
function fetchAgain(run: Run, error: DamagedBundleError): void {
  const failure = run.cluster.bundleFailures.get(error.digest);
  const text = failure === undefined ? error.message : `${error.message}; ${failure}`;
  run.target.conditions.set('WaitingForBundle', text);
  run.cluster.lacksBundle(error.digest);
}

async function terminated(run: Run): Promise<void> {
  if (run.target.operation?.finishedAt === null) await finishOperation(run, 'Failed', 'terminated');
}
