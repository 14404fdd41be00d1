/**
 * apply: the phases of a plan, sync wave by sync wave. Within a wave groups of equal kind go one after the other, their
 * objects in parallel; a wave must be healthy before the next starts. One object that is refused fails its own task: the rest
 * of its wave is still applied, later waves are not.
 */
import type { HookPhase } from '@flotilla/domain/object/annotations';
import { identityKey } from '@flotilla/domain/object/identity';
import type { ApplyTask, SyncWave } from '@flotilla/domain/sync/plan';
import type { ObjectAddress } from '../kube/get.ts';
import { isKubeError } from '../kube/error.ts';
import type { Run } from './context.ts';
import { ensureMayWrite } from './context.ts';
import { SharedResourceError, UnknownKindError, failTask } from './failure.ts';
import { runHooks } from './hook.ts';
import type { Asked } from './owners.ts';
import { ownedByOther, readOwners } from './owners.ts';
import { inParallel } from './parallel.ts';
import { noteAsWritten } from './records.ts';
import { recordOf } from './target.ts';
import type { PhaseOutcome } from './phaseOutcome.ts';
import type { Plan, PlannedApply } from './plan.ts';
import { waitForWave } from './wave.ts';
import { writeObject } from './write.ts';

const writesInFlight = 16;
const crdKey = 'apiextensions.k8s.io/CustomResourceDefinition';

/** Runs the waves of a phase. `last`: nothing follows, so that its last wave need not be awaited. */
export async function applyPhase(
  run: Run,
  plan: Plan,
  phase: HookPhase,
  last: boolean,
): Promise<PhaseOutcome> {
  const waves = plan.sync.phases[phase].filter((wave) => wave.groups.length > 0);
  for (const [index, wave] of waves.entries()) {
    const outcome = await applyWave(run, plan, phase, wave);
    if (!outcome.ok) return outcome;
    if (last && index === waves.length - 1) break;
    const waited = await waitForWave(run, wave);
    if (!waited.ok) return waited;
  }
  return { ok: true };
}

async function applyWave(run: Run, plan: Plan, phase: HookPhase, wave: SyncWave): Promise<PhaseOutcome> {
  let failed = 0;
  for (const group of wave.groups) {
    const planned = group.flatMap((task) => plan.writes.get(identityKey(task.identity)) ?? []);
    failed += await applyObjects(run, planned);
    await awaitKinds(run, planned);
    const hooks = await runHooks(
      run,
      phase,
      group.filter((task) => task.type === 'hook'),
    );
    if (!hooks.ok) return hooks;
  }
  failed += unplannable(run, plan, phase);
  return failed === 0 ? { ok: true } : { ok: false, message: failureSummary(run, failed) };
}

/** Objects that could not even be planned fail the phase that would have applied them. */
function unplannable(run: Run, plan: Plan, phase: HookPhase): number {
  if (phase !== 'Sync') return 0;
  for (const { identity, reason, message } of plan.sync.failed) {
    run.target.failures.set(identityKey(identity), message);
    const type = reason === 'DuplicateIdentity' ? 'InvalidEntry' : reason;
    run.target.conditions.set(type, `${identityKey(identity)}: ${message}`);
  }
  return plan.sync.failed.length;
}

function failureSummary(run: Run, failed: number): string {
  const [first] = run.target.failures;
  const words = first === undefined ? '' : `: ${first[0]}: ${first[1]}`;
  return `${failed} of the objects could not be applied${words}`;
}

/** Returns how many failed. Rejects only where the run itself must end. */
export async function applyObjects(run: Run, planned: PlannedApply[]): Promise<number> {
  if (planned.length === 0) return 0;
  const addressed = await addressesOf(run, planned);
  const owners = await readOwners(
    run,
    addressed.filter(({ item }) => isUnknown(run, item)).map(({ asked }) => asked),
  );
  let failed = planned.length - addressed.length;
  await inParallel(addressed, writesInFlight, async ({ item, asked }) => {
    const live = owners.get(item.key);
    const other = live && item.task.tracked ? ownedByOther(run, live) : null;
    const error =
      other === null ? await tryWrite(run, item, asked, live !== undefined) : sharedResource(other);
    if (error === null) run.target.failures.delete(item.key);
    else {
      failed += 1;
      failTask(run, item.key, error);
    }
  });
  return failed;
}

interface Addressed {
  item: PlannedApply;
  asked: Asked;
}

async function addressesOf(run: Run, planned: PlannedApply[]): Promise<Addressed[]> {
  const addressed: Addressed[] = [];
  for (const item of planned) {
    const { apiVersion, kind } = item.task.object;
    const resource = await run.cluster.discovery.find(apiVersion, kind);
    if (resource) addressed.push({ item, asked: { identity: item.task.identity, resource } });
    else failTask(run, item.key, new UnknownKindError(apiVersion, kind));
  }
  return addressed;
}

function sharedResource(owner: string): SharedResourceError {
  return new SharedResourceError(`it belongs to ${owner}; set adopt to take it`);
}

/** True where we must look before we write: nothing says that what may be there is ours. */
function isUnknown(run: Run, item: PlannedApply): boolean {
  const record = run.target.records.get(item.key);
  if (!item.task.tracked) return true;
  return record === undefined || record.uid === '' || record.live === 'recreated';
}

async function tryWrite(run: Run, item: PlannedApply, asked: Asked, exists: boolean): Promise<Error | null> {
  ensureMayWrite(run);
  if (!item.task.tracked && exists && isBareNamespace(item.task)) {
    noteAsWritten(recordOf(run.target, item.key), item.line, item.shape);
    run.target.objectsDirty = true;
    return null;
  }
  const address: ObjectAddress = {
    resource: asked.resource,
    namespace: item.task.identity.namespace,
    name: item.task.identity.name,
  };
  try {
    await writeObject(run, item, address);
    return null;
  } catch (error) {
    // The kind itself may be gone: what discovery remembers is looked at again before the next try.
    if (isKubeError(error, 'NotFound')) await run.cluster.discovery.refresh(1_000);
    if (isKubeError(error)) return error;
    throw error;
  }
}

/** `createNamespace` without metadata of its own: one that exists is left as it is. */
export function isBareNamespace(task: ApplyTask): boolean {
  return task.object.metadata['labels'] === undefined && task.object.metadata['annotations'] === undefined;
}

const kindTries = 60;
const kindWaitMs = 250;

/** A CRD is awaited until its kind is served: what follows in the same wave may be one of its objects. */
async function awaitKinds(run: Run, planned: PlannedApply[]): Promise<void> {
  for (const { task } of planned) {
    if (
      `${task.identity.group}/${task.identity.kind}` !== crdKey ||
      run.target.failures.has(identityKey(task.identity))
    )
      continue;
    const names = servedBy(task);
    for (let attempt = 0; attempt < kindTries; attempt += 1) {
      await run.cluster.discovery.refresh();
      const resource = run.cluster.discovery.preferred(names.group, names.kind);
      if (resource) {
        await run.cluster.watches.ensure([resource]);
        break;
      }
      await run.cluster.clock.sleep(kindWaitMs, run.signals.preempted);
    }
  }
}

function servedBy(task: ApplyTask): { group: string; kind: string } {
  const spec = task.object['spec'] as { group?: string; names?: { kind?: string } } | undefined;
  return { group: spec?.group ?? '', kind: spec?.names?.kind ?? '' };
}
