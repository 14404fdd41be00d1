/**
 * plan: what the pass will do, decided by the domain. For each object of the bundle the skip ladder says whether the API
 * server is asked at all; only those that will be written keep their manifest in memory, and most others were never read.
 */
import { canonicalText } from '@flotilla/domain/bundle/canonical';
import { identityKey } from '@flotilla/domain/object/identity';
import { withTracking } from '@flotilla/domain/object/tracking';
import type { Identity, KubeObject } from '@flotilla/domain/object/types';
import { defaultPolicy, hookPhases } from '@flotilla/domain/object/annotations';
import type { RungVerdict, Written } from '@flotilla/domain/sync/ladder';
import { climb } from '@flotilla/domain/sync/ladder';
import type { ApplyTask, HookTask, PruneTask, SyncPlan, SyncWave } from '@flotilla/domain/sync/plan';
import { isCrd } from '@flotilla/domain/sync/scope';
import { planSync } from '@flotilla/domain/sync/tasks';
import { fingerprintOf } from '../state/sha256.ts';
import type { Run } from './context.ts';
import type { Observation } from './observe.ts';
import type { ObjectRecord } from './records.ts';
import { recordOf } from './target.ts';

export interface PlannedApply {
  key: string;
  task: ApplyTask;
  /** Fingerprint of the bundle's line; of the manifest for the namespace that `createNamespace` makes. */
  line: string;
  /** What else shapes the manifest that is sent. */
  shape: string;
  manifest: KubeObject;
  /** Told the server's answer. */
  onAnswer?: (answer: KubeObject) => void;
}

export interface Plan {
  sync: SyncPlan;
  /** What is written, by identity key; everything else of the bundle is as it should be. */
  writes: Map<string, PlannedApply>;
  /** Identities that this pass will make, hooks included: what the inventory must know first. */
  owned: Identity[];
  /** What is deleted once everything is applied, in order; those of one group together. */
  prunes: PruneTask[][];
  hooks: boolean;
  /** Why nothing at all may be written: the project does not allow an object. */
  refusal: string | null;
}

export function makePlan(run: Run, observation: Observation): Plan {
  const sync = planSync({
    objects: observation.objects,
    scopes: observation.scopes,
    body: run.body,
    inventory: observation.inventory,
    livePolicies: observation.livePolicies,
    naming: { revision: observation.bundle, attempt: `${run.head.assignment}` },
  });
  // A Namespace or CRD that a hook needs is lifted into the hook's phase: applies are not only in Sync.
  const tasks = hookPhases.flatMap((phase) => sync.phases[phase]).flatMap(tasksOf);
  const hooks = tasks.filter((task) => task.type === 'hook');
  const applies = tasks.filter((task) => task.type === 'apply');
  noteDesired(run, observation, sync, { applies, hooks });
  return {
    sync,
    writes: writesOf(run, observation, applies),
    owned: [...applies.filter((task) => task.tracked), ...hooks].map((task) => task.identity),
    prunes: prunesOf(sync, hooks),
    hooks: hooks.length > 0,
    refusal: refusalOf(run, sync, [...applies, ...hooks]),
  };
}

/** A hook of this bundle is in the inventory too, but is deleted by its own policy only. */
export function prunesOf(sync: SyncPlan, hooks: HookTask[]): PruneTask[][] {
  const hookKeys = new Set(hooks.map((hook) => identityKey(hook.identity)));
  const groups = [...sync.phases.Sync.flatMap((wave) => wave.prunes), ...sync.pruneLast];
  return groups.map((group) => group.filter(({ entry }) => !hookKeys.has(identityKey(entry))));
}

function tasksOf(wave: SyncWave): (ApplyTask | HookTask)[] {
  return wave.groups.flat();
}

/** From here on the records say what the new bundle wants, so that observed sync speaks of it. */
function noteDesired(
  run: Run,
  observation: Observation,
  sync: SyncPlan,
  tasks: { applies: ApplyTask[]; hooks: HookTask[] },
): void {
  const wanted = new Map<string, string | null>();
  for (const task of tasks.applies) {
    if (!task.tracked || task.policy.apply === 'Ignore') continue;
    const key = identityKey(task.identity);
    const record = recordOf(run.target, key);
    // Made by somebody else, it is theirs; made by us, it is wanted from then on.
    if (task.policy.apply === 'IfNotPresent' && record.written === null) continue;
    wanted.set(key, observation.lines.get(key) ?? null);
    noteHook(run, record, false);
  }
  for (const task of tasks.hooks) noteHook(run, recordOf(run.target, identityKey(task.identity)), true);
  for (const { identity } of sync.failed) {
    // An object that cannot be planned (its kind is unknown) is still wanted: it shows as missing.
    const key = identityKey(identity);
    wanted.set(key, observation.lines.get(key) ?? null);
    recordOf(run.target, key).live = 'missing';
  }
  for (const record of run.target.records.values()) noteWanted(run, record, wanted.get(record.key) ?? null);
  for (const task of tasks.applies) {
    const record = run.target.records.get(identityKey(task.identity));
    if (record) record.plain = isPlain(task) ? record.desired : null;
  }
}

