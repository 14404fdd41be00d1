/**
 * One operation on one target: observe → plan → apply → prune → assess → report. Each step is a file of that name; this one
 * only says what follows what, and what an outcome means for the operation.
 */
import { mustPass } from '@flotilla/domain/sync/ladder';
import { isKubeError } from '../kube/error.ts';
import { DamagedBundleError } from '../state/bundles.ts';
import { DamagedInventoryError } from '../state/inventory.ts';
import type { PhaseOutcome } from './phaseOutcome.ts';
import { applyPhase } from './apply.ts';
import type { Run } from './context.ts';
import { LeaseNotHeldError } from './context.ts';
import { clearPassConditions } from './failure.ts';
import { growInventory, noteUids, rebuildIfLost } from './grow.ts';
import type { Observation } from './observe.ts';
import { observe } from './observe.ts';
import { beginNote, beginTry, endNote, finishOperation, retryOrFail } from './operation.ts';
import type { Plan } from './plan.ts';
import { makePlan } from './plan.ts';
import { prune } from './prune.ts';
import { PreemptedError } from './queue.ts';
import { saveApplied } from './memory.ts';
import type { Target } from './target.ts';
import { validate } from './validate.ts';

export async function reconcile(run: Run, report: (run: Run) => void): Promise<void> {
  const skip = isSettled(run);
  beginTry(run);
  clearPassConditions(run.target);
  if (!skip) run.cluster.touch(run.target);
  const outcome = skip ? unchanged() : await pass(run);
  await conclude(run, outcome, report);
  if (!outcome.ok) report(run);
}

/** Nothing follows from an unchanged bundle on an undisturbed cluster: no read, no write, no call. */
function isSettled(run: Run): boolean {
  const { target } = run;
  // Another bundle was tried since: what it got written is there, whatever was applied whole before it.
  if (target.inForce?.bundle !== run.head.bundle.digest) return false;
  const hooks = target.inForce.hooks;
  if (hooks || target.appliedBody !== run.head.body || target.pruneHeld > 0 || target.pruning.length > 0)
    return false;
  const { digest } = run.head.bundle;
  const force = run.head.operation.force ?? false;
  return !mustPass({ bundle: digest, applied: target.appliedBundle, drifted: countUnsettled(target), force });
}

function countUnsettled({ records }: Target): number {
  let unsettled = 0;
  for (const { desired, live, written } of records.values())
    if (desired !== null && (live !== 'unchanged' || written?.object !== desired)) unsettled += 1;
  return unsettled;
}

function unchanged(): PhaseOutcome {
  return { ok: true };
}

async function pass(run: Run): Promise<PhaseOutcome> {
  let outcome: PhaseOutcome | null = null;
  try {
    outcome = await steps(run);
    return outcome;
  } catch (error) {
    if (!isPassFailure(error)) throw error;
    if (error instanceof DamagedBundleError) run.cluster.lacksBundle(error.digest);
    run.target.conditions.set('SyncError', error.message);
    return { ok: false, message: error.message };
  } finally {
    // A pass that went well is kept with the end of its operation, which follows at once.
    if (outcome?.ok !== true) await saveApplied(run.cluster, run.target);
  }
}

/** What ends this try and is worth another: everything else is a fault of the program or the end of the run. */
function isPassFailure(error: unknown): error is Error {
  if (error instanceof PreemptedError || error instanceof LeaseNotHeldError) return false;
  return isKubeError(error) || error instanceof DamagedBundleError || error instanceof DamagedInventoryError;
}

async function steps(run: Run): Promise<PhaseOutcome> {
  const observation = await observe(run, () => rebuildIfLost(run));
  const plan = makePlan(run, observation);
  if (run.target.inForce) run.target.inForce.hooks = plan.hooks;
  if (plan.refusal !== null) return refuse(run, plan.refusal);
  const invalid = await validate(run, plan);
  if (invalid !== null) return { ok: false, message: invalid };
  await growInventory(run, plan.owned);
  if (plan.hooks) await beginNote(run);
  const applied = await applyMain(run, plan);
  await noteUids(run);
  if (!applied.ok) return afterFailure(run, plan, applied);
  await pruneLeaving(run, plan, observation);
  const finished = await applyPhase(run, plan, 'PostSync', false);
  if (!finished.ok) return afterFailure(run, plan, finished);
  if (plan.hooks) await endNote(run);
  return finished;
}

function refuse(run: Run, refusal: string): PhaseOutcome {
  run.target.conditions.set('NotPermitted', refusal);
  return { ok: false, message: refusal };
}

async function applyMain(run: Run, plan: Plan): Promise<PhaseOutcome> {
  const before = await applyPhase(run, plan, 'PreSync', false);
  if (!before.ok) return before;
  const nothingFollows = plan.sync.phases.PostSync.every((wave) => wave.groups.length === 0);
  return applyPhase(run, plan, 'Sync', nothingFollows);
}

async function afterFailure(run: Run, plan: Plan, failure: PhaseOutcome): Promise<PhaseOutcome> {
  await applyPhase(run, plan, 'SyncFail', false);
  return failure;
}

async function pruneLeaving(run: Run, plan: Plan, observation: Observation): Promise<void> {
  const { pending } = await prune(run, {
    cause: 'prune',
    groups: plan.prunes.map((group) => group.map((task) => task.entry)),
    live: observation.leaving,
    bundle: { complete: true, objects: observation.objects.length },
  });
  run.target.pruning = pending;
}

async function conclude(run: Run, outcome: PhaseOutcome, report: (run: Run) => void): Promise<void> {
  // A newer entry may have come while the last answer was on its way: what follows is no longer this run's to say.
  run.signals.preempted.throwIfAborted();
  if (!outcome.ok) return retryOrFail(run, outcome.message);
  noteApplied(run);
  await finishOperation(run, 'Succeeded', summaryOf(run), report);
}

function summaryOf(run: Run): string {
  let objects = 0;
  for (const { desired } of run.target.records.values()) if (desired !== null) objects += 1;
  return `${objects} objects are as revision ${run.head.revision} wants them`;
}

/** "What ran here, and when": told once for each bundle that was applied whole. Durable with the operation's end, which is told next. */
function noteApplied(run: Run): void {
  const { target, cluster } = run;
  const { assignment, revision, bundle } = run.head;
  const from = target.appliedRevision;
  const isNews = target.appliedBundle !== bundle.digest || from !== revision;
  target.appliedBundle = bundle.digest;
  target.appliedRevision = revision;
  target.appliedBody = run.head.body;
  if (!isNews) return;
  void cluster.emit({
    type: 'Applied',
    target: target.uid,
    assignment,
    fromRevision: from,
    revision,
    bundle: bundle.digest,
  });
}
