/**
 * What a bundle would change here, before anything is: the plan of a real pass carried out by server-side dry-runs. Nothing
 * is written, no record and no inventory changes, and the application's own runs go on beside it. One at a time.
 */
import type { Body, Head } from '@flotilla/domain/desired/entry';
import type { Digest } from '@flotilla/domain/digest/sha256';
import type { HookPhase } from '@flotilla/domain/object/annotations';
import { hookPhases } from '@flotilla/domain/object/annotations';
import { identityKey, kindKey } from '@flotilla/domain/object/identity';
import type { KubeObject } from '@flotilla/domain/object/types';
import type { PlannedObject, TargetPlan } from '@flotilla/domain/plan/plan';
import { targetPlanOf } from '@flotilla/domain/plan/targetPlan';
import type { ApplyTask, HookTask, SyncPlan } from '@flotilla/domain/sync/plan';
import { decidePass } from '@flotilla/domain/sync/prune';
import { isCrd, kindOfCrd } from '@flotilla/domain/sync/scope';
import { planSync } from '@flotilla/domain/sync/tasks';
import { sha256 } from '../state/sha256.ts';
import type { Cluster, Run } from './context.ts';
import type { DryRunContext } from './dryRunObject.ts';
import { dryRunApply, dryRunHook, failing } from './dryRunObject.ts';
import { heldInventory, placedLines, policiesOf, readBundle, readLive, scopesOf } from './observe.ts';
import { inParallel } from './parallel.ts';
import { prunesOf } from './plan.ts';
import type { Decided } from './prune.ts';
import { decideAll, isForgotten } from './prune.ts';
import { newTarget } from './target.ts';

export interface DryRunRequest {
  target: string;
  /** Complete on disk. */
  bundle: Digest;
  body: Body;
  bodyDigest: Digest;
  /** False for what is assigned already: its hooks have run. */
  hooks: boolean;
}

export type DryRun = (request: DryRunRequest, signal: AbortSignal) => Promise<TargetPlan>;

/** Of these at most so many at once, so that reconciling keeps its share of the connections. */
const requestsInFlight = 6;
/** Phases of an operation that goes well. */
const phasesOfSuccess: ReadonlySet<HookPhase> = new Set(['PreSync', 'Sync', 'PostSync']);

export function createDryRun(cluster: Cluster): DryRun {
  let before: Promise<unknown> = Promise.resolve();
  return (request, signal) => {
    const turn = before.then(() => {
      signal.throwIfAborted();
      return planBundle(cluster, request, signal);
    });
    before = turn.catch(() => undefined);
    return turn;
  };
}

async function planBundle(
  cluster: Cluster,
  request: DryRunRequest,
  signal: AbortSignal,
): Promise<TargetPlan> {
  const run = runOf(cluster, request, signal);
  const read = await readBundle(run, request.bundle);
  const scopes = await scopesOf(run, read.objects);
  const lines = placedLines(run, read, scopes);
  const inventory = heldInventory(run).entries;
  const leaving = await readLive(
    run,
    inventory.filter((entry) => !lines.has(identityKey(entry))),
  );
  const sync = planSync({
    objects: read.objects,
    scopes,
    body: run.body,
    inventory,
    livePolicies: policiesOf(leaving),
    naming: { revision: request.bundle, attempt: 'plan' },
  });
  const broughtKinds = kindsOf(read.objects);
  const context: DryRunContext = { run, signal, lines, broughtKinds, newNamespaces: new Set() };
  const found: PlannedObject[] = sync.failed.map((one) => failing(one.identity, one.reason, one.message));
  const unchanged = await askAll(context, sync, request.hooks, found);
  found.push(...(await planPrunes(run, sync, leaving, read.objects.length)));
  return targetPlanOf(found, unchanged, sha256);
}