function isPlain({ object, policy, tracked }: ApplyTask): boolean {
  return tracked && policy === defaultPolicy && !isCrd(object);
}

function noteHook(run: Run, record: ObjectRecord, hook: boolean): void {
  run.target.objectsDirty ||= record.hook !== hook;
  record.hook = hook;
}

function noteWanted(run: Run, record: ObjectRecord, line: string | null): void {
  if (record.desired === line) return;
  // The same text where our last write was of this very line.
  record.desired = record.written?.object === line ? record.written.object : line;
  run.target.objectsDirty = true;
}

function writesOf(run: Run, observation: Observation, applies: ApplyTask[]): Map<string, PlannedApply> {
  const writes = new Map<string, PlannedApply>();
  for (const task of applies) {
    if (task.policy.apply === 'Ignore') continue;
    const planned = planOne(run, observation.lines, task);
    // What was known when it was observed and is not any more has drifted since: that is put back once the pass is over.
    if (planned !== null && !observation.known.has(planned.key)) writes.set(planned.key, planned);
  }
  return writes;
}

/** The namespace that `createNamespace` made, where it is known to be gone; null: nothing to do. */
export function lostNamespace(run: Run): PlannedApply | null {
  const scopes = new Map();
  const naming = { revision: '', attempt: '' };
  const sync = planSync({
    objects: [],
    scopes,
    body: run.body,
    inventory: [],
    livePolicies: new Map(),
    naming,
  });
  const task = sync.phases.Sync.flatMap(tasksOf).find((one) => one.type === 'apply');
  const record = task && run.target.records.get(identityKey(task.identity));
  if (task?.type !== 'apply' || !record || record.desired !== null || record.written !== null) return null;
  return planOne(run, new Map(), task);
}

function planOne(run: Run, lines: ReadonlyMap<string, string>, task: ApplyTask): PlannedApply | null {
  const key = identityKey(task.identity);
  const record = recordOf(run.target, key);
  const line = lines.get(key) ?? fingerprintOf(canonicalText(task.object));
  const verdict = verdictOf(run, record, task, line);
  if (verdict.action === 'skip') return null;
  const manifest = task.tracked
    ? withTracking(task.object, run.target.tracker, run.body.application.name)
    : task.object;
  return { key, task, line, shape: shapeOf(run), manifest };
}

/**
 * What is sent follows from the bundle's line and the body alone: the body's digest says as much as a hash of the manifest
 * would, and all objects share it.
 */
export function shapeOf(run: Run): string {
  return run.head.body;
}

function verdictOf(run: Run, record: ObjectRecord, task: ApplyTask, line: string): RungVerdict {
  const written: Written | null = record.written && {
    object: record.written.object,
    sent: record.written.shape,
    resourceVersion: String(record.resourceVersion),
  };
  const force = run.head.operation.force ?? false;
  // An untracked namespace is seen by no watch: what was sent stands until a write into it fails.
  const live = task.tracked ? liveOf(record) : 'unchanged';
  return climb({ object: line, sent: shapeOf(run), written, live, force });
}

function liveOf(record: ObjectRecord): 'unchanged' | 'inspect' | 'recreated' | 'deleting' | 'missing' | null {
  if (record.live === 'unobserved') return null;
  return record.live === 'drifted' ? 'inspect' : record.live;
}

function refusalOf(run: Run, sync: SyncPlan, tasks: (ApplyTask | HookTask)[]): string | null {
  const refused = sync.failed
    .filter((failure) => failure.reason === 'NotPermitted')
    .map(({ identity, message }) => `${identityKey(identity)}: ${message}`);
  const own = tasks.filter((task) => isAgentsOwn(run, task.identity)).map((task) => task.identity);
  const messages = [...refused, ...own.map((identity) => `${identityKey(identity)} belongs to the agent`)];
  return messages.length === 0 ? null : messages.slice(0, 5).join('; ');
}

/** No application writes where the agent lives but its own, and that one no Secret. */
export function isAgentsOwn(run: Run, identity: Identity): boolean {
  const { agentNamespace } = run.cluster;
  const inside = identity.namespace === agentNamespace;
  const itself = identity.group === '' && identity.kind === 'Namespace' && identity.name === agentNamespace;
  if (!inside && !itself) return false;
  return run.body.application.project !== 'system' || (identity.group === '' && identity.kind === 'Secret');
}