/** The target as it is, if it is here, only read from; under the head and body that it would have. */
function runOf(cluster: Cluster, request: DryRunRequest, signal: AbortSignal): Run {
  const known = cluster.targets.get(request.target);
  const head: Head = {
    target: request.target,
    state: 'Active',
    assignment: (known?.head.assignment ?? 0) + 1,
    revision: known?.head.revision ?? 0,
    bundle: { digest: request.bundle, sizeBytes: 0 },
    deletesMax: Number.MAX_SAFE_INTEGER,
    operation: {},
    body: request.bodyDigest,
  };
  const { body } = request;
  const target = known ?? newTarget(head, body, cluster.hubId);
  return { cluster, target, head, body, signals: { preempted: signal, stopped: signal } };
}

function kindsOf(objects: KubeObject[]): Set<string> {
  return new Set(
    objects
      .filter(isCrd)
      .map(kindOfCrd)
      .flatMap((kind) => (kind === null ? [] : [kindKey(kind)])),
  );
}

interface Phased {
  phase: HookPhase;
  task: ApplyTask | HookTask;
}

/** Namespaces first: what is in one that is yet to be made cannot be asked about. Gives the number of the unchanged. */
async function askAll(
  context: DryRunContext,
  sync: SyncPlan,
  hooks: boolean,
  found: PlannedObject[],
): Promise<number> {
  const all = tasksOf(sync).filter(({ phase, task }) => {
    return task.type === 'apply' || (hooks && phasesOfSuccess.has(phase));
  });
  const isNamespace = ({ task }: Phased): boolean => kindKey(task.identity) === '/Namespace';
  let unchanged = 0;
  for (const part of [all.filter(isNamespace), all.filter((one) => !isNamespace(one))]) {
    await inParallel(part, requestsInFlight, async ({ phase, task }) => {
      context.signal.throwIfAborted();
      const planned =
        task.type === 'apply' ? await dryRunApply(context, task) : await dryRunHook(context, phase, task);
      if (planned === null) unchanged += task.type === 'apply' && !task.tracked ? 0 : 1;
      else found.push(planned);
      if (planned?.action === 'create' && isNamespace({ phase, task }))
        context.newNamespaces.add(task.identity.name);
    });
  }
  return unchanged;
}

function tasksOf(sync: SyncPlan): Phased[] {
  return hookPhases.flatMap((phase) =>
    sync.phases[phase].flatMap((wave) => wave.groups.flat().map((task) => ({ phase, task }))),
  );
}

/** What the pass would delete, and what would stay though it left the bundle. */
async function planPrunes(
  run: Run,
  sync: SyncPlan,
  live: ReadonlyMap<string, KubeObject | null>,
  objects: number,
): Promise<PlannedObject[]> {
  const hooks = tasksOf(sync).flatMap(({ task }) => (task.type === 'hook' ? [task] : []));
  const groups = prunesOf(sync, hooks).map((group) => group.map(({ entry }) => entry));
  const bundle = { complete: true, objects };
  const decided = (await decideAll(run, { cause: 'prune', groups, live, bundle })).flat();
  const deletes = decided.filter(({ decision }) => decision.action === 'delete').length;
  const pass = decidePass({
    cause: 'prune',
    deletes,
    deletesMax: run.head.deletesMax,
    bundle,
    allowEmpty: run.body.prune.allowEmpty,
    failedGroups: [...new Set(groups.flat().map(({ group }) => group))].filter((group) =>
      run.cluster.discovery.failed(group),
    ),
  });
  const blocked = pass.outcome === 'allowed' ? null : pass.condition.message;
  return decided.flatMap((one) => plannedPrune(one, blocked) ?? []);
}

/** Null: nothing of it is ours to delete, or it is on its way out. */
function plannedPrune(one: Decided, blocked: string | null): PlannedObject | null {
  const { uid: _uid, ...object } = one.entry;
  const { decision } = one;
  if (decision.action === 'delete')
    return blocked === null ? { object, action: 'delete' } : { object, action: 'keep', reason: blocked };
  if (decision.action !== 'keep' || isForgotten(one)) return null;
  return { object, action: 'keep', reason: decision.reason };
}
